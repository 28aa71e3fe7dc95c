"""Products and sums over features.

Weights are transposed at export, so that onnxruntime packs them once; no Gemm, whose bits may differ from MatMul's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.ir.graph import Node


def _linear(ctx: Context, node: Node) -> Sequence[Known]:
    x, w = node.inputs
    array = ctx.array(w)
    if array is None:
        transposed = ctx.builder.add("Transpose", ctx.name(w), perm=[1, 0])
    else:
        transposed = ctx.builder.initializer(array.T, f"{ctx.prefix}{w.name}.T")
    return [ctx.add("MatMul", node, ctx.name(x), transposed)]


def _linear_t(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.add("MatMul", node, *(ctx.name(v) for v in node.inputs))]


def _sum(ctx: Context, node: Node) -> Sequence[Known]:
    """A product with a column of ones: the bits of ReduceSum over features depend on the shape."""
    x = node.inputs[0]
    ones = ctx.builder.initializer(np.ones((ctx.number(x.shape[-1], "sum"), 1), ctx.data_type), "ones")
    total = ctx.add("MatMul", node, ctx.name(x), ones)
    return [total if node.attributes["keepdims"] else ctx.builder.add("Squeeze", total, ctx.builder.ints(-1))]


def _normalize(ctx: Context, node: Node) -> Sequence[Known]:
    x = node.inputs[0]
    scale = ctx.builder.initializer(np.ones(ctx.number(x.shape[-1], "normalize"), ctx.data_type), "ones")
    return [ctx.add("LayerNormalization", node, ctx.name(x), scale, axis=-1, epsilon=node.attributes["epsilon"])]


PRODUCTS: dict[str, Row] = {"linear": _linear, "linear_t": _linear_t, "sum": _sum, "normalize": _normalize}
