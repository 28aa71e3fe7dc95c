"""LSTM, GravesLSTM and SimpleRnn: one product for all steps, then the cell over time."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import LSTM, GravesLSTM, RecurrentLayer, SimpleRnn
from rnngraph.conf.initializers import draw
from rnngraph.ir.cell import Cell, trace
from rnngraph.ir.cells import graves_lstm, lstm, simple_rnn
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, affine
from rnngraph.lowering.registry import Draw, Parameter, register


def _weights(
    layer: RecurrentLayer, rows: int, columns: int, fan_in: int, fan_out: int, *, recurrent: bool = False, sides: int | None = None
) -> Draw:
    """Draws a weight [rows, columns] by the layer's initialiser, the recurrent one if there is one."""
    name = layer.weight_init
    if recurrent and layer.weight_init_recurrent is not None:
        name = layer.weight_init_recurrent
    return lambda generator: draw(name, (rows, columns), fan_in, fan_out, generator, sides)


def _lstm_parameters(layer: LSTM | GravesLSTM) -> tuple[Parameter, ...]:
    """W [4H, I], R [4H, H], b [4H], gates i, f, g, o; peepholes P [3, H] of i, f, o. DL4J's fans: (H, I + H) for all weights."""
    h, i = layer.n_out, layer.n_in

    def bias(generator: np.random.Generator) -> np.ndarray:
        b = np.zeros(4 * h)
        b[h : 2 * h] = layer.forget_gate_bias_init
        return b

    sides = 5 * h + 3 if isinstance(layer, GravesLSTM) else None  # DL4J keeps R and P in one matrix [H, 4H + 3]
    shared = (
        Parameter("W", (4 * h, i), _weights(layer, 4 * h, i, h, i + h)),
        Parameter("R", (4 * h, h), _weights(layer, 4 * h, h, h, i + h, recurrent=True, sides=sides)),
        Parameter("b", (4 * h,), bias),
    )
    if isinstance(layer, GravesLSTM):
        return (*shared, Parameter("P", (3, h), _weights(layer, 3, h, h, i + h, recurrent=True, sides=sides)))
    return shared


def _simple_rnn_parameters(layer: SimpleRnn) -> tuple[Parameter, ...]:
    """W [H, I], R [H, H], b [H]; fans (I, H) and (H, H)."""
    h, i = layer.n_out, layer.n_in
    return (
        Parameter("W", (h, i), _weights(layer, h, i, i, h)),
        Parameter("R", (h, h), _weights(layer, h, h, h, h, recurrent=True)),
        Parameter("b", (h,), lambda generator: np.full(h, layer.bias_init, dtype=np.float64)),
    )


@register(LSTM, parameters=_lstm_parameters)
def lower_lstm(layer: LSTM, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]."""
    return _recurrent(layer, context, x, lstm, act=layer.activation, gate=layer.gate_activation)


@register(GravesLSTM, parameters=_lstm_parameters)
def lower_graves_lstm(layer: GravesLSTM, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]."""
    return _recurrent(layer, context, x, graves_lstm, act=layer.activation, gate=layer.gate_activation)


@register(SimpleRnn, parameters=_simple_rnn_parameters)
def lower_simple_rnn(layer: SimpleRnn, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]."""
    return _recurrent(layer, context, x, simple_rnn, act=layer.activation)


def _recurrent(layer: RecurrentLayer, context: Context, x: Value, cell: Cell, **activations: object) -> Value:
    """``cell`` over W x + b of all steps; its new states become the network's.

    A mask reaches the node unless the layer's ``mask_mode`` is "ignore". With one the output is 0 at masked steps, so what follows needs
    no cleaning.
    """
    xw = affine(context, context.cleaned(x, layer.mask_mode))
    states = {key: context.state(key, layer.n_out) for key in cell.states}
    weights = [context.parameter(key) for key in cell.weights]
    mask = context.mask if layer.mask_mode != "ignore" else None
    y, *after = context.graph.add_many(
        "recurrent",
        [xw, *states.values(), *weights, *([] if mask is None else [mask])],
        cell.name,
        body=trace(cell, **activations),
        reverse=False,
        mask_mode=None if mask is None else layer.mask_mode,
    )
    context.clean = context.mask is None or mask is not None
    for key, value in zip(states, after, strict=True):
        context.next_state(key, value)
    context.final = after[list(states).index("h")]  # the output of these cells is their state h
    return y
