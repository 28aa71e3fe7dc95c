"""Ops of single families of layers: pooling over time, embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.ir.graph import Node


def _sum_steps(ctx: Context, node: Node) -> Sequence[Known]:
    """Over the first axis the CPU adds row to row from the front, whatever there is of either."""
    return [ctx.add("ReduceSum", node, ctx.name(node.inputs[0]), ctx.builder.ints(0), keepdims=0)]


def _max_steps(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("ReduceMax", node, ctx.name(node.inputs[0]), ctx.builder.ints(0), keepdims=0)]


def _root(ctx: Context, node: Node) -> Sequence[Known]:
    x, p = node.inputs[0], node.attributes["p"]
    if p == 1:
        return [ctx.known[x]]
    if p == 2:
        return [ctx.add("Sqrt", node, ctx.name(x))]
    return [ctx.add("Pow", node, ctx.name(x), ctx.builder.initializer(np.array(1.0 / p, ctx.data_type), "exponent"))]


def _embed(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("Gather", node, *(ctx.name(v) for v in node.inputs), axis=0)]


def _features(ctx: Context, node: Node) -> Sequence[Known]:
    ints = ctx.builder.ints
    start, stop = (ints(node.attributes[key]) for key in ("start", "stop"))
    return [ctx.add("Slice", node, ctx.name(node.inputs[0]), start, stop, ints(-1))]


def _reverse_steps(ctx: Context, node: Node) -> Sequence[Known]:
    ints = ctx.builder.ints
    return [ctx.add("Slice", node, ctx.name(node.inputs[0]), ints(-1), ints(np.iinfo(np.int64).min), ints(0), ints(-1))]


def _repeat_steps(ctx: Context, node: Node) -> Sequence[Known]:
    """``where(like > like, x, x)`` with one feature of ``like``: never true, NaN or not, and without shape arithmetic."""
    x, like = node.inputs
    name, add = ctx.name(like), ctx.builder.add
    for _ in range(like.type.rank - 2):
        name = add("Gather", name, ctx.builder.integer(0), axis=2, hint="one_feature")
    never = add("Unsqueeze", add("Greater", name, name), ctx.builder.ints(2), hint="never")
    row = add("Unsqueeze", ctx.name(x), ctx.builder.ints(0), hint="one_step")
    return [ctx.add("Where", node, never, row, row)]


def _example_norm(ctx: Context, node: Node) -> Sequence[Known]:
    x = node.inputs[0]
    if x.type.rank == 2:
        return [ctx.add("ReduceL2", node, ctx.name(x), ctx.builder.ints(1), keepdims=1)]
    norm = ctx.builder.add("ReduceL2", ctx.name(x), ctx.builder.ints(0, 2), keepdims=1)
    return [ctx.add("Squeeze", node, norm, ctx.builder.ints(0))]


LAYERS: dict[str, Row] = {
    "features": _features,
    "reverse_steps": _reverse_steps,
    "repeat_steps": _repeat_steps,
    "example_norm": _example_norm,
    "sum_steps": _sum_steps,
    "max_steps": _max_steps,
    "root": _root,
    "embed": _embed,
}
