"""Ops that move data without computing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.ir.graph import Node

END = 2**63 - 1
"""The end of an axis of any length, as Slice understands it."""


def _split(ctx: Context, node: Node) -> Sequence[Known]:
    hints = [ctx.prefix + v.name for v in node.outputs]
    return ctx.builder.add_many("Split", [ctx.name(node.inputs[0])], hints, axis=-1, num_outputs=len(hints))


def _concat(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("Concat", node, *(ctx.name(v) for v in node.inputs), axis=node.attributes["axis"])]


def _take(ctx: Context, node: Node) -> Sequence[Known]:
    index, array = node.attributes["index"], ctx.array(node.inputs[0])
    if array is not None:
        return [array[index]]
    return [ctx.add("Gather", node, ctx.name(node.inputs[0]), ctx.builder.integer(index), axis=0)]


def _block_rows(ctx: Context, node: Node) -> Sequence[Known]:
    blocks = np.split(ctx.constant(node.inputs[0], "block_rows"), node.attributes["blocks"])
    return [np.concatenate(blocks[node.attributes["start"] : node.attributes["stop"]])]


def _zero_state(ctx: Context, node: Node) -> Sequence[Known]:
    """A choice between 0 and 0 for each row, by one of its features: no shape arithmetic, and NaN leaves no trace."""
    add, width = ctx.builder.add, ctx.number(node.outputs[0].shape[1], "zero_state")
    first = add("Gather", ctx.name(node.inputs[0]), ctx.builder.integer(0), axis=0)
    row = add("Greater", add("Gather", first, ctx.builder.ints(0), axis=1), ctx.scalar(0.0))
    zeros = ctx.builder.initializer(np.zeros((1, width), ctx.data_type), "zeros")
    return [ctx.add("Where", node, row, zeros, zeros)]


def _transpose(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("Transpose", node, ctx.name(node.inputs[0]), perm=list(node.attributes["order"]))]


def _reshape(ctx: Context, node: Node) -> Sequence[Known]:
    """0 copies a leading axis: no shape is computed."""
    x, axes = node.inputs[0], node.attributes["axes"]
    shape = [0] * (x.type.rank - axes) + list(node.attributes["shape"])
    return [ctx.add("Reshape", node, ctx.name(x), ctx.builder.ints(*shape))]


def _last_steps(ctx: Context, node: Node) -> Sequence[Known]:
    start, end = ctx.builder.ints(-node.attributes["count"]), ctx.builder.ints(END)
    return [ctx.add("Slice", node, ctx.name(node.inputs[0]), start, end, ctx.builder.ints(0))]


def _unsqueeze(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("Unsqueeze", node, ctx.name(node.inputs[0]), ctx.builder.ints(node.attributes["axis"]))]


def _squeeze(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("Squeeze", node, ctx.name(node.inputs[0]), ctx.builder.ints(node.attributes["axis"]))]


def _row(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("Gather", node, ctx.name(node.inputs[0]), ctx.builder.integer(node.attributes["index"]), axis=0)]


LAYOUT: dict[str, Row] = {
    "split": _split,
    "concat": _concat,
    "take": _take,
    "block_rows": _block_rows,
    "zero_state": _zero_state,
    "transpose": _transpose,
    "reshape": _reshape,
    "last_steps": _last_steps,
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "row": _row,
}
