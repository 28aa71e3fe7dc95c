"""Random configurations for hypothesis, valid by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from rnngraph.conf import (
    GRU,
    LSTM,
    Adam,
    Bidirectional,
    DenseLayer,
    GravesBidirectionalLSTM,
    GravesLSTM,
    InputType,
    LastTimeStep,
    Layer,
    MaskZeroLayer,
    MultiLayerConfiguration,
    OutputLayer,
    RecurrentLayer,
    RnnLossLayer,
    RnnOutputLayer,
    Sgd,
    SimpleRnn,
    StandardBackprop,
    TimeDistributed,
    TruncatedBPTT,
)
from rnngraph.conf.activations import ACTIVATIONS
from rnngraph.conf.initializers import INITIALIZERS
from rnngraph.conf.layers.bidirectional import MODES
from rnngraph.conf.losses import LOSSES
from rnngraph.conf.masks import MASK_MODES

WIDTHS: st.SearchStrategy[Any] = st.integers(1, 9) | st.integers(1, 9).map(np.int64)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
NON_NEGATIVE = st.floats(min_value=0, allow_infinity=False)
DECAYS = st.floats(0, 1, exclude_max=True)
NAMES = st.text(min_size=1, max_size=8)

UPDATERS = st.builds(Sgd, POSITIVE) | st.builds(Adam, POSITIVE, beta1=DECAYS, beta2=DECAYS, epsilon=POSITIVE)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of ``fields``, the others left out."""
    return st.fixed_dictionaries({}, optional=fields)


PLAIN = {"name": NAMES, "activation": st.sampled_from(ACTIVATIONS), "mask_mode": st.sampled_from(MASK_MODES)}
WEIGHTS = {**PLAIN, "weight_init": st.sampled_from(list(INITIALIZERS)), "l2": NON_NEGATIVE, "updater": UPDATERS}
RECURRENT = {**WEIGHTS, "weight_init_recurrent": st.sampled_from(list(INITIALIZERS))}
GATED = {**RECURRENT, "gate_activation": st.sampled_from(ACTIVATIONS), "forget_gate_bias_init": FINITE}
BIAS = {"bias_init": FINITE}
OUTPUT = {**WEIGHTS, **BIAS, "has_bias": st.booleans(), "loss": st.sampled_from(LOSSES)}


CELLS: dict[Any, dict[str, Any]] = {
    LSTM: GATED,
    GravesLSTM: GATED,
    SimpleRnn: {**RECURRENT, **BIAS, "has_layer_norm": st.booleans(), "gain_init": FINITE},
    GRU: {**RECURRENT, **BIAS, "gate_activation": st.sampled_from(ACTIVATIONS), "reset_after": st.booleans()},
}
BOTH_WAYS: dict[Any, dict[str, Any]] = {GravesBidirectionalLSTM: {k: v for k, v in GATED.items() if k != "weight_init_recurrent"}}


@st.composite
def cells(draw: st.DrawFn, kinds: dict[Any, dict[str, Any]] = CELLS) -> RecurrentLayer:
    """One of the recurrent layers that hold no other, without n_in."""
    cls, fields = draw(st.sampled_from(list(kinds.items())))
    made = cls(n_out=draw(WIDTHS), **draw(optional(**fields)))
    assert isinstance(made, RecurrentLayer)
    return made


DENSE = st.builds(lambda n_out, fields: DenseLayer(n_out=n_out, **fields), WIDTHS, optional(**WEIGHTS, **BIAS, has_bias=st.booleans()))


@st.composite
def recurrent_layers(draw: st.DrawFn) -> Layer:
    """A layer that takes time series and gives such: a recurrent one, as it is or in wrappers; without n_in."""
    name = draw(optional(name=NAMES))
    layer: Layer = draw(cells())
    if draw(st.integers(0, 3)) == 0:
        layer = MaskZeroLayer(layer, draw(FINITE), **name)
    if draw(st.integers(0, 3)) == 0:
        layer = Bidirectional(draw(st.sampled_from(MODES)), layer, **name)
    return draw(st.sampled_from([layer, layer, layer, draw(cells(BOTH_WAYS)), TimeDistributed(draw(DENSE), **name)]))


@st.composite
def stacks(draw: st.DrawFn) -> list[Layer]:
    """Layers that fit behind each other and take time series, without n_in."""
    layers: list[Layer] = draw(st.lists(recurrent_layers() | DENSE, max_size=2))
    if draw(st.booleans()):
        ends = [LastTimeStep(draw(recurrent_layers())), Bidirectional(LastTimeStep(draw(cells())))]
        layers += [draw(st.sampled_from(ends)), *draw(st.lists(DENSE, max_size=1))]
        output: list[Any] = draw(st.lists(st.builds(lambda n, f: OutputLayer(n_out=n, **f), WIDTHS, optional(**OUTPUT)), max_size=1))
    else:
        losses = st.builds(lambda f: RnnLossLayer(**f), optional(**PLAIN, loss=st.sampled_from(LOSSES)))
        output = draw(st.lists(st.builds(lambda n, f: RnnOutputLayer(n_out=n, **f), WIDTHS, optional(**OUTPUT)) | losses, max_size=1))
    return [*layers, *output] or [draw(recurrent_layers())]


@st.composite
def configurations(draw: st.DrawFn) -> MultiLayerConfiguration:
    """Whole configurations; what a loss fits to is not looked at."""
    fields = draw(
        optional(
            seed=st.integers(0, 2**64 - 1),
            updater=UPDATERS,
            weight_init=st.sampled_from(list(INITIALIZERS)),
            activation=st.sampled_from(ACTIVATIONS),
            l2=NON_NEGATIVE,
            data_type=st.sampled_from(["float32", "float64", "FLOAT", "double"]),
            mask_mode=st.sampled_from(MASK_MODES),
        )
    )
    steps = draw(st.none() | st.integers(1, 99))
    layers = draw(stacks())
    if all(layer.causal for layer in layers):
        fields["backprop"] = draw(st.just(StandardBackprop()) | st.builds(TruncatedBPTT, st.integers(1, 99)))
    return MultiLayerConfiguration(
        layers=layers, input_type=InputType.recurrent(draw(WIDTHS), steps), validate_output_layer=False, **fields
    )
