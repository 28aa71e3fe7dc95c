"""Random configurations for hypothesis, valid by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from rnngraph.conf import (
    LSTM,
    ActivationLayer,
    Adam,
    BatchNormalization,
    DenseLayer,
    Dropout,
    DropoutLayer,
    EmbeddingSequenceLayer,
    GlobalPoolingLayer,
    GravesLSTM,
    InputType,
    LastTimeStep,
    Layer,
    LossLayer,
    MultiLayerConfiguration,
    OutputLayer,
    RnnLossLayer,
    RnnOutputLayer,
    Sgd,
    SimpleRnn,
    StandardBackprop,
    TruncatedBPTT,
)
from rnngraph.conf.activations import ACTIVATIONS
from rnngraph.conf.initializers import INITIALIZERS
from rnngraph.conf.layers.pooling import POOLING_TYPES
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
OUTPUT = {**WEIGHTS, **BIAS, "has_bias": st.booleans(), "has_layer_norm": st.booleans(), "loss": st.sampled_from(LOSSES)}


@st.composite
def recurrent_layers(draw: st.DrawFn) -> LSTM | GravesLSTM | SimpleRnn:
    """One of the recurrent layers, without n_in."""
    cases: list[tuple[Any, dict[str, Any]]] = [(LSTM, GATED), (GravesLSTM, GATED), (SimpleRnn, {**RECURRENT, **BIAS})]
    cls, fields = draw(st.sampled_from(cases))
    made = cls(n_out=draw(WIDTHS), **draw(optional(**fields)))
    assert isinstance(made, (LSTM, GravesLSTM, SimpleRnn))
    return made


NORM = {"has_bias": st.booleans(), "has_layer_norm": st.booleans(), "gain_init": FINITE}
DENSE = st.builds(lambda n_out, fields: DenseLayer(n_out=n_out, **fields), WIDTHS, optional(**WEIGHTS, **BIAS, **NORM))
EMBEDDING = {"activation": PLAIN["activation"], "mask_mode": PLAIN["mask_mode"], **BIAS, "has_bias": st.booleans()}
BATCH_NORM = {"decay": DECAYS, "epsilon": POSITIVE, "gamma": FINITE, "lock_gamma_beta": st.booleans(), "updater": UPDATERS}
SAME_WIDTH = (
    st.builds(lambda f: BatchNormalization(**f), optional(**BATCH_NORM))
    | st.builds(lambda f: ActivationLayer(**f), optional(**PLAIN))
    | st.builds(lambda p: DropoutLayer(Dropout(retain=p)), st.floats(0, 1, exclude_min=True))
)


@st.composite
def stacks(draw: st.DrawFn) -> list[Layer]:
    """Layers that fit behind each other and take time series, without n_in."""
    first = st.builds(lambda n, f: EmbeddingSequenceLayer(n_out=n, **f), WIDTHS, optional(**EMBEDDING))
    layers: list[Layer] = [*draw(st.lists(first, max_size=1)), *draw(st.lists(recurrent_layers() | DENSE | SAME_WIDTH, max_size=2))]
    if draw(st.booleans()):
        pooling = st.builds(lambda k, p: GlobalPoolingLayer(k, pnorm=p), st.sampled_from(POOLING_TYPES), st.integers(1, 5))
        ends = recurrent_layers().map(LastTimeStep)
        layers += [draw(pooling if draw(st.booleans()) else ends), *draw(st.lists(DENSE | SAME_WIDTH, max_size=1))]
        plain = st.builds(lambda f: LossLayer(**f), optional(**PLAIN, loss=st.sampled_from(LOSSES)))
        output: list[Any] = draw(
            st.lists(st.builds(lambda n, f: OutputLayer(n_out=n, **f), WIDTHS, optional(**OUTPUT)) | plain, max_size=1)
        )
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
            backprop=st.just(StandardBackprop()) | st.builds(TruncatedBPTT, st.integers(1, 99)),
            data_type=st.sampled_from(["float32", "float64", "FLOAT", "double"]),
            mask_mode=st.sampled_from(MASK_MODES),
        )
    )
    steps = draw(st.none() | st.integers(1, 99))
    layers = draw(stacks())
    if any(isinstance(layer, GlobalPoolingLayer) for layer in layers):
        fields.pop("backprop", None)
    return MultiLayerConfiguration(
        layers=layers, input_type=InputType.recurrent(draw(WIDTHS), steps), validate_output_layer=False, **fields
    )
