"""The fused LSTM of ONNX: gates i, o, f, c where parameters have i, f, g, o; peepholes i, o, f where parameters have i, f, o.

What is the same number over and over, the zero half of B and the column of a mask, is not stored: nodes make it, which onnxruntime runs
once, when it loads the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.builder import ABSENT, Array, Name
from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.ir.graph import Node, Value

ACTIVATIONS: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    "sigmoid": ("Sigmoid", (), ()),
    "tanh": ("Tanh", (), ()),
    "relu": ("Relu", (), ()),
    "softsign": ("Softsign", (), ()),
    "elu": ("Elu", (1.0,), ()),
    "hardsigmoid": ("HardSigmoid", (0.2,), (0.5,)),
}
"""Activations that onnxruntime's CPU kernel has in the meaning of this package, with the alpha and beta that each consumes."""


def lstm(ctx: Context, node: Node) -> Sequence[Known]:
    """The row of ``lstm``.

    Masks must have become weights by now. CUDA takes the node only while no attribute that could be left out is present.
    """
    if node.attributes["mask_mode"] is not None:
        raise GraphError(f"{node.outputs[0].name}: a masked lstm has no ONNX form; run the pass mask_weights first")
    x, w, r, b, h, c, *p = node.inputs
    base = ctx.prefix + node.outputs[0].name
    recurrent = ctx.constant(r, f"{base}, R")
    names = [
        ctx.name(x),
        _input_weights(ctx, w, base),
        ctx.builder.initializer(_gates(recurrent)[None], f"{base}.R"),
        _bias(ctx, b, base),
        ABSENT,
        initial_state(ctx, h, f"{base}.initial_h"),
        initial_state(ctx, c, f"{base}.initial_c"),
    ]
    if p:
        i, f, o = ctx.constant(p[0], f"{base}, P")
        names.append(ctx.builder.initializer(np.concatenate([i, o, f])[None], f"{base}.P"))
    hints = [f"{base}.{k}" for k in ("Y", "Y_h", "Y_c")]
    y, last_h, last_c = ctx.builder.add_many("LSTM", names, hints, hidden_size=recurrent.shape[1], **attributes(node))
    squeezed = [(y, 1), (last_h, 0), (last_c, 0)]
    return [
        ctx.builder.add("Squeeze", n, ctx.builder.ints(a), hint=hint)
        for (n, a), hint in zip(squeezed, ctx.hints(node, "h", "c"), strict=True)
    ]


def initial_state(ctx: Context, state: Value, hint: str) -> Name:
    """The state with the leading axis of directions; left out where it is zero, which is what that means."""
    if state.producer is not None and state.producer.op == "zero_state":
        return ABSENT
    return ctx.builder.add("Unsqueeze", ctx.name(state), ctx.builder.ints(0), hint=hint)


def _input_weights(ctx: Context, w: Value, base: str) -> Name:
    """W [1, 4H, I], made from the parameter and, where that is widened by a mask's column, one number for each gate.

    It is a result of nodes even where a constant would do. By default onnxruntime makes constants of W and B before it gives nodes to CUDA,
    which then packs W, R and B once. With optimisation off both stay computed, and CUDA packs all three at each run; it would drop a
    computed B beside a constant W.
    """
    wide = ctx.widened(w)
    array = _gates(ctx.constant(w if wide is None else wide.source, f"{base}, W"))
    blocks = array.reshape(4, len(array) // 4, -1)
    parts = ctx.builder.initializer(blocks, f"{base}.W.gates")
    if wide is not None:
        numbers = ctx.builder.initializer(_gates(np.array(wide.values, array.dtype)).reshape(4, 1, 1), f"{base}.W.mask")
        column = ctx.builder.add("Expand", numbers, ctx.builder.ints(4, blocks.shape[1], 1), hint=f"{base}.W.column")
        parts = ctx.builder.add("Concat", parts, column, axis=2, hint=f"{base}.W.joined")
    return ctx.builder.add("Reshape", parts, ctx.builder.ints(1, len(array), -1), hint=f"{base}.W")


def _bias(ctx: Context, b: Value, base: str) -> Name:
    """B [1, 8H]: ours, and zeros for the second bias, which are not stored."""
    array = _gates(ctx.constant(b, f"{base}, b"))
    ours = ctx.builder.initializer(array[None], f"{base}.b")
    return ctx.builder.add("Pad", ours, ctx.builder.ints(0, 0, 0, len(array)), hint=f"{base}.B")


def attributes(node: Node) -> dict[str, Any]:
    """The attributes that differ from ONNX's defaults.

    Direction, activations of f, g and h, and the alpha and beta that these consume, in order.
    """
    given: dict[str, Any] = {"direction": "reverse"} if node.attributes["reverse"] else {}
    act, gate = node.attributes["activation"], node.attributes["gate_activation"]
    if (act, gate) == ("tanh", "sigmoid"):
        return given
    used = [ACTIVATIONS[gate], ACTIVATIONS[act], ACTIVATIONS[act]]
    alpha, beta = [a for _, alphas, _ in used for a in alphas], [b for _, _, betas in used for b in betas]
    return {**given, "activations": [n for n, _, _ in used], "activation_alpha": alpha or None, "activation_beta": beta or None}


def _gates(array: Array) -> Array:
    """The four blocks of rows i, f, g, o as i, o, f, g."""
    i, f, g, o = np.split(array, 4)
    return np.concatenate([i, o, f, g])
