"""LSTM, GravesLSTM and SimpleRnn: one product for all steps, then the cell over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnngraph.conf import LSTM, GravesLSTM, Layer, SimpleRnn
from rnngraph.conf.initializers import draw
from rnngraph.ir.cell import Cell, trace
from rnngraph.ir.cells import graves_lstm, lstm, simple_rnn
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, affine
from rnngraph.lowering.registry import Draw, Parameter, register

Recurrent = LSTM | GravesLSTM | SimpleRnn


@dataclass(frozen=True)
class Result:
    """What a recurrent layer leaves: its output at all steps [T, N, H] and its states after the last one."""

    y: Value
    states: dict[str, Value]


def _weights(layer: Recurrent, rows: int, columns: int, fan_in: int, fan_out: int, *, recurrent: bool = False) -> Draw:
    """Draws a weight [rows, columns] by the layer's initialiser, the recurrent one if there is one."""
    name = layer.weight_init
    if recurrent and layer.weight_init_recurrent is not None:
        name = layer.weight_init_recurrent
    return lambda generator: draw(name, (rows, columns), fan_in, fan_out, generator)


def _lstm_parameters(layer: LSTM | GravesLSTM) -> tuple[Parameter, ...]:
    """W [4H, I], R [4H, H], b [4H], gates i, f, g, o; peepholes P [3, H] of i, f, o. DL4J's fans: (H, I + H) for all weights."""
    h, i = layer.n_out, layer.n_in

    def bias(generator: np.random.Generator) -> np.ndarray:
        b = np.zeros(4 * h)
        b[h : 2 * h] = layer.forget_gate_bias_init
        return b

    shared = (
        Parameter("W", (4 * h, i), _weights(layer, 4 * h, i, h, i + h)),
        Parameter("R", (4 * h, h), _weights(layer, 4 * h, h, h, i + h, recurrent=True)),
        Parameter("b", (4 * h,), bias),
    )
    if isinstance(layer, GravesLSTM):
        return (*shared, Parameter("P", (3, h), _weights(layer, 3, h, h, i + h, recurrent=True)))
    return shared


def _simple_rnn_parameters(layer: SimpleRnn) -> tuple[Parameter, ...]:
    """W [H, I], R [H, H], b [H]; fans (I, H) and (H, H)."""
    h, i = layer.n_out, layer.n_in
    return (
        Parameter("W", (h, i), _weights(layer, h, i, i, h)),
        Parameter("R", (h, h), _weights(layer, h, h, h, h, recurrent=True)),
        Parameter("b", (h,), lambda generator: np.full(h, layer.bias_init, dtype=np.float64)),
    )


@register(LSTM, GravesLSTM, parameters=_lstm_parameters)
@register(SimpleRnn, parameters=_simple_rnn_parameters)
def lower_recurrent(layer: Recurrent, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [T, N, H]; the new states become the network's."""
    return run(layer, context, x).y


def run(layer: Recurrent, context: Context, x: Value) -> Result:
    """Lower ``layer`` over x [T, N, I] and give its states with its output.

    A mask reaches the node unless the layer's ``mask_mode`` is "ignore". With one the output is 0 at masked steps, so what follows needs
    no cleaning.
    """
    cell, activations = _cell(layer)
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
    result = Result(y, dict(zip(states, after, strict=True)))
    for key, value in result.states.items():
        context.next_state(key, value)
    return result


def _cell(layer: Layer) -> tuple[Cell, dict[str, str]]:
    """The cell of a recurrent layer and its activations."""
    if isinstance(layer, SimpleRnn):
        return simple_rnn, {"act": layer.activation}
    return (graves_lstm if isinstance(layer, GravesLSTM) else lstm), {"act": layer.activation, "gate": layer.gate_activation}
