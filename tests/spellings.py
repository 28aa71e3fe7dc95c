"""Activations as nodes spell them: each with its defaults, and those that have parameters with others."""

from __future__ import annotations

from rnngraph.ir.activations import ACTIVATIONS

PARAMETRISED = (
    "elu(alpha=0.5)",
    "gelu(precise=True)",
    "leakyrelu(alpha=0.25)",
    "leakyrelu(alpha=-0.5)",
    "relu(max=0.75)",
    "relu(max=1.5, threshold=0.125, negative_slope=0.25)",
    "relu(threshold=-0.25)",
    "relu(negative_slope=0.125)",
    "rrelu(lower=0.25, upper=0.5)",
    "thresholdedrelu(theta=0.125)",
    "thresholdedrelu(theta=-0.5)",
)
SPELLINGS = (*sorted(ACTIVATIONS), *PARAMETRISED)
UNBOUNDED = ("cube", "elu", "gelu", "identity", "leakyrelu", "mish", "relu", "rrelu", "selu", "softplus", "swish", "thresholdedrelu")
"""As a gate they make states grow beyond float32."""


def bounded(spelling: str) -> bool:
    """Whether an activation may be a gate over many steps."""
    return spelling.partition("(")[0] not in UNBOUNDED
