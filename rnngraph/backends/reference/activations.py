"""Activations by numpy's own functions where it has them, not by the primitives that backends emit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnngraph.backends.reference.types import Float


def sigmoid(x: Float) -> Float:
    """``1 / (1 + e^-x)`` by its identity with tanh, which never overflows and is exactly 0 and 1 far out."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def elu(x: Float) -> Float:
    """x above 0, ``e^x - 1`` below."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))


def rationaltanh(x: Float) -> Float:
    """``1.7159 tanh(2x / 3)`` with tanh approximated by a rational function, as DL4J's RATIONALTANH."""
    y = 2.0 * x / 3.0
    return np.asarray(1.7159 * np.sign(y) * (1.0 - 1.0 / (1.0 + np.abs(y) + y**2 + 1.41645 * y**4)))


def softmax(x: Float) -> Float:
    """Over the last axis, shifted by its maximum, so that nothing overflows."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


ACTIVATIONS: dict[str, Callable[[Float], Float]] = {
    "identity": lambda x: x,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "elu": elu,
    "softsign": lambda x: np.asarray(x / (1.0 + np.abs(x))),
    "hardsigmoid": lambda x: np.clip(0.2 * x + 0.5, 0.0, 1.0),
    "rationaltanh": rationaltanh,
    "softmax": softmax,
}
