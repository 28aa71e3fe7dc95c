"""The ops of the representation: what each takes, and the type of what it gives.

Three kinds stand in one table. *Primitives* may stand in a cell's body and in a graph. *Graph ops* know the time axis, which is the first
one: everything inside a graph is [T, N, F]; those that look along it are in :mod:`~rnngraph.ir.time_ops`, those of single
families of layers in :mod:`~rnngraph.ir.layer_ops`, those with windows in :mod:`~rnngraph.ir.windows`. *Fused ops* come from passes only.
Axes of primitives are negative, so that a body's code holds for one step [N, F] and for all steps at once [T, N, F].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rnngraph.ir import layer_ops as layer_ops
from rnngraph.ir import time_ops as time_ops
from rnngraph.ir import windows as windows
from rnngraph.ir.table import (
    ACTIVATION,
    ANY,
    BOOL,
    COUNT,
    FLAG,
    FLOAT,
    MAYBE_REALS,
    NUMBER,
    OPS,
    REAL,
    REALS,
    SHAPE,
    WHOLE,
    WHOLES,
    Attributes,
    Elements,
    Infer,
    choice,
    infer,
    misfit,
    op,
)
from rnngraph.ir.types import Dim, ElementType, Shape, TensorType, broadcast, divide

__all__ = ["OPS", "infer"]


def _elementwise(name: str, element: ElementType | None = None) -> Infer:
    def rule(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
        shape = types[0].shape
        for t in types[1:]:
            joined = broadcast(shape, t.shape)
            if joined is None or t.element != types[0].element:
                raise misfit(name, types, "operands of one element type whose shapes broadcast")
            shape = joined
        return (TensorType(element or types[0].element, shape),)

    return rule


def _enter(arity: int, elements: Elements, *names: str) -> None:
    for name in names:
        op(name, arity, elements, primitive=True)(_elementwise(name))


_enter(2, NUMBER, "add", "sub", "mul", "max", "min")
_enter(2, FLOAT, "div")
# The first operand times the derivative of the activation whose value is the second: torch has a kernel for it.
_enter(2, FLOAT, "sigmoid_backward", "tanh_backward", "relu_backward", "hardsigmoid_backward")
_enter(1, NUMBER, "neg", "abs", "sign")
_enter(1, FLOAT, "exp", "sqrt")
_enter(1, ANY, "identity")
op("log", 1, primitive=True, invariant=False)(_elementwise("log"))
op("greater", 2, NUMBER, primitive=True)(_elementwise("greater", "bool"))
op("not", 1, BOOL, primitive=True)(_elementwise("not"))
op("activation", 1, primitive=True, name=ACTIVATION)(_elementwise("activation"))


@op("constant", 0, primitive=True, value=REAL)
def _constant(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType("float", ()),)


@op("zeros", 1, ANY)
def _zeros(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Zeros shaped as the operand."""
    return (types[0],)


@op("cast", 1, ANY, to=choice(*ANY))
def _cast(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType(attributes["to"], types[0].shape),)


@op("where", 3, [BOOL, ANY, ANY], primitive=True)
def _where(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    condition, a, b = types
    shape = broadcast(a.shape, b.shape)
    shape = None if shape is None else broadcast(condition.shape, shape)
    if shape is None or a.element != b.element:
        raise misfit("where", types, "a bool condition and two operands of one element type that broadcast with it")
    return (TensorType(a.element, shape),)


@op("linear", 2, primitive=True)
def _linear(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``x · Wᵀ``: x [..., K], W [M, K] -> [..., M]; ``integer_linear`` first rounds x to multiples of 1/127 from -128/127 to 1."""
    x, w = types
    if x.rank < 1 or w.rank != 2 or x.shape[-1] != w.shape[1]:
        raise misfit("linear", types, "x [..., K] and W [M, K]")
    return (TensorType("float", (*x.shape[:-1], w.shape[0])),)


op("integer_linear", 2, primitive=True)(_linear)


@op("linear_t", 2, primitive=True)
def _linear_t(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``x · W``: x [..., M], W [M, K] -> [..., K]."""
    x, w = types
    if x.rank < 1 or w.rank != 2 or x.shape[-1] != w.shape[0]:
        raise misfit("linear_t", types, "x [..., M] and W [M, K]")
    return (TensorType("float", (*x.shape[:-1], w.shape[1])),)


@op("outer_sum", 2, primitive=True)
def _outer_sum(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``Σ aᵀ b`` over all leading axes: a [..., M], b [..., K] -> [M, K]; the gradient of ``linear`` by its weights."""
    a, b = types
    if a.rank < 1 or b.rank < 1 or a.shape[:-1] != b.shape[:-1]:
        raise misfit("outer_sum", types, "a [..., M] and b [..., K] with the same leading axes")
    return (TensorType("float", (a.shape[-1], b.shape[-1])),)


@op("sum_to", 1, primitive=True, shape=SHAPE)
def _sum_to(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Sum over all leading axes down to ``shape``; the gradient of broadcasting."""
    shape: Shape = attributes["shape"]
    if broadcast(shape, types[0].shape) != types[0].shape:
        raise misfit("sum_to", types, f"an operand to which {TensorType('float', shape)} broadcasts")
    return (TensorType("float", shape),)


@op("sum", 1, primitive=True, keepdims=FLAG)
def _sum(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Sum over the last axis, which stays as 1 with ``keepdims``."""
    if types[0].rank < 1:
        raise misfit("sum", types, "an operand with a last axis")
    lead = types[0].shape[:-1]
    return (TensorType("float", (*lead, 1) if attributes["keepdims"] else lead),)


@op("split", 1, ANY, primitive=True, parts=COUNT)
def _split(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``parts`` equal pieces of the last axis."""
    x, parts = types[0], int(attributes["parts"])
    piece = divide(x.shape[-1], parts) if x.rank else None
    if piece is None:
        raise misfit("split", types, f"a last axis that divides into {parts} parts")
    return (TensorType(x.element, (*x.shape[:-1], piece)),) * parts


@op("concat", None, ANY, primitive=True, axis=WHOLE)
def _concat(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Join along ``axis`` (negative, or 0 in graphs)."""
    axis = attributes["axis"]
    first = types[0] if types else None
    if first is None or not -first.rank <= axis < first.rank:
        raise misfit("concat", types, f"at least one operand, with an axis {axis}")
    total: Dim = 0
    for t in types:
        lead = list(t.shape)
        if t.rank == first.rank:
            total = total + lead[axis]
            lead[axis] = first.shape[axis]
        if tuple(lead) != first.shape or t.element != first.element:
            raise misfit("concat", types, f"operands of one element type whose shapes differ along axis {axis} only")
    shape = list(first.shape)
    shape[axis] = total
    return (TensorType(first.element, tuple(shape)),)


@op("normalize", 1, primitive=True, epsilon=REAL)
def _normalize(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``(x - mean) / sqrt(variance + epsilon)`` over the last axis, the variance that of the whole population."""
    if types[0].rank < 1:
        raise misfit("normalize", types, "an operand with a last axis")
    return (types[0],)


@op("normalize_backward", 2, primitive=True, epsilon=REAL)
def _normalize_backward(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The gradient of x from that of ``normalize(x)``, the first operand, and x, the second."""
    g, x = types
    if x.rank < 1 or g.shape != x.shape:
        raise misfit("normalize_backward", types, "a gradient and an x [..., K] of one shape")
    return (x,)


@op("block_rows", 1, start=WHOLE, stop=WHOLE, blocks=COUNT)
def _block_rows(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Rows ``start`` to ``stop`` of a weight, counted in blocks of which it has ``blocks``: W [K, M] -> [(stop - start) K / blocks, M]."""
    w, start, stop, blocks = types[0], attributes["start"], attributes["stop"], attributes["blocks"]
    block = divide(w.shape[0], blocks) if w.rank else None
    if block is None or not 0 <= start < stop <= blocks:
        raise misfit("block_rows", types, f"a weight with {blocks} equal blocks of rows, of which {start} to {stop} are taken")
    return (TensorType("float", (block * (stop - start), *w.shape[1:])),)


@op("take", 1, primitive=True, index=WHOLE)
def _take(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Row ``index`` of a weight: W [K, M] -> [M]."""
    w, index = types[0], attributes["index"]
    if w.rank != 2 or index < 0 or (isinstance(w.shape[0], int) and index >= w.shape[0]):
        raise misfit("take", types, f"a weight [K, M] with a row {index}")
    return (TensorType("float", w.shape[1:]),)


@op("place", 1, primitive=True, index=WHOLE, shape=SHAPE)
def _place(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The opposite of ``take``: zeros of ``shape`` with the operand as row ``index``."""
    shape, index = attributes["shape"], attributes["index"]
    if shape[1:] != types[0].shape or not shape or index < 0 or (isinstance(shape[0], int) and index >= shape[0]):
        raise misfit("place", types, f"a row of {TensorType('float', shape)}, which has a row {index}")
    return (TensorType("float", shape),)


@op("transpose", 1, ANY, order=WHOLES)
def _transpose(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    x, order = types[0], attributes["order"]
    if sorted(order) != list(range(x.rank)):
        raise misfit("transpose", types, f"a rank that fits the order {order}")
    return (TensorType(x.element, tuple(x.shape[k] for k in order)),)


@op("reshape", 1, ANY, axes=COUNT, shape=WHOLES)
def _reshape(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The last ``axes`` axes, whose sizes are numbers, as axes of the sizes ``shape``: [..., H, W, C] -> [..., H · W · C] and back."""
    x, axes, shape = types[0], attributes["axes"], tuple(attributes["shape"])
    old = x.shape[max(x.rank - axes, 0) :]
    numbers = [d for d in old if isinstance(d, int)]
    if len(numbers) != axes or not shape or min(shape) < 1 or math.prod(numbers) != math.prod(shape):
        raise misfit("reshape", types, f"{axes} last axes that are numbers, with {math.prod(shape)} values in all")
    return (TensorType(x.element, (*x.shape[:-axes], *shape)),)


@op("unsqueeze", 1, ANY, axis=WHOLE)
def _unsqueeze(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A new axis of size 1, which is the axis ``axis`` of the result."""
    x, axis = types[0], attributes["axis"]
    if not -x.rank - 1 <= axis <= x.rank:
        raise misfit("unsqueeze", types, f"a rank that allows a new axis {axis}")
    position = axis if axis >= 0 else x.rank + 1 + axis
    return (TensorType(x.element, (*x.shape[:position], 1, *x.shape[position:])),)


@op("squeeze", 1, ANY, axis=WHOLE)
def _squeeze(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    x, axis = types[0], attributes["axis"]
    if not -x.rank <= axis < x.rank or x.shape[axis] != 1:
        raise misfit("squeeze", types, f"an axis {axis} of size 1")
    position = axis % x.rank
    return (TensorType(x.element, x.shape[:position] + x.shape[position + 1 :]),)


@op("row", 1, ANY, index=WHOLE)
def _row(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Entry ``index`` of the first axis, 0 or -1 (the last) where its size is free: [T, N, F] -> [N, F]."""
    x, index = types[0], attributes["index"]
    size = x.shape[0] if x.rank else 0
    if not (-size <= index < size if isinstance(size, int) else index in (0, -1)):
        raise misfit("row", types, f"a first axis with an entry {index} whatever its size; 0 and -1 are always there")
    return (TensorType(x.element, x.shape[1:]),)


@op("sum_all", 1)
def _sum_all(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType("float", ()),)


@op("straight_through", 2, invariant=False)
def _straight_through(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The first operand, with the gradient of the second."""
    if types[0].shape != types[1].shape:
        raise misfit("straight_through", types, "two values of one shape")
    return (types[0],)


@op("stop_gradient", 1, invariant=False)
def _stop_gradient(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The operand, through which no gradient passes."""
    return (types[0],)


@op("scale_features", 1, invariant=False, values=REALS)
def _scale_features(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Each entry of the last axis times its number of ``values``."""
    if types[0].rank < 1 or types[0].shape[-1] != len(attributes["values"]):
        raise misfit("scale_features", types, f"a last axis of {len(attributes['values'])}, as many as there are values")
    return (types[0],)


@op("softmax_cross_entropy", 2, invariant=False, weights=MAYBE_REALS, clip=REAL)
def _softmax_cross_entropy(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``-Σ w y ln softmax(z)`` over the last axis, w the ``weights`` or 1.

    In the value the probability is kept ``clip`` away from 0 and 1. The gradient is that of the unclipped value, without weights
    ``softmax(z) - y`` whatever the labels sum to.
    """
    z, y = types
    if z.rank < 1 or z.shape != y.shape:
        raise misfit("softmax_cross_entropy", types, "logits and labels [..., C] of one shape")
    return (TensorType("float", z.shape[:-1]),)


@op("features", 1, ANY, start=WHOLE, stop=WHOLE)
def _features(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Entries ``start`` to ``stop`` of the last axis, the last one left out: [..., F] -> [..., stop - start]."""
    x, start, stop = types[0], attributes["start"], attributes["stop"]
    width = x.shape[-1] if x.rank else 0
    if not isinstance(width, int) or not 0 <= start < stop <= width:
        raise misfit("features", types, f"a last axis that has the entries {start} to {stop - 1}")
    return (TensorType(x.element, (*x.shape[:-1], stop - start)),)
