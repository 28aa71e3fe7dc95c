"""Recurrent layers: one product for all steps, then the cell over time.

A recurrent layer of one's own is a subclass of RecurrentLayer, a Cell with its equations, and one call of :func:`register_cell`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnngraph.conf import GRU, LSTM, GravesBidirectionalLSTM, GravesLSTM, RecurrentLayer, SimpleRnn
from rnngraph.conf.initializers import draw
from rnngraph.conf.layers.recurrent import start_key
from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import Cell, normalize, trace
from rnngraph.ir.cells import graves_lstm, gru_reset_after, gru_reset_before, layer_norm_rnn, lstm, simple_rnn
from rnngraph.ir.graph import Value
from rnngraph.ir.time_ops import unify
from rnngraph.ir.types import evaluate, floats
from rnngraph.lowering import starts
from rnngraph.lowering.context import Context, affine
from rnngraph.lowering.registry import Draw, Parameter, register
from rnngraph.names import shown


def _weights(
    layer: RecurrentLayer, rows: int, columns: int, fan_in: int, fan_out: int, *, recurrent: bool = False, sides: int | None = None
) -> Draw:
    """Draws a weight [rows, columns] by the layer's initialiser, the recurrent one if there is one."""
    name = layer.weight_init
    if recurrent and layer.weight_init_recurrent is not None:
        name = layer.weight_init_recurrent
    return lambda generator: draw(name, (rows, columns), fan_in, fan_out, generator, sides)


def _constant(value: float, *shape: int) -> Draw:
    return lambda generator: np.full(shape, value, dtype=np.float64)


def lstm_parameters(layer: LSTM | GravesLSTM | GravesBidirectionalLSTM) -> tuple[Parameter, ...]:
    """W [4H, I], R [4H, H], b [4H], gates i, f, g, o; peepholes P [3, H] of i, f, o. DL4J's fans: (H, I + H) for all weights."""
    h, i = layer.n_out, layer.n_in

    def bias(generator: np.random.Generator) -> np.ndarray:
        b = np.zeros(4 * h)
        b[h : 2 * h] = layer.forget_gate_bias_init
        return b

    sides = None if isinstance(layer, LSTM) else 5 * h + 3  # DL4J keeps R and P in one matrix [H, 4H + 3]
    shared = (
        Parameter("W", (4 * h, i), _weights(layer, 4 * h, i, h, i + h)),
        Parameter("R", (4 * h, h), _weights(layer, 4 * h, h, h, i + h, recurrent=True, sides=sides)),
        Parameter("b", (4 * h,), bias),
    )
    if isinstance(layer, LSTM):
        return (*shared, *starts.learned(layer))
    peepholes = Parameter("P", (3, h), _weights(layer, 3, h, h, i + h, recurrent=True, sides=sides))
    return (*shared, peepholes, *starts.learned(layer))


def _gru_parameters(layer: GRU) -> tuple[Parameter, ...]:
    """W [3H, I], R [3H, H], b [3H], with ``reset_after`` bR [3H], gates r, z, n; fans as an LSTM's, (H, I + H) for both weights."""
    h, i = layer.n_out, layer.n_in
    shared = (
        Parameter("W", (3 * h, i), _weights(layer, 3 * h, i, h, i + h)),
        Parameter("R", (3 * h, h), _weights(layer, 3 * h, h, h, i + h, recurrent=True)),
        Parameter("b", (3 * h,), _constant(layer.bias_init, 3 * h)),
    )
    second = (Parameter("bR", (3 * h,), _constant(0.0, 3 * h)),) if layer.reset_after else ()
    return (*shared, *second, *starts.learned(layer))


def _simple_rnn_parameters(layer: SimpleRnn) -> tuple[Parameter, ...]:
    """W [H, I], R [H, H], b [H], with layer normalisation the gains g [2, H] of both products; fans (I, H) and (H, H)."""
    h, i = layer.n_out, layer.n_in
    shared = (
        Parameter("W", (h, i), _weights(layer, h, i, i, h)),
        Parameter("R", (h, h), _weights(layer, h, h, h, h, recurrent=True)),
        Parameter("b", (h,), _constant(layer.bias_init, h)),
    )
    gains = (Parameter("g", (2, h), _constant(layer.gain_init, 2, h)),) if layer.has_layer_norm else ()
    return (*shared, *gains, *starts.learned(layer))


@register(LSTM, parameters=lstm_parameters, buffers=starts.given)
def lower_lstm(layer: LSTM, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]."""
    return run_cell(layer, context, x, lstm, {"act": layer.activation, "gate": layer.gate_activation})


@register(GravesLSTM, parameters=lstm_parameters, buffers=starts.given)
def lower_graves_lstm(layer: GravesLSTM, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]."""
    return run_cell(layer, context, x, graves_lstm, {"act": layer.activation, "gate": layer.gate_activation})


@register(GRU, parameters=_gru_parameters, buffers=starts.given)
def lower_gru(layer: GRU, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]. Where the reset gate acts before the product, R is two weights to the cell: of r and z, and of n."""
    activations = {"act": layer.activation, "gate": layer.gate_activation}
    if layer.reset_after:
        return run_cell(layer, context, x, gru_reset_after, activations)
    r = context.parameter("R")
    parts = {
        "Rg": context.graph.add("block_rows", [r], "Rg", start=0, stop=2, blocks=3),
        "Rn": context.graph.add("block_rows", [r], "Rn", start=2, stop=3, blocks=3),
    }
    return run_cell(layer, context, x, gru_reset_before, activations, weights=parts)


@register(SimpleRnn, parameters=_simple_rnn_parameters, buffers=starts.given)
def lower_simple_rnn(layer: SimpleRnn, context: Context, x: Value) -> Value:
    """x [T, N, I] -> h [T, N, H]."""
    if not layer.has_layer_norm:
        return run_cell(layer, context, x, simple_rnn, {"act": layer.activation})
    x = context.cleaned(x, layer.mask_mode)
    g, g_recurrent = (context.graph.add("take", [context.parameter("g")], "g", index=k) for k in range(2))
    xw = context.graph.add("linear", [x, context.parameter("W")], "xW")
    xw = normalize(xw) * g + context.parameter("b")
    return run_cell(layer, context, x, layer_norm_rnn, {"act": layer.activation}, sequences=[xw], weights={"g": g_recurrent})


def run_cell(
    layer: RecurrentLayer,
    context: Context,
    x: Value,
    cell: Cell,
    activations: Mapping[str, object],
    *,
    sequences: Sequence[Value] | None = None,
    weights: Mapping[str, Value] | None = None,
) -> Value:
    """``cell`` over time, in the direction that the context says; its new states become the network's. Gives the output [T, N, .].

    Its sequences are W x + b unless given, its weights the layer's parameters of their names except for those in ``weights``. A mask
    reaches the cell unless the layer's ``mask_mode`` is "ignore". With one the output is 0 at masked steps, so what follows needs no
    cleaning.

    Where the context says how many steps at the end pass a gradient, the cell runs over those before and then over them.
    """
    mask = context.mask if layer.mask_mode != "ignore" else None
    sources = [context.cleaned(x, layer.mask_mode)] if sequences is None else sequences
    parts = _parts(context, [*sources, *([] if mask is None else [mask])])
    given = [[affine(context, part[0])] if sequences is None else part[: len(sequences)] for part in parts]
    operands = {key: (weights or {}).get(key) or context.parameter(key) for key in cell.weights}
    sizes: dict[str, int] = {}
    for (key, width), value in zip(cell.sequences.items(), given[-1], strict=True):
        unify(floats(width), floats(*value.shape[2:]), sizes, f"{cell.name}, sequence {key!r}")
    for key, shape in cell.weights.items():
        unify(floats(*shape), operands[key].type, sizes, f"{cell.name}, weight {key!r}")
    begun = {key: start_key(key) for key in layer.starts}
    states = {key: context.state(key, evaluate(width, sizes), start=begun.get(key)) for key, width in cell.states.items()}
    body = trace(cell, **activations)
    attributes = {"body": body, "reverse": context.reverse, "mask_mode": None if mask is None else layer.mask_mode}
    outputs, after = list[Value](), list(states.values())
    for sequence, part in zip(given, parts, strict=True):
        before = [context.graph.add("stop_gradient", [v]) for v in after] if outputs else after
        masks = [] if mask is None else [part[-1]]
        y, *after = context.graph.add_many("recurrent", [*sequence, *before, *operands.values(), *masks], cell.name, **attributes)
        outputs.append(y)
    y = outputs[-1] if len(outputs) == 1 else _joined(context, *outputs)
    context.clean = context.mask is None or mask is not None
    for key, value in zip(states, after, strict=True):
        context.next_state(key, value)
    output, *following = body.results
    context.final = (list(states)[following.index(output)], after[following.index(output)]) if output in following else None
    return y


def _parts(context: Context, values: list[Value]) -> list[list[Value]]:
    """Sequences [T, ...] whole, or those of the steps without a gradient, and those of the steps with."""
    if context.backward_steps is None:
        return [values]
    halves = [context.graph.add_many("split_steps", [v], count=context.backward_steps) for v in values]
    return [[front for front, _ in halves], [back for _, back in halves]]


def _joined(context: Context, front: Value, back: Value) -> Value:
    """The output of all steps, with the gradient of the last ones."""
    return context.graph.add("concat", [context.graph.add("stop_gradient", [front]), back], axis=0)


def register_cell(
    cls: type[RecurrentLayer],
    cell: Cell,
    *,
    sizes: Callable[[Any], Mapping[str, int]] = lambda layer: {"H": layer.n_out},
    activations: Callable[[Any], Mapping[str, object]] | None = None,
) -> None:
    """Let ``cell`` compute layers of class ``cls``: parameters, lowering, training, export and streaming follow from the cell.

    ``sizes(layer)`` gives the sizes of the cell's symbols (H is the layer's n_out where left out), ``activations(layer)`` the names of its
    activations; left out, ``act`` is the layer's activation and any other argument its field of that name, ``gate`` its gate_activation.

    Parameters: W [width of the cell's one sequence, n_in] and b, of W x + b; and each weight of the cell under its name. Weights of two
    axes are drawn by the layer's initialisers (fans: columns, rows), others begin at 0, b at bias_init. What states begin with, where
    ``initial_state`` says it; a layer whose states are not h alone, [N, n_out], tells their widths by ``state_sizes``.

    ConfigurationError: a weight has the name of what a state begins with, as h0.
    """
    taken = [start_key(state) for state in cell.states if start_key(state) in cell.weights]
    if taken:
        raise ConfigurationError(
            f"register_cell({cls.__name__}): the cell {cell.name!r} has a weight {taken[0]!r}, which is the name of what its state "
            f"{taken[0][:-1]!r} begins with; give the weight another name"
        )

    def parameters(layer: RecurrentLayer) -> tuple[Parameter, ...]:
        known = dict(sizes(layer))
        (width,) = (evaluate(w, known) for w in cell.sequences.values())
        own = {key: tuple(evaluate(d, known) for d in shape) for key, shape in cell.weights.items()}
        _check_states(layer, {key: evaluate(width, known) for key, width in cell.states.items()})
        return (
            Parameter("W", (width, layer.n_in), _weights(layer, width, layer.n_in, layer.n_in, width)),
            Parameter("b", (width,), _constant(layer.bias_init, width)),
            *(Parameter(key, shape, _own_weight(layer, shape)) for key, shape in own.items()),
            *starts.learned(layer),
        )

    def lower(layer: RecurrentLayer, context: Context, x: Value) -> Value:
        return run_cell(layer, context, x, cell, activations(layer) if activations else _activations(layer, cell))

    register(cls, parameters=parameters, buffers=starts.given)(lower)


def _check_states(layer: RecurrentLayer, sizes: Mapping[str, int]) -> None:
    """ConfigurationError where a layer begins with a state of which it does not tell the width that its cell has."""
    if layer.initial_state is not None and dict(layer.state_sizes) != dict(sizes):
        raise ConfigurationError(
            f"{layer.tag()}: initial_state={shown(layer.initial_state)}: its cell has the states {dict(sizes)}, its state_sizes are "
            f"{dict(layer.state_sizes)}; give the class a property state_sizes with those of the cell"
        )


def _own_weight(layer: RecurrentLayer, shape: tuple[int, ...]) -> Draw:
    if len(shape) != 2:
        return _constant(0.0, *shape)
    return _weights(layer, *shape, shape[1], shape[0], recurrent=True)


_FIELDS = {"act": "activation", "gate": "gate_activation"}


def _activations(layer: RecurrentLayer, cell: Cell) -> dict[str, str]:
    return {key: getattr(layer, _FIELDS.get(key, key)) for key in cell.activations}
