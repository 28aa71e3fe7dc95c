"""Gradient normalisation: norms and values of a layer's gradients are bounded before penalties are added (DL4J's ``preApply``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnngraph.conf.parameters import array_of, index_of, owner

if TYPE_CHECKING:
    from rnngraph.base_network import Network


@dataclass(frozen=True)
class Section:
    """Gradients that are normalised together."""

    mode: str
    threshold: float
    names: tuple[str, ...]


def sections(network: Network) -> list[Section]:
    """One for each layer, both directions together; "per parameter type" one for each array that DL4J has."""
    found: dict[str, tuple[str, float, list[str]]] = {}
    for name in network._parameters:
        layer = owner(network.config, name)
        mode = layer.gradient_normalization
        if mode != "none":
            together = array_of(network.config, name) if mode.endswith("per_param_type") else str(index_of(network.config, name))
            found.setdefault(together, (mode, layer.gradient_normalization_threshold, []))[2].append(name)
    return [Section(mode, threshold, tuple(names)) for mode, threshold, names in found.values()]


def normalised(sections: list[Section], gradients: dict[str, Tensor]) -> tuple[dict[str, Tensor], bool]:
    """The normalised gradients, those given stay as they are; and whether the norms of all that are normalised are finite."""
    names = [name for section in sections for name in section.names]
    squares = torch._foreach_norm([gradients[name] for name in names], 2, dtype=torch.float64)
    norms = dict(zip(names, torch.stack(squares).tolist(), strict=True))
    out = dict(gradients)
    for section in sections:
        chosen = [gradients[name] for name in section.names]
        if section.mode == "clip_element_wise_absolute_value":
            chosen = list(torch._foreach_clamp_min(torch._foreach_clamp_max(chosen, section.threshold), -section.threshold))
        else:
            norm = math.hypot(*(norms[name] for name in section.names))
            factor = _FACTORS[section.mode.partition("_")[0]](norm, section.threshold)
            chosen = list(torch._foreach_mul(chosen, factor))
        out.update(zip(section.names, chosen, strict=True))
    return out, all(map(math.isfinite, norms.values()))


_FACTORS: Mapping[str, Callable[[float, float], float]] = {
    "renormalize": lambda norm, threshold: 1.0 / (norm or 1e-5),
    "clip": lambda norm, threshold: threshold / norm if norm > threshold else 1.0,
}
