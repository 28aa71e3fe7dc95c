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


LAYERS: dict[str, Row] = {"sum_steps": _sum_steps, "max_steps": _max_steps, "root": _root, "embed": _embed}
