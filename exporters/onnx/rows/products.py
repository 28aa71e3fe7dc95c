"""Products and sums over features.

Weights are transposed at export, so that onnxruntime packs them once; no Gemm, whose bits may differ from MatMul's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.exporters.onnx.precision import LEVELS, levels_of
from rnngraph.ir.graph import Node


def _linear(ctx: Context, node: Node) -> Sequence[Known]:
    x, w = node.inputs
    array = ctx.array(w)
    if array is None:
        transposed = ctx.builder.add("Transpose", ctx.name(w), perm=[1, 0])
    else:
        transposed = ctx.builder.initializer(array.T, f"{ctx.prefix}{w.name}.T")
    return [ctx.add("MatMul", node, ctx.name(x), transposed)]


def _integer_linear(ctx: Context, node: Node) -> Sequence[Known]:
    """Whole numbers of x times those of W: their sums are exact, whatever the order, so the bits are independent of T and N.

    Both as uint8 around 128: onnxruntime multiplies uint8 by int8 faster, but on CPUs without VNNI in sums of 16 bits, which overflow.
    """
    x, w = node.inputs
    levels, scale = levels_of(ctx.constant(w, node.outputs[0].name))
    base, add, initializer = f"{ctx.prefix}{node.outputs[0].name}", ctx.builder.add, ctx.builder.initializer
    zero = initializer(np.array(128, np.uint8), "zero_point")
    whole = add("QuantizeLinear", ctx.name(x), ctx.scalar(1.0 / LEVELS), zero, hint=f"{base}.x")
    table = initializer((levels.T + 128).astype(np.uint8), f"{ctx.prefix}{w.name}.levels")
    sums = add("Cast", add("MatMulInteger", whole, table, zero, zero, hint=f"{base}.whole"), to=TensorProto.FLOAT, hint=f"{base}.sums")
    return [ctx.add("Mul", node, sums, initializer((scale[:, 0] / LEVELS).astype(ctx.data_type), f"{base}.scale"))]


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


PRODUCTS: dict[str, Row] = {
    "linear": _linear,
    "integer_linear": _integer_linear,
    "linear_t": _linear_t,
    "sum": _sum,
    "normalize": _normalize,
}
