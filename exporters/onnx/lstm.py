"""The fused LSTM of ONNX: gates i, o, f, c where parameters have i, f, g, o; peepholes i, o, f where parameters have i, f, o."""

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
    weights = {k: ctx.constant(v, f"{node.outputs[0].name}, {k}") for k, v in {"W": w, "R": r, "b": b}.items()}
    names = [
        ctx.name(x),
        _initializer(ctx, node, "W", _gates(weights["W"])),
        _initializer(ctx, node, "R", _gates(weights["R"])),
        _initializer(ctx, node, "B", np.concatenate([_gates(weights["b"]), np.zeros_like(weights["b"])])),
        ABSENT,
        initial_state(ctx, h),
        initial_state(ctx, c),
    ]
    if p:
        i, f, o = ctx.constant(p[0], f"{node.outputs[0].name}, P")
        names.append(_initializer(ctx, node, "P", np.concatenate([i, o, f])))
    hints = [f"{ctx.prefix}{v.name}.lstm" for v in node.outputs]
    y, last_h, last_c = ctx.builder.add_many("LSTM", names, hints, hidden_size=weights["R"].shape[1], **attributes(node))
    squeezed = [(y, 1), (last_h, 0), (last_c, 0)]
    return [
        ctx.builder.add("Squeeze", n, ctx.builder.ints(a), hint=ctx.prefix + v.name)
        for (n, a), v in zip(squeezed, node.outputs, strict=True)
    ]


def initial_state(ctx: Context, state: Value) -> Name:
    """The state with the leading axis of directions; left out where it is zero, which is what that means."""
    if state.producer is not None and state.producer.op == "zero_state":
        return ABSENT
    return ctx.builder.add("Unsqueeze", ctx.name(state), ctx.builder.ints(0))


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


def _initializer(ctx: Context, node: Node, key: str, array: Array) -> Name:
    """The array with the leading axis of directions."""
    return ctx.builder.initializer(array[None], f"{ctx.prefix}{node.outputs[0].name}.{key}")
