"""The fused GRU of ONNX: gates z, r, h where parameters have r, z, n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.builder import ABSENT, Array
from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.exporters.onnx.lstm import fused, initial_state
from rnngraph.ir.graph import Node


def gru(ctx: Context, node: Node) -> Sequence[Known]:
    """The row of ``gru``.

    Masks must have been rewritten by now. CUDA takes the node only with ``linear_before_reset=1`` and while no other attribute that could
    be left out is present.
    """
    if node.attributes["mask_mode"] is not None:
        raise GraphError(f"{node.outputs[0].name}: a masked gru has no ONNX form; run the pass mask_weights first")
    x, w, r, b, *b_r, h = node.inputs
    base = ctx.prefix + node.outputs[0].name
    weights, recurrent, bias = (ctx.constant(v, f"{base}, {key}") for key, v in (("W", w), ("R", r), ("b", b)))
    second = ctx.constant(b_r[0], f"{base}, bR") if b_r else np.zeros_like(bias)
    names = [
        ctx.name(x),
        ctx.builder.initializer(_gates(weights)[None], f"{base}.W"),
        ctx.builder.initializer(_gates(recurrent)[None], f"{base}.R"),
        ctx.builder.initializer(np.concatenate([_gates(bias), _gates(second)])[None], f"{base}.B"),
        ABSENT,
        initial_state(ctx, h, f"{base}.initial_h"),
    ]
    hints = [f"{base}.{k}" for k in ("Y", "Y_h")]
    y, last = ctx.builder.add_many("GRU", names, hints, hidden_size=recurrent.shape[1], **attributes(node))
    return [
        ctx.builder.add("Squeeze", n, ctx.builder.ints(a), hint=hint)
        for (n, a), hint in zip([(y, 1), (last, 0)], ctx.hints(node, "h"), strict=True)
    ]


def attributes(node: Node) -> dict[str, Any]:
    """The attributes that differ from ONNX's defaults: direction, form, activations of f and g, the alpha and beta that these consume."""
    given: dict[str, Any] = {"linear_before_reset": 1} if node.attributes["reset_after"] else {}
    if node.attributes["reverse"]:
        given["direction"] = "reverse"
    act, gate = node.attributes["activation"], node.attributes["gate_activation"]
    if (act, gate) == ("tanh", "sigmoid"):
        return given
    used = [f for f in (fused(gate), fused(act)) if f is not None]
    alpha, beta = [a for _, alphas, _ in used for a in alphas], [b for _, _, betas in used for b in betas]
    return {**given, "activations": [n for n, _, _ in used], "activation_alpha": alpha or None, "activation_beta": beta or None}


def _gates(array: Array) -> Array:
    """The three blocks of rows r, z, n as z, r, n."""
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])
