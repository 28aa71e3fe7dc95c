"""Elementwise ops: each one ONNX op with kernels on both providers, in float64 too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.ir.graph import Node


def _plain(op: str) -> Row:
    def row(ctx: Context, node: Node) -> Sequence[Known]:
        return [ctx.add(op, node, *(ctx.name(v) for v in node.inputs))]

    return row


def _identity(ctx: Context, node: Node) -> Sequence[Known]:
    return [ctx.known[node.inputs[0]]]


def _constant(ctx: Context, node: Node) -> Sequence[Known]:
    return [np.array(node.attributes["value"], ctx.data_type)]


def _zeros(ctx: Context, node: Node) -> Sequence[Known]:
    """A choice between 0 and 0: no shape arithmetic, and NaN leaves no trace as it would in x - x."""
    x = node.inputs[0]
    if x.type.element == "int64":
        return [ctx.add("Sub", node, ctx.name(x), ctx.name(x))]
    if x.type.element == "bool":
        return [ctx.add("Xor", node, ctx.name(x), ctx.name(x))]
    zero = ctx.scalar(0.0)
    return [ctx.add("Where", node, ctx.builder.add("Greater", ctx.name(x), zero), zero, zero)]


def _where(ctx: Context, node: Node) -> Sequence[Known]:
    """Of truth values by logic: onnxruntime has no Where of them."""
    condition, x, other = node.inputs
    if x.type.element != "bool":
        return [ctx.add("Where", node, *(ctx.name(v) for v in node.inputs))]
    mask, add = ctx.name(condition), ctx.builder.add
    if x is condition:
        return [ctx.add("Or", node, mask, ctx.name(other))]
    return [ctx.add("Or", node, add("And", mask, ctx.name(x)), add("And", add("Not", mask), ctx.name(other)))]


def _cast(ctx: Context, node: Node) -> Sequence[Known]:
    to = {"float": helper.np_dtype_to_tensor_dtype(ctx.data_type), "int64": TensorProto.INT64, "bool": TensorProto.BOOL}
    return [ctx.add("Cast", node, ctx.name(node.inputs[0]), to=to[node.attributes["to"]])]


_OPS = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "max": "Max",
    "min": "Min",
    "neg": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "greater": "Greater",
    "not": "Not",
}

ELEMENTWISE: dict[str, Row] = {
    **{name: _plain(op) for name, op in _OPS.items()},
    "where": _where,
    "identity": _identity,
    "constant": _constant,
    "zeros": _zeros,
    "cast": _cast,
}
