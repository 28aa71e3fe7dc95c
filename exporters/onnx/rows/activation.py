"""Activations: the ONNX op where it means the same and its bits do not depend on the shape on the CPU, else the primitives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Block, Node

OPS: dict[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "softsign": ("Softsign", {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
}

WITHOUT_FLOAT64 = frozenset({"softsign", "hardsigmoid"})
"""Ops of the list above whose CPU kernels know float32 alone."""


def activation(ctx: Context, node: Node) -> Sequence[Known]:
    """ELU and rationaltanh are always composed.

    Onnxruntime's Elu gives other bits at a row's tail, and has no CUDA kernel in newer opsets.
    """
    name = node.attributes["name"]
    if name == "identity":
        return [ctx.known[node.inputs[0]]]
    if name in OPS and not (name in WITHOUT_FLOAT64 and ctx.data_type == np.float64):
        op, attributes = OPS[name]
        return [ctx.add(op, node, ctx.name(node.inputs[0]), **attributes)]
    return [_composed(ctx, node, name)]


def _composed(ctx: Context, node: Node, name: str) -> Known:
    """The activation's primitives, emitted in place."""
    block = Block()
    x = block.argument("x", node.inputs[0].type)
    result = lookup(name).primitives(x)
    inner = Context(ctx.builder, ctx.rows, ctx.data_type, ctx.steps, ctx.sizes, f"{ctx.prefix}{node.outputs[0].name}.")
    inner.known[x] = ctx.known[node.inputs[0]]
    inner.emit(block)
    return inner.known[result]
