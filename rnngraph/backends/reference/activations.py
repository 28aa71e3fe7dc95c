"""Activations by numpy's own functions where it has them, not by the primitives that backends emit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from rnngraph.backends.reference.types import Float
from rnngraph.ir.activations import Activation, lookup


def sigmoid(x: Float) -> Float:
    """``1 / (1 + e^-x)`` by its identity with tanh, which never overflows and is exactly 0 and 1 far out."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def elu(x: Float, alpha: float) -> Float:
    """x above 0, ``α(e^x - 1)`` below."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def rationaltanh(x: Float) -> Float:
    """``1.7159 tanh(2x / 3)`` with tanh approximated by a rational function, as DL4J's RATIONALTANH."""
    y = 2.0 * x / 3.0
    return np.asarray(1.7159 * np.sign(y) * (1.0 - 1.0 / (1.0 + np.abs(y) + y**2 + 1.41645 * y**4)))


def softmax(x: Float) -> Float:
    """Over the last axis, shifted by its maximum, so that nothing overflows."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def relu(x: Float, max: float | None, threshold: float, negative_slope: float) -> Float:
    """``negative_slope · (x - threshold)`` below the threshold, x from there on, ``max`` at most."""
    y = np.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max is None else np.minimum(y, max)


def gelu(x: Float, precise: bool) -> Float:
    """``x sigmoid(1.702 x)``, or by tanh (Hendrycks and Gimpel 2016)."""
    if not precise:
        return np.asarray(x * sigmoid(1.702 * x))
    return np.asarray(0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))))


def softplus(x: Float) -> Float:
    """``ln(e^0 + e^x)``."""
    return np.asarray(np.logaddexp(0.0, x))


def selu(x: Float) -> Float:
    """Klambauer et al. 2017."""
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return np.asarray(scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))))


ACTIVATIONS: dict[str, Callable[..., Float]] = {
    "cube": lambda x: np.asarray(x**3),
    "elu": elu,
    "gelu": gelu,
    "hardsigmoid": lambda x: np.clip(0.2 * x + 0.5, 0.0, 1.0),
    "hardtanh": lambda x: np.clip(x, -1.0, 1.0),
    "identity": lambda x: x,
    "leakyrelu": lambda x, alpha: np.where(x < 0, alpha * x, x),
    "mish": lambda x: np.asarray(x * np.tanh(softplus(x))),
    "rationaltanh": rationaltanh,
    "rectifiedtanh": lambda x: np.tanh(np.where(x > 0, x, 0.0)),
    "relu": relu,
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "rrelu": lambda x, lower, upper: np.where(x < 0, 0.5 * (lower + upper) * x, x),
    "selu": selu,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": lambda x: np.asarray(x / (1.0 + np.abs(x))),
    "swish": lambda x: np.asarray(x * sigmoid(x)),
    "tanh": np.tanh,
    "thresholdedrelu": lambda x, theta: np.where(x > theta, x, 0.0),
}
"""The built-in activations, given their parameters by name."""


def function(name: str) -> Callable[[Float], Float]:
    """What the activation that ``name`` spells computes; a user's own is interpreted op by op."""
    activation = lookup(name)
    if activation.own:
        return partial(_interpreted, activation)
    return partial(ACTIVATIONS[activation.name], **activation.parameters)


def _interpreted(activation: Activation, x: Float) -> Float:
    from rnngraph.backends.reference.table import TABLE

    block, argument = activation.traced
    values = {argument: x}
    for node in block.nodes:
        values.update(zip(node.outputs, TABLE[node.op]([values[v] for v in node.inputs], node.attributes), strict=True))
    return values[block.results[0]]
