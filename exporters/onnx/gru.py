"""The fused GRU of ONNX: gates z, r, h where parameters have r, z, n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.builder import ABSENT, Array, Name
from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.exporters.onnx.lstm import ACTIVATIONS, initial_state
from rnngraph.ir.graph import Node


def gru(ctx: Context, node: Node) -> Sequence[Known]:
    """The row of ``gru``.

    Masks must have been rewritten by now. CUDA takes the node only with ``linear_before_reset=1`` and while no other attribute that could
    be left out is present.
    """
    if node.attributes["mask_mode"] is not None:
        raise GraphError(f"{node.outputs[0].name}: a masked gru has no ONNX form; run the pass mask_weights first")
    x, w, r, b, *b_r, h = node.inputs
    weights = {k: ctx.constant(v, f"{node.outputs[0].name}, {k}") for k, v in {"W": w, "R": r, "b": b}.items()}
    second = ctx.constant(b_r[0], f"{node.outputs[0].name}, bR") if b_r else np.zeros_like(weights["b"])
    names = [
        ctx.name(x),
        _initializer(ctx, node, "W", _gates(weights["W"])),
        _initializer(ctx, node, "R", _gates(weights["R"])),
        _initializer(ctx, node, "B", np.concatenate([_gates(weights["b"]), _gates(second)])),
        ABSENT,
        initial_state(ctx, h),
    ]
    hints = [f"{ctx.prefix}{v.name}.gru" for v in node.outputs]
    y, last = ctx.builder.add_many("GRU", names, hints, hidden_size=weights["R"].shape[1], **attributes(node))
    return [
        ctx.builder.add("Squeeze", n, ctx.builder.ints(a), hint=ctx.prefix + v.name)
        for (n, a), v in zip([(y, 1), (last, 0)], node.outputs, strict=True)
    ]


def attributes(node: Node) -> dict[str, Any]:
    """The attributes that differ from ONNX's defaults: direction, form, activations of f and g, the alpha and beta that these consume."""
    given: dict[str, Any] = {"linear_before_reset": 1} if node.attributes["reset_after"] else {}
    if node.attributes["reverse"]:
        given["direction"] = "reverse"
    act, gate = node.attributes["activation"], node.attributes["gate_activation"]
    if (act, gate) == ("tanh", "sigmoid"):
        return given
    used = [ACTIVATIONS[gate], ACTIVATIONS[act]]
    alpha, beta = [a for _, alphas, _ in used for a in alphas], [b for _, _, betas in used for b in betas]
    return {**given, "activations": [n for n, _, _ in used], "activation_alpha": alpha or None, "activation_beta": beta or None}


def _gates(array: Array) -> Array:
    """The three blocks of rows r, z, n as z, r, n."""
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])


def _initializer(ctx: Context, node: Node, key: str, array: Array) -> Name:
    """The array with the leading axis of directions."""
    return ctx.builder.initializer(array[None], f"{ctx.prefix}{node.outputs[0].name}.{key}")
