"""Bidirectional and GravesBidirectionalLSTM: one layer over the sequence in both directions, then their outputs as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rnngraph.conf import Bidirectional, GravesBidirectionalLSTM
from rnngraph.ir.cells import graves_lstm
from rnngraph.ir.graph import Value
from rnngraph.lowering import starts
from rnngraph.lowering.context import Context
from rnngraph.lowering.dropout import lower_layer
from rnngraph.lowering.recurrent import lstm_parameters, run_cell
from rnngraph.lowering.registry import Buffer, Parameter, family, register

DIRECTIONS = {"forward": False, "backward": True}
"""The prefix of each direction's parameters, and whether it runs against time."""

_JOIN: dict[str, Callable[[Value, Value], Value]] = {
    "add": lambda f, b: f + b,
    "mul": lambda f, b: f * b,
    "average": lambda f, b: (f + b) * 0.5,
    "concat": lambda f, b: f.block.add("concat", [f, b], axis=-1),
}


def _both(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """``parameters`` once a direction: drawn one after the other, so that they differ."""
    return tuple(Parameter(f"{key}.{p.key}", p.shape, p.draw) for key in DIRECTIONS for p in parameters)


def _both_buffers(buffers: tuple[Buffer, ...]) -> tuple[Buffer, ...]:
    """``buffers`` once a direction."""
    return tuple(replace(b, key=f"{key}.{b.key}") for key in DIRECTIONS for b in buffers)


@register(
    Bidirectional,
    parameters=lambda layer: _both(family(layer.layer).parameters(layer.layer)),
    buffers=lambda layer: _both_buffers(family(layer.layer).buffers(layer.layer)),
)
def lower_bidirectional(layer: Bidirectional, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [T, N, H], "concat" [T, N, 2 H]; around LastTimeStep [N, H] or [N, 2 H]."""
    return _both_ways(context, x, layer.mask_mode, layer.mode, lambda x: lower_layer(layer.layer, context, x))


@register(
    GravesBidirectionalLSTM,
    parameters=lambda layer: _both(lstm_parameters(layer)),
    buffers=lambda layer: _both_buffers(starts.given(layer)),
)
def lower_graves_bidirectional_lstm(layer: GravesBidirectionalLSTM, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [T, N, H], the sum of both directions."""
    activations = {"act": layer.activation, "gate": layer.gate_activation}
    return _both_ways(context, x, layer.mask_mode, "add", lambda x: run_cell(layer, context, x, graves_lstm, activations))


def _both_ways(context: Context, x: Value, mask_mode: str, mode: str, lower: Callable[[Value], Value]) -> Value:
    """``lower`` in each direction, from the same x and mask, and their outputs joined."""
    x = context.cleaned(x, mask_mode)
    mask, clean = context.mask, context.clean or mask_mode != "ignore"
    outputs = []
    for key, reverse in DIRECTIONS.items():
        context.mask, context.clean = mask, clean
        with context.direction(key, x, reverse=reverse):
            outputs.append(lower(x))
    context.final = None
    return _JOIN[mode](*outputs)
