"""Random configurations for hypothesis, valid by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from rnngraph.conf import (
    ELU,
    GRU,
    LSTM,
    ActivationLayer,
    AdaBelief,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AlphaDropout,
    AMSGrad,
    BatchNormalization,
    Bidirectional,
    CycleSchedule,
    DenseLayer,
    DropConnect,
    Dropout,
    DropoutLayer,
    EmbeddingSequenceLayer,
    ExponentialSchedule,
    FixedSchedule,
    GaussianDropout,
    GaussianNoise,
    GlobalPoolingLayer,
    GravesBidirectionalLSTM,
    GravesLSTM,
    InputType,
    InverseSchedule,
    LastTimeStep,
    Layer,
    LeakyReLU,
    Loss,
    LossLayer,
    MapSchedule,
    MaskZeroLayer,
    MaxNormConstraint,
    MinMaxNormConstraint,
    MultiLayerConfiguration,
    Nadam,
    Nesterovs,
    Noise,
    NonNegativeConstraint,
    NoOp,
    NormalDistribution,
    OrthogonalDistribution,
    OutputLayer,
    PolySchedule,
    RampSchedule,
    RecurrentLayer,
    ReLU,
    RmsProp,
    RnnLossLayer,
    RnnOutputLayer,
    Sgd,
    SigmoidSchedule,
    SimpleRnn,
    SpatialDropout,
    StandardBackprop,
    StepSchedule,
    TimeDistributed,
    TorchUpdater,
    TruncatedBPTT,
    UnitNormConstraint,
    WeightNoise,
)
from rnngraph.conf.activations import ACTIVATIONS
from rnngraph.conf.constraints import PARAMETERS
from rnngraph.conf.gradients import GRADIENT_NORMALIZATIONS
from rnngraph.conf.initializers import INITIALIZERS
from rnngraph.conf.layers.base import PENALTIES
from rnngraph.conf.layers.bidirectional import MODES
from rnngraph.conf.layers.pooling import POOLING_TYPES
from rnngraph.conf.losses import LOSSES
from rnngraph.conf.masks import MASK_MODES

WIDTHS: st.SearchStrategy[Any] = st.integers(1, 9) | st.integers(1, 9).map(np.int64)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
NON_NEGATIVE = st.floats(min_value=0, allow_infinity=False)
DECAYS = st.floats(0, 1, exclude_max=True)
NAMES = st.text(min_size=1, max_size=8)


def built(cls: Any, *values: st.SearchStrategy[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects of ``cls`` from settings in its order, and by name."""
    return st.builds(lambda given, named: cls(*given, **named), st.tuples(*values), st.fixed_dictionaries(fields))


COUNTS = st.integers(1, 99)
KINDS = st.sampled_from(["iteration", "epoch"])
SCHEDULES = st.one_of(
    built(FixedSchedule, FINITE),
    built(StepSchedule, KINDS, FINITE, NON_NEGATIVE, POSITIVE),
    built(ExponentialSchedule, KINDS, FINITE, NON_NEGATIVE),
    built(InverseSchedule, KINDS, FINITE, NON_NEGATIVE, FINITE),
    built(SigmoidSchedule, KINDS, FINITE, FINITE, COUNTS),
    built(PolySchedule, KINDS, FINITE, FINITE, COUNTS),
    built(MapSchedule, KINDS, st.just({0: 0.5, 7: 0.25})),
    built(RampSchedule, built(FixedSchedule, FINITE), COUNTS),
    built(CycleSchedule, KINDS, FINITE, FINITE, st.integers(10, 99), st.integers(0, 5), st.floats(0, 1)),
)
RATES = POSITIVE | SCHEDULES
UPDATERS = st.one_of(
    built(Sgd, RATES),
    st.just(NoOp()),
    *(built(cls, RATES, DECAYS, DECAYS, POSITIVE) for cls in (Adam, AdaMax, AMSGrad, Nadam, AdaBelief)),
    built(AdaGrad, RATES, POSITIVE),
    built(AdaDelta, DECAYS, POSITIVE),
    built(RmsProp, RATES, DECAYS, POSITIVE),
    built(Nesterovs, RATES, DECAYS | SCHEDULES),
    built(TorchUpdater, st.just("AdamW"), lr=RATES, betas=st.tuples(DECAYS, DECAYS), amsgrad=st.booleans()),
)
ON = st.sampled_from(PARAMETERS)
DIMENSIONS = st.sampled_from([0, 1, (0, 1)])
CONSTRAINT = st.one_of(
    built(MaxNormConstraint, POSITIVE, DIMENSIONS, on=ON),
    built(MinMaxNormConstraint, st.floats(0, 1), st.floats(1, 2), st.floats(0, 1), DIMENSIONS, on=ON),
    built(UnitNormConstraint, DIMENSIONS, on=ON),
    built(NonNegativeConstraint, on=ON),
)
TRAINED = {
    "updater": UPDATERS,
    "gradient_normalization": st.sampled_from(GRADIENT_NORMALIZATIONS),
    "gradient_normalization_threshold": POSITIVE,
}
REGULARISED = {
    **dict.fromkeys(PENALTIES, NON_NEGATIVE),
    "weight_decay_apply_lr": st.booleans(),
    "weight_decay_bias_apply_lr": st.booleans(),
    "bias_updater": UPDATERS,
    "constraints": CONSTRAINT | st.lists(CONSTRAINT, max_size=2),
    **TRAINED,
}


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of ``fields``, the others left out."""
    return st.fixed_dictionaries({}, optional=fields)


ACTIVATION = st.sampled_from(ACTIVATIONS) | st.builds(ELU, NON_NEGATIVE) | st.builds(LeakyReLU, FINITE) | st.just(ReLU(max=6.0))
INITIALIZER = (
    st.sampled_from(list(INITIALIZERS)) | st.builds(NormalDistribution, FINITE, NON_NEGATIVE) | st.just(OrthogonalDistribution(2.0))
)
LOSS = st.sampled_from(LOSSES) | st.just(Loss("xent", clip_eps=1e-3)) | st.just(Loss("mse"))
SHARES = st.floats(0, 1, exclude_min=True) | st.just(MapSchedule("epoch", {0: 0.5, 9: 1.0}))
DROPOUT: st.SearchStrategy[Noise] = (
    st.sampled_from([Dropout, SpatialDropout, AlphaDropout]).flatmap(lambda kind: st.builds(kind, retain=SHARES))
    | st.builds(GaussianDropout, rate=DECAYS)
    | st.builds(GaussianNoise, std=NON_NEGATIVE)
)
WEIGHT_NOISE = st.builds(DropConnect, retain=SHARES, apply_to_biases=st.booleans()) | st.builds(
    WeightNoise, distribution=st.builds(NormalDistribution, FINITE, NON_NEGATIVE), additive=st.booleans()
)
PLAIN = {"name": NAMES, "activation": ACTIVATION, "mask_mode": st.sampled_from(MASK_MODES)}
WEIGHTS = {**PLAIN, **REGULARISED, "weight_noise": WEIGHT_NOISE, "dropout": DROPOUT, "weight_init": INITIALIZER}
STARTS = st.sampled_from([*[None] * 12, "learned", "zeros", -0.5, {"h": "learned"}, {"h": 0.25}])
RECURRENT = {**WEIGHTS, "weight_init_recurrent": INITIALIZER, "initial_state": STARTS}
GATED = {**RECURRENT, "gate_activation": ACTIVATION, "forget_gate_bias_init": FINITE}
BIAS = {"bias_init": FINITE}
OUTPUT = {**WEIGHTS, **BIAS, "has_bias": st.booleans(), "has_layer_norm": st.booleans(), "loss": LOSS}


CELLS: dict[Any, dict[str, Any]] = {
    LSTM: GATED,
    GravesLSTM: GATED,
    SimpleRnn: {**RECURRENT, **BIAS, "has_layer_norm": st.booleans(), "gain_init": FINITE},
    GRU: {**RECURRENT, **BIAS, "gate_activation": ACTIVATION, "reset_after": st.booleans()},
}
BOTH_WAYS: dict[Any, dict[str, Any]] = {GravesBidirectionalLSTM: {k: v for k, v in GATED.items() if k != "weight_init_recurrent"}}


@st.composite
def cells(draw: st.DrawFn, kinds: dict[Any, dict[str, Any]] = CELLS) -> RecurrentLayer:
    """One of the recurrent layers that hold no other, without n_in."""
    cls, fields = draw(st.sampled_from(list(kinds.items())))
    made = cls(n_out=draw(WIDTHS), **draw(optional(**fields)))
    assert isinstance(made, RecurrentLayer)
    return made


NORM = {"has_bias": st.booleans(), "has_layer_norm": st.booleans(), "gain_init": FINITE}
DENSE = st.builds(lambda n_out, fields: DenseLayer(n_out=n_out, **fields), WIDTHS, optional(**WEIGHTS, **BIAS, **NORM))
EMBEDDING = {"activation": PLAIN["activation"], "mask_mode": PLAIN["mask_mode"], **BIAS, "has_bias": st.booleans()}
BATCH_NORM = {**TRAINED, "decay": DECAYS, "epsilon": POSITIVE, "gamma": FINITE, "lock_gamma_beta": st.booleans()}
SAME_WIDTH = (
    st.builds(lambda f: BatchNormalization(**f), optional(**BATCH_NORM))
    | st.builds(lambda f: ActivationLayer(**f), optional(**PLAIN))
    | DROPOUT.map(DropoutLayer)
)


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
    first = st.builds(lambda n, f: EmbeddingSequenceLayer(n_out=n, **f), WIDTHS, optional(**EMBEDDING))
    layers: list[Layer] = [*draw(st.lists(first, max_size=1)), *draw(st.lists(recurrent_layers() | DENSE | SAME_WIDTH, max_size=2))]
    if draw(st.booleans()):
        pooling = st.builds(lambda k, p: GlobalPoolingLayer(k, pnorm=p), st.sampled_from(POOLING_TYPES), st.integers(1, 5))
        ends = recurrent_layers().map(LastTimeStep) | cells().map(LastTimeStep).map(Bidirectional) | pooling
        layers += [draw(ends), *draw(st.lists(DENSE | SAME_WIDTH, max_size=1))]
        plain = st.builds(lambda f: LossLayer(**f), optional(**PLAIN, loss=st.sampled_from(LOSSES)))
        output: list[Any] = draw(
            st.lists(st.builds(lambda n, f: OutputLayer(n_out=n, **f), WIDTHS, optional(**OUTPUT)) | plain, max_size=1)
        )
    else:
        losses = st.builds(lambda f: RnnLossLayer(**f), optional(**PLAIN, loss=LOSS))
        output = draw(st.lists(st.builds(lambda n, f: RnnOutputLayer(n_out=n, **f), WIDTHS, optional(**OUTPUT)) | losses, max_size=1))
    return [*layers, *output] or [draw(recurrent_layers())]


@st.composite
def configurations(draw: st.DrawFn) -> MultiLayerConfiguration:
    """Whole configurations; what a loss fits to is not looked at."""
    fields = draw(
        optional(
            seed=st.integers(0, 2**64 - 1),
            **REGULARISED,
            weight_init=INITIALIZER,
            activation=ACTIVATION,
            dropout=DROPOUT,
            weight_noise=WEIGHT_NOISE,
            data_type=st.sampled_from(["float32", "float64", "FLOAT", "double"]),
            mask_mode=st.sampled_from(MASK_MODES),
            mini_batch=st.booleans(),
        )
    )
    steps = draw(st.none() | st.integers(1, 99))
    layers = draw(stacks())
    network = MultiLayerConfiguration(
        layers=layers, input_type=InputType.recurrent(draw(WIDTHS), steps), validate_output_layer=False, **fields
    )
    if network.ends_in_time_series and all(layer.causal for layer in layers):
        lengths = st.none() | st.integers(1, 20)
        backprop = draw(st.just(StandardBackprop()) | st.builds(TruncatedBPTT, st.integers(20, 99), lengths))
        return network.replaced(backprop=backprop)
    return network
