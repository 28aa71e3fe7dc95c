"""The fused LSTM of ONNX: gates i, o, f, c where parameters have i, f, g, o; peepholes i, o, f where parameters have i, f, o."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.builder import ABSENT, Array, Name
from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Node

Fused = tuple[str, tuple[float, ...], tuple[float, ...]]

_FUSED: dict[str, Callable[..., Fused | None]] = {
    "sigmoid": lambda: ("Sigmoid", (), ()),
    "tanh": lambda: ("Tanh", (), ()),
    "identity": lambda: ("Affine", (1.0,), (0.0,)),
    "relu": lambda max, threshold, negative_slope: ("Relu", (), ()) if max is None and threshold == negative_slope == 0.0 else None,
    "leakyrelu": lambda alpha: ("LeakyRelu", (alpha,), ()),
    "rrelu": lambda lower, upper: ("LeakyRelu", (0.5 * (lower + upper),), ()),
    "thresholdedrelu": lambda theta: ("ThresholdedRelu", (theta,), ()),
    "softsign": lambda: ("Softsign", (), ()),
    "elu": lambda alpha: ("Elu", (alpha,), ()),
    "hardsigmoid": lambda: ("HardSigmoid", (0.2,), (0.5,)),
}


def fused(name: str) -> Fused | None:
    """An activation that onnxruntime's CPU kernel has in the meaning of this package: its name there, and the alpha and beta it consumes.

    Not softplus, which loses what is small there.
    """
    meant = lookup(name)
    return None if meant.own or meant.name not in _FUSED else _FUSED[meant.name](**meant.parameters)


def lstm(ctx: Context, node: Node) -> Sequence[Known]:
    """The row of ``lstm``.

    Masks must have become weights by now. CUDA takes the node only while no attribute that could be left out is present.
    """
    if node.attributes["mask_mode"] is not None:
        raise GraphError(f"{node.outputs[0].name}: a masked lstm has no ONNX form; run the pass mask_weights first")
    x, w, r, b, h, c, *p = node.inputs
    weights = {k: ctx.constant(v, f"{node.outputs[0].name}, {k}") for k, v in {"W": w, "R": r, "b": b}.items()}
    first = ctx.builder.ints(0)
    names = [
        ctx.name(x),
        _initializer(ctx, node, "W", _gates(weights["W"])),
        _initializer(ctx, node, "R", _gates(weights["R"])),
        _initializer(ctx, node, "B", np.concatenate([_gates(weights["b"]), np.zeros_like(weights["b"])])),
        ABSENT,
        ctx.builder.add("Unsqueeze", ctx.name(h), first),
        ctx.builder.add("Unsqueeze", ctx.name(c), first),
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


def attributes(node: Node) -> dict[str, Any]:
    """The attributes that differ from ONNX's defaults.

    Direction, activations of f, g and h, and the alpha and beta that these consume, in order.
    """
    given: dict[str, Any] = {"direction": "reverse"} if node.attributes["reverse"] else {}
    act, gate = node.attributes["activation"], node.attributes["gate_activation"]
    if (act, gate) == ("tanh", "sigmoid"):
        return given
    used = [found for name in (gate, act, act) if (found := fused(name)) is not None]
    alpha, beta = [a for _, alphas, _ in used for a in alphas], [b for _, _, betas in used for b in betas]
    return {**given, "activations": [n for n, _, _ in used], "activation_alpha": alpha or None, "activation_beta": beta or None}


def _gates(array: Array) -> Array:
    """The four blocks of rows i, f, g, o as i, o, f, g."""
    i, f, g, o = np.split(array, 4)
    return np.concatenate([i, o, f, g])


def _initializer(ctx: Context, node: Node, key: str, array: Array) -> Name:
    """The array with the leading axis of directions."""
    return ctx.builder.initializer(array[None], f"{ctx.prefix}{node.outputs[0].name}.{key}")
