"""Constraints: parameters brought back to a norm or a sign after each update (dl4j ``org.deeplearning4j.nn.conf.constraint``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnngraph.conf.constraints import Constraint, NonNegativeConstraint
from rnngraph.conf.parameters import array_of, key_of, label, owner
from rnngraph.errors import ConfigurationError

if TYPE_CHECKING:
    from rnngraph.base_network import Network

EPSILON = 1e-6
TIMES = 2
"""DL4J applies each constraint twice in a row, which a rate below 1 shows."""


@dataclass(frozen=True)
class Bound:
    """A constraint and the arrays that it sees as one, by name: R and P of a GravesLSTM, else a single one."""

    constraint: Constraint
    names: tuple[str, ...]
    by_rows: bool
    """Whether a matrix has inputs as rows here too, as an embedding's; all others stand transposed."""


def bounds(network: Network) -> list[Bound]:
    """All constraints of the network, those of an array in their order. ConfigurationError for one without a formula."""
    config, arrays = network.config, dict[str, list[str]]()
    for name in network._parameters:
        arrays.setdefault(array_of(config, name), []).append(name)
    found: list[Bound] = []
    for first, names in arrays.items():
        layer = owner(config, first)
        for constraint in getattr(layer, "constraints", None) or ():
            if not isinstance(constraint, NonNegativeConstraint) and constraint.tag() not in FACTORS:
                raise ConfigurationError(
                    f"{label(config, first)}: there is no formula for {constraint.tag()}; expected one of "
                    f"{', '.join(sorted(FACTORS))}, NonNegativeConstraint, or an entry in rnngraph.training.constraints.FACTORS"
                )
            if _acts_on(constraint.on, key_of(first), layer.is_bias(key_of(first))):
                found.append(Bound(constraint, tuple(names), bool(layer.reads_ids)))
    return found


def _acts_on(on: str, key: str, is_bias: bool) -> bool:
    return {
        "all": True,
        "biases": is_bias,
        "weights": not is_bias,
        "input_weights": key == "W",
        "recurrent_weights": not is_bias and key not in ("W", "g"),
    }[on]


def apply(bounds: list[Bound], parameters: Mapping[str, Tensor]) -> None:
    """Bring the parameters back, in place."""
    for bound in bounds:
        views = [_as_dl4j(parameters[name].detach(), key_of(name), bound.by_rows) for name in bound.names]
        for _ in range(TIMES):
            if isinstance(bound.constraint, NonNegativeConstraint):
                torch._foreach_clamp_min_(views, 0.0)
            else:
                _scale(bound.constraint, views)


def _as_dl4j(w: Tensor, key: str, by_rows: bool) -> Tensor:
    """``w`` with the dimensions that DL4J counts, columns in whatever order: [n_in, n_out], vectors [1, n], filters of rank 4."""
    if w.ndim == 1 or key == "g":
        return w.reshape(1, -1)
    if w.ndim == 2:
        return w if by_rows else w.t()
    return w.unsqueeze(-1) if w.ndim == 3 else w


def _scale(constraint: Any, views: list[Tensor]) -> None:
    """w times the factor of its norm; arrays side by side share one where it goes along all their columns."""
    squares = [view.double().square().sum(constraint.dimensions, keepdim=True) for view in views]
    if 1 in constraint.dimensions:
        squares = [torch.stack(squares).sum(0)] * len(views)
    for view, square in zip(views, squares, strict=True):
        view.mul_(FACTORS[constraint.tag()](constraint, square.sqrt()))


def _max_norm(constraint: Any, norm: Tensor) -> Tensor:
    """min(norm, max) / (norm + 1e-6)."""
    return norm.clamp(max=constraint.max_norm) / (norm + EPSILON)


def _min_max_norm(constraint: Any, norm: Tensor) -> Tensor:
    """s = clip(norm, min, max) / (norm + 1e-6), rate s + (1 - rate) (norm + 1e-6)."""
    s = norm.clamp(constraint.min_norm, constraint.max_norm) / (norm + EPSILON)
    return s if constraint.rate == 1 else constraint.rate * s + (1 - constraint.rate) * (norm + EPSILON)


def _unit_norm(constraint: Any, norm: Tensor) -> Tensor:
    """1 / norm; what is 0 stays 0."""
    return torch.where(norm > 0, 1 / norm, 1.0)


FACTORS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "MaxNormConstraint": _max_norm,
    "MinMaxNormConstraint": _min_max_norm,
    "UnitNormConstraint": _unit_norm,
}
"""By the constraint's class: from the norm to what w is multiplied by."""
