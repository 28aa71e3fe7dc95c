"""L1, L2 and weight decay: what they add to gradients, steps and the score.

L1 and L2 reach the updater with the gradient, g + l1 sign(w) + l2 w; a weight decay c acts behind it, w -= u + c lr w, by the w of before.
The score counts l1 |w| + l2/2 w² + c/2 w². All as DL4J (``org.nd4j.linalg.learning.regularization``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnngraph.conf.layers import WeightLayer
from rnngraph.conf.parameters import key_of, owner

if TYPE_CHECKING:
    from rnngraph.base_network import Network

Arrays = Mapping[str, Tensor]


@dataclass(frozen=True)
class Penalty:
    """The coefficients of one parameter; ``apply_lr``: the decay is times the learning rate."""

    l1: float = 0.0
    l2: float = 0.0
    decay: float = 0.0
    apply_lr: bool = True


Penalties = dict[str, Penalty]
"""By parameter; those that have none are left out."""


def penalties(network: Network) -> Penalties:
    """Biases by the settings of biases, all else by those of weights: peepholes and gains too. Batch normalisations have none."""
    found: Penalties = {}
    for name in network._parameters:
        layer = owner(network.config, name)
        if not isinstance(layer, WeightLayer):
            continue
        if layer.is_bias(key_of(name)):
            one = Penalty(layer.l1_bias, layer.l2_bias, layer.weight_decay_bias, layer.weight_decay_bias_apply_lr)
        else:
            one = Penalty(layer.l1, layer.l2, layer.weight_decay, layer.weight_decay_apply_lr)
        if one.l1 or one.l2 or one.decay:
            found[name] = one
    return found


def penalty(network: Network, penalties: Penalties) -> float:
    """What the score counts."""
    if not penalties:
        return 0.0
    total = 0.0
    with torch.no_grad():
        for order, coefficients in ((1, {n: p.l1 for n, p in penalties.items()}), (2, {n: p.l2 + p.decay for n, p in penalties.items()})):
            names = [name for name, k in coefficients.items() if k]
            if names:
                norms = torch._foreach_norm([network._parameters[name] for name in names], order, dtype=torch.float64)
                for name, norm in zip(names, torch.stack(norms).tolist(), strict=True):
                    total += coefficients[name] * (norm if order == 1 else norm**2 / 2)
    return total


class Regularisation:
    """What ``penalties`` do at each update."""

    def __init__(self, penalties: Penalties) -> None:
        self._l1 = _by_number({name: p.l1 for name, p in penalties.items()})
        self._l2 = _by_number({name: p.l2 for name, p in penalties.items()})
        self.decayed = {name: p for name, p in penalties.items() if p.decay}

    def added(self, gradients: dict[str, Tensor], parameters: Arrays) -> dict[str, Tensor]:
        """The gradients with L1 and L2; those given stay as they are."""
        if not self._l1 and not self._l2:
            return gradients
        out = dict(gradients)
        for coefficient, names in self._l1.items():
            signs = torch._foreach_sign([parameters[name] for name in names])
            out.update(zip(names, torch._foreach_add([out[name] for name in names], signs, alpha=coefficient), strict=True))
        for coefficient, names in self._l2.items():
            w = [parameters[name] for name in names]
            out.update(zip(names, torch._foreach_add([out[name] for name in names], w, alpha=coefficient), strict=True))
        return out

    def decays(self, parameters: Arrays, rates: Mapping[str, float]) -> dict[str, Tensor]:
        """What is taken off the parameters behind the updater, by the learning rates of each."""
        factors = {name: p.decay * (rates[name] if p.apply_lr else 1.0) for name, p in self.decayed.items()}
        found: dict[str, Tensor] = {}
        for factor, names in _by_number(factors).items():
            found.update(zip(names, torch._foreach_mul([parameters[name] for name in names], factor), strict=True))
        return found


def _by_number(coefficients: Mapping[str, float]) -> dict[float, list[str]]:
    """The names by their number, without those of 0."""
    out: dict[float, list[str]] = {}
    for name, number in coefficients.items():
        if number:
            out.setdefault(number, []).append(name)
    return out
