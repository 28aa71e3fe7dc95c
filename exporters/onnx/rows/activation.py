"""Activations: the ONNX op where it means the same and its bits do not depend on the shape on the CPU, else the primitives.

Composed are ELU, SELU, softplus and mish, whose CPU kernels in onnxruntime give other bits at a row's tail, and all that ONNX lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.ir.activations import Activation, lookup
from rnngraph.ir.graph import Block, Node

Found = tuple[str, Mapping[str, Any]]

OPS: dict[str, Found] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "softsign": ("Softsign", {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
}

WITH_PARAMETERS: dict[str, Callable[..., Found | None]] = {
    "relu": lambda max, threshold, negative_slope: ("Relu", {}) if max is None and threshold == negative_slope == 0.0 else None,
    "leakyrelu": lambda alpha: ("LeakyRelu", {"alpha": alpha}),
    "rrelu": lambda lower, upper: ("LeakyRelu", {"alpha": 0.5 * (lower + upper)}),
    "thresholdedrelu": lambda theta: ("ThresholdedRelu", {"alpha": theta}),
    "gelu": lambda precise: ("Gelu", {"approximate": "tanh"}) if precise else None,
}

CLIPPED = {"hardtanh": (-1.0, 1.0), "relu6": (0.0, 6.0)}

WITHOUT_FLOAT64 = frozenset({"Softsign", "HardSigmoid", "LeakyRelu", "ThresholdedRelu", "Gelu"})
"""Ops of the lists above whose CPU kernels know float32 alone."""


def activation(ctx: Context, node: Node) -> Sequence[Known]:
    """The row of ``activation``."""
    meant = lookup(node.attributes["name"])
    x = node.inputs[0]
    if meant.own:
        return [_composed(ctx, node, meant)]
    if meant.name == "identity":
        return [ctx.known[x]]
    if meant.name in CLIPPED:
        return [ctx.add("Clip", node, ctx.name(x), *(ctx.scalar(limit) for limit in CLIPPED[meant.name]))]
    found = WITH_PARAMETERS[meant.name](**meant.parameters) if meant.name in WITH_PARAMETERS else OPS.get(meant.name)
    if found is None or (found[0] in WITHOUT_FLOAT64 and ctx.data_type == np.float64):
        return [_composed(ctx, node, meant)]
    op, attributes = found
    return [ctx.add(op, node, ctx.name(x), **attributes)]


def _composed(ctx: Context, node: Node, meant: Activation) -> Known:
    """The activation's primitives, emitted in place."""
    block = Block()
    x = block.argument("x", node.inputs[0].type)
    primitives = meant.single if meant.single is not None and ctx.data_type == np.float32 else meant.primitives
    result = primitives(x)
    inner = Context(ctx.builder, ctx.rows, ctx.data_type, ctx.steps, ctx.sizes, f"{ctx.prefix}{node.outputs[0].name}.")
    inner.known[x] = ctx.known[node.inputs[0]]
    inner.emit(block)
    return inner.known[result]
