"""Torch's activation modules and the activations that compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from rnngraph.conf import ELU, GELU, LeakyReLU, ReLU, RReLU, ThresholdedReLU
from rnngraph.conf.activations import Activation
from rnngraph.errors import ConfigurationError

Found = str | Activation | None


def activation_of(module: nn.Module, label: str) -> str | Activation:
    """What computes the activation ``module``. ConfigurationError where its settings are none of rnngraph's."""
    cls = next(c for c in ACTIVATIONS if isinstance(module, c))
    found = ACTIVATIONS[cls](module)
    if found is None:
        raise ConfigurationError(f"{label}: rnngraph has not {module}; give {_EXPECTED[cls]}")
    return found


def _hardtanh(module: Any) -> Found:
    """Between -1 and 1, or a ReLU with a largest value."""
    if (module.min_val, module.max_val) == (-1.0, 1.0):
        return "hardtanh"
    return ReLU(max=float(module.max_val)) if module.min_val == 0.0 else None


ACTIVATIONS: Mapping[type[nn.Module], Callable[[Any], Found]] = {
    nn.ELU: lambda m: ELU(alpha=float(m.alpha)) if m.alpha >= 0 else None,
    nn.GELU: lambda m: GELU(precise=True) if m.approximate == "tanh" else None,
    nn.LeakyReLU: lambda m: LeakyReLU(alpha=float(m.negative_slope)),
    nn.Mish: lambda m: "mish",
    nn.ReLU: lambda m: "relu",
    nn.ReLU6: lambda m: "relu6",
    nn.Hardtanh: _hardtanh,  # behind ReLU6, which is derived from it
    nn.RReLU: lambda m: RReLU(lower=float(m.lower), upper=float(m.upper)),
    nn.SELU: lambda m: "selu",
    nn.SiLU: lambda m: "swish",
    nn.Sigmoid: lambda m: "sigmoid",
    nn.Softmax: lambda m: "softmax",
    nn.Softplus: lambda m: "softplus" if m.beta == 1 and m.threshold >= 20 else None,
    nn.Softsign: lambda m: "softsign",
    nn.Tanh: lambda m: "tanh",
    nn.Threshold: lambda m: ThresholdedReLU(theta=float(m.threshold)) if m.value == 0 else None,
}
"""By torch's class; None for settings that rnngraph does not have."""
_EXPECTED: Mapping[type[nn.Module], str] = {
    nn.ELU: "an alpha of at least 0",
    nn.GELU: "GELU(approximate='tanh'): its exact form is not among rnngraph's activations",
    nn.Hardtanh: "Hardtanh(), or a min_val of 0",
    nn.Softplus: "Softplus()",
    nn.Threshold: "a value of 0",
}
