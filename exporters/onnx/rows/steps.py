"""Where real steps stand, and moving them: closed forms with CUDA kernels, without shape arithmetic.

With r and s the running counts of real and masked steps at each step (r + s = t + 1), R and S their totals, the packed position of a real
step is r - 1, of a masked one R + s - 1; towards the end (reverse) S + r - 1 and s - 1. The source of each packed step is the inverse
permutation, a scatter of t.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto

from rnngraph.exporters.onnx.builder import Name
from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.ir.graph import Node


def _counts(ctx: Context, node: Node) -> tuple[Name, Name, Name]:
    """The mask as bool [T, N], r and s, int64 [T, N]."""
    add, one = ctx.builder.add, ctx.builder.integer(1)
    mask = add("Squeeze", ctx.name(node.inputs[0]), ctx.builder.ints(2), hint="real")
    number = add("Cast", mask, to=TensorProto.INT64)
    axis = ctx.builder.integer(0)
    return mask, add("CumSum", number, axis, hint="real_so_far"), add("CumSum", add("Sub", one, number), axis, hint="masked_so_far")


def _pack_index(ctx: Context, node: Node) -> Sequence[Known]:
    mask, r, s = _counts(ctx, node)
    add, one, last = ctx.builder.add, ctx.builder.integer(1), ctx.builder.integer(-1)
    real = add("Gather", r, last, axis=0, hint="real_steps")
    position, behind = add("Sub", r, one), add("Sub", s, one)
    if node.attributes.get("reverse", False):
        masked = add("Gather", s, last, axis=0, hint="masked_steps")
        destination = add("Where", mask, add("Add", masked, position), behind, hint="destination")
        final = masked
    else:
        destination = add("Where", mask, position, add("Add", real, behind), hint="destination")
        final = real
    time = add("Sub", add("Add", r, s), one, hint="t")
    source = add("ScatterElements", time, destination, time, axis=0, hint="source")
    return [source, destination, final]


def _last_index(ctx: Context, node: Node) -> Sequence[Known]:
    mask, r, s = _counts(ctx, node)
    add = ctx.builder.add
    numbered = add("Where", mask, add("Add", r, s), ctx.builder.integer(0))
    return [ctx.add("ReduceMax", node, numbered, ctx.builder.ints(0), keepdims=0)]


def _first_index(ctx: Context, node: Node) -> Sequence[Known]:
    """How many masked steps stand in front of all real ones."""
    _, r, s = _counts(ctx, node)
    zero = ctx.builder.integer(0)
    before = ctx.builder.add("Where", ctx.builder.add("Greater", r, zero), zero, s, hint="before_the_first")
    return [ctx.add("ReduceMax", node, before, ctx.builder.ints(0), keepdims=0)]


def _gather_steps(ctx: Context, node: Node) -> Sequence[Known]:
    """One Gather of rows from x as [T * N, F], at index * N + n."""
    x, index = node.inputs
    add = ctx.builder.add
    rows, count = _row_numbers(ctx, ctx.name(index))
    flat = add("Reshape", ctx.name(x), ctx.builder.ints(-1, ctx.number(x.shape[2], "gather_steps")))
    return [ctx.add("Gather", node, flat, add("Add", add("Mul", ctx.name(index), count), rows), axis=0)]


def _row_numbers(ctx: Context, index: Name) -> tuple[Name, Name]:
    """0 .. N - 1 and N, int64 [N] and [1], counted along any int64 tensor [K, N]; the same for the whole graph."""
    if "row_numbers" not in ctx.cache:
        add, one = ctx.builder.add, ctx.builder.integer(1)
        first = add("Gather", index, ctx.builder.integer(0), axis=0)
        ones = add("Add", add("Sub", first, first), one)
        upto = add("CumSum", ones, ctx.builder.integer(0))
        ctx.cache["row_numbers"] = add("Sub", upto, one, hint="row_numbers")
        ctx.cache["row_count"] = add("Gather", upto, ctx.builder.ints(-1), axis=0, hint="row_count")
    return ctx.cache["row_numbers"], ctx.cache["row_count"]


STEPS: dict[str, Row] = {"pack_index": _pack_index, "last_index": _last_index, "first_index": _first_index, "gather_steps": _gather_steps}
