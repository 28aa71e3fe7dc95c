"""Activations as IR: what each computes in primitives, and its derivative.

A backend may have an op of its own for an activation; where it has none it uses the primitives. ``derivative(x, y)`` is dy/dx as a value
(y is at hand for free, x costs a buffer in training, so derivatives use y where they can). Softmax, whose derivative is no elementwise
factor, has a ``pullback`` instead. Definitions: DL4J's (sources of ``org.nd4j.linalg.activations``), for softmax over the last axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnngraph.errors import GraphError
from rnngraph.ir.cell import absolute, exp, greater, maximum, minimum, sign, sum_last, where
from rnngraph.ir.graph import Value


@dataclass(frozen=True)
class Activation:
    """An activation: its primitives and, if there is a closed form, its derivative."""

    name: str
    primitives: Callable[[Value], Value]
    derivative: Callable[[Value, Value], Value | float] | None
    uses_x: bool = False
    """Whether the derivative reads x and not y alone."""
    saturates: bool = False
    """Whether it is exactly 0 and 1 for large negative and positive x, as mask weights need."""
    pullback: Callable[[Value, Value], Value] | None = None
    """For activations of a whole row: the gradient of x from y and the gradient of y."""


def _sigmoid(x: Value) -> Value:
    return 1.0 / (1.0 + exp(-x))


def _tanh(x: Value) -> Value:
    return 2.0 * _sigmoid(2.0 * x) - 1.0


def _elu(x: Value) -> Value:
    """In this form the bits do not depend on the shape in onnxruntime, unlike its Elu."""
    return exp(minimum(x, 0.0)) - 1.0 + maximum(x, 0.0)


def _hardsigmoid(x: Value) -> Value:
    return maximum(minimum(0.2 * x + 0.5, 1.0), 0.0)


def _rationaltanh(x: Value) -> Value:
    v = x * (2.0 / 3.0)
    a = absolute(v)
    square = v * v
    return 1.7159 * (sign(v) * (1.0 - 1.0 / (1.0 + a + square + 1.41645 * (square * square))))


def _rationaltanh_derivative(x: Value, y: Value) -> Value:
    a = absolute(x * (2.0 / 3.0))
    square = a * a
    inverse = 1.0 / (1.0 + a + square + 1.41645 * (square * square))
    return (1.7159 * 2.0 / 3.0) * ((1.0 + 2.0 * a + (4.0 * 1.41645) * (square * a)) * inverse * inverse)


def _softmax(x: Value) -> Value:
    """Without the shift by the row's maximum, which only guards against overflow: backends have an op of their own."""
    e = exp(x)
    return e / sum_last(e)


def _one(x: Value, y: Value) -> float:
    return 1.0


def _square_of_rest(x: Value, y: Value) -> Value:
    rest = 1.0 - absolute(y)
    return rest * rest


ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("identity", lambda x: x, _one),
        Activation("sigmoid", _sigmoid, lambda x, y: y * (1.0 - y), saturates=True),
        Activation("tanh", _tanh, lambda x, y: 1.0 - y * y),
        Activation("relu", lambda x: maximum(x, 0.0), lambda x, y: where(greater(y, 0.0), 1.0, 0.0)),
        Activation("elu", _elu, lambda x, y: minimum(y, 0.0) + 1.0),
        Activation("softsign", lambda x: x / (1.0 + absolute(x)), _square_of_rest),
        Activation("hardsigmoid", _hardsigmoid, lambda x, y: where(greater(0.5 - absolute(y - 0.5), 0.0), 0.2, 0.0), saturates=True),
        Activation("rationaltanh", _rationaltanh, _rationaltanh_derivative, uses_x=True),
        Activation("softmax", _softmax, None, pullback=lambda y, g: y * (g - sum_last(g * y))),
    )
}


def lookup(name: str) -> Activation:
    """The activation called ``name``."""
    if name not in ACTIVATIONS:
        raise GraphError(f"there is no activation {name!r}; there are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]
