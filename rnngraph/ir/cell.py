"""Cells: a recurrent layer's single step, written once as its equations.

A :class:`Cell` names its sequences (what it reads at each step), its states, its weights and its activations, and has the step itself: a
function of values that returns ``(y, next state, ...)``. :func:`trace` runs it on symbolic values and gives the
:class:`~rnngraph.ir.graph.Body` from which come the reference loop, torch's generated step, the ONNX ``Scan`` and straight-line forms, and
the derived backward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from rnngraph.errors import GraphError
from rnngraph.ir.graph import Body, Value
from rnngraph.ir.types import Dim, N, floats, symbol

H = symbol("H")

Step = Callable[..., tuple[Value, ...]]


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell.

    ``sequences`` and ``states`` map names to widths ([N, width] at each step), ``weights`` map names to shapes, ``activations`` lists the
    step's arguments that are activations. ``step`` takes all of them as keyword arguments.
    """

    name: str
    step: Step
    sequences: Mapping[str, Dim]
    states: Mapping[str, Dim]
    weights: Mapping[str, tuple[Dim, ...]]
    activations: tuple[str, ...] = ()


def trace(cell: Cell, **activations: str) -> Body:
    """The body of ``cell`` with these activations; one body per structure, whatever the sizes."""
    if sorted(activations) != sorted(cell.activations):
        raise GraphError(f"cell {cell.name!r} takes the activations {list(cell.activations)}, got {sorted(activations)}")
    return _trace(cell, tuple(sorted(activations.items())))


@cache
def _trace(cell: Cell, activations: tuple[tuple[str, str], ...]) -> Body:
    body = Body(cell, dict(activations))
    body.sequences = [body.argument(k, floats(N, width)) for k, width in cell.sequences.items()]
    body.states = [body.argument(k, floats(N, width)) for k, width in cell.states.items()]
    body.weights = [body.argument(k, floats(*shape)) for k, shape in cell.weights.items()]
    values: dict[str, Any] = {v.name: v for v in body.arguments}
    results = cell.step(**values, **{k: partial(activation, name=name) for k, name in activations})
    if len(results) != 1 + len(body.states):
        raise GraphError(f"cell {cell.name!r}: step returned {len(results)} values, expected the output and {len(body.states)} next states")
    for state, result in zip(body.states, results[1:], strict=True):
        if result.type != state.type:
            raise GraphError(f"cell {cell.name!r}: the next state of {state.name!r} is {result.type}, expected {state.type}")
    body.results = list(results)
    return body


def activation(x: Value, *, name: str) -> Value:
    """Activation ``name`` of x, elementwise (softmax: over the last axis)."""
    return x.block.add("activation", [x], name, name=name)


def linear(x: Value, w: Value) -> Value:
    """``x · Wᵀ``: x [..., K], W [M, K] -> [..., M]."""
    return x.block.add("linear", [x, w])


def split(x: Value, parts: int) -> tuple[Value, ...]:
    """Equal parts of the last axis."""
    return x.block.add_many("split", [x], parts=parts)


def rows(w: Value, count: int) -> tuple[Value, ...]:
    """The rows of a weight [count, M], each [M]."""
    return tuple(w.block.add("take", [w], index=k) for k in range(count))


def where(condition: Value, a: Value | float, b: Value | float) -> Value:
    """``a`` where the condition holds, ``b`` elsewhere."""
    return condition.block.add("where", [condition, a, b])


def greater(a: Value, b: Value | float) -> Value:
    """``a > b``."""
    return a.block.add("greater", [a, b])


def unary(op: str) -> Callable[[Value], Value]:
    """The function that adds the one-operand op ``op``."""

    def apply(x: Value) -> Value:
        return x.block.add(op, [x])

    apply.__doc__ = f"``{op}(x)``, elementwise."
    return apply


absolute, sign, exp, sqrt = unary("abs"), unary("sign"), unary("exp"), unary("sqrt")


def maximum(a: Value, b: Value | float) -> Value:
    """The larger of both, elementwise."""
    return a.block.add("max", [a, b])


def minimum(a: Value, b: Value | float) -> Value:
    """The smaller of both, elementwise."""
    return a.block.add("min", [a, b])


def sum_last(x: Value) -> Value:
    """Sum over the last axis, which stays as 1."""
    return x.block.add("sum", [x], keepdims=True)


EPSILON = 9.999999747378752e-06
"""1e-5 as float32 has it, which is what ONNX can say."""


def normalize(x: Value, epsilon: float = EPSILON) -> Value:
    """``(x - mean) / sqrt(variance + epsilon)`` over the last axis (Ba, Kiros and Hinton 2016, without gain and bias)."""
    return x.block.add("normalize", [x], epsilon=epsilon)
