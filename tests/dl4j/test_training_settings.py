"""What a layer's JSON says of its training: updaters, penalties, gradient normalisation, constraints."""

from __future__ import annotations

from typing import Any

import pytest

import rnngraph as rg
from rnngraph import dl4j
from tests.dl4j.documents import layer, lstm, network, object_, output, regularization, updater, wrapper

SCHEDULE = object_("org.nd4j.linalg.schedule", "StepSchedule", scheduleType="ITERATION", initialValue=0.5, decayRate=0.25, step=10.0)
OURS = rg.StepSchedule("iteration", 0.5, 0.25, 10.0)
MOMENTS = {"beta1": 0.5, "beta2": 0.75, "epsilon": 0.125, "learningRate": 0.25}


def read(*stored: dict[str, Any]) -> Any:
    """The first layer of the network of ``stored``; a Bidirectional's or LastTimeStep's, the one inside."""
    first: Any = dl4j.read_configuration(network(*stored)).layers[0]
    return getattr(first, "layer", first)


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        (updater("Sgd", learningRate=0.25), rg.Sgd(0.25)),
        (updater("NoOp"), rg.NoOp()),
        *((updater(c.__name__, **MOMENTS), c(0.25, 0.5, 0.75, 0.125)) for c in (rg.Adam, rg.AdaMax, rg.AMSGrad, rg.Nadam, rg.AdaBelief)),
        (updater("AdaGrad", learningRate=0.25, epsilon=0.125), rg.AdaGrad(0.25, 0.125)),
        (updater("AdaDelta", rho=0.25, epsilon=0.125), rg.AdaDelta(0.25, 0.125)),
        (updater("RmsProp", learningRate=0.25, rmsDecay=0.5, epsilon=0.125), rg.RmsProp(0.25, 0.5, 0.125)),
        (updater("Nesterovs", learningRate=0.25, momentum=0.5), rg.Nesterovs(0.25, 0.5)),
        (updater("Sgd", learningRate="NaN", learningRateSchedule=SCHEDULE), rg.Sgd(OURS)),
        (updater("Nesterovs", learningRate=0.25, momentum="NaN", momentumISchedule=SCHEDULE), rg.Nesterovs(0.25, OURS)),
        (
            updater("Sgd", learningRate="NaN", learningRateSchedule=object_("s", "RampSchedule", numIter=5, baseSchedule=SCHEDULE)),
            rg.Sgd(rg.RampSchedule(OURS, 5)),
        ),
    ],
    ids=lambda v: v["@class"].rpartition(".")[2] if isinstance(v, dict) else "",
)
def test_updaters(stored: dict[str, Any], ours: Any) -> None:
    got = read(lstm(iupdater=stored, biasUpdater=updater("Sgd", learningRate=0.75)))
    assert (got.updater, got.bias_updater) == (ours, rg.Sgd(0.75))
    assert read(lstm(iupdater=updater("NoOp"), biasUpdater=stored)).bias_updater == ours


def test_penalties() -> None:
    kinds = [("L1Regularization", "l1", 0.125), ("L2Regularization", "l2", 0.25), ("WeightDecay", "coeff", 0.5)]
    stored = [regularization(*kind) for kind in kinds]
    got = read(lstm(regularization=stored, regularizationBias=[*stored[:2], regularization("WeightDecay", "coeff", 0.5, applyLR=False)]))
    assert (got.l1, got.l2, got.weight_decay, got.weight_decay_apply_lr) == (0.125, 0.25, 0.5, True)
    assert (got.l1_bias, got.l2_bias, got.weight_decay_bias, got.weight_decay_bias_apply_lr) == (0.125, 0.25, 0.5, False)
    twice = read(lstm(regularization=[stored[2], stored[2]]))  # as DL4J has one that was set for the whole network
    assert (twice.weight_decay, twice.l2, twice.weight_decay_bias) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("mode", "ours"),
    [
        ("None", "none"),
        ("RenormalizeL2PerLayer", "renormalize_l2_per_layer"),
        ("RenormalizeL2PerParamType", "renormalize_l2_per_param_type"),
        ("ClipElementWiseAbsoluteValue", "clip_element_wise_absolute_value"),
        ("ClipL2PerLayer", "clip_l2_per_layer"),
        ("ClipL2PerParamType", "clip_l2_per_param_type"),
    ],
)
def test_gradient_normalisation(mode: str, ours: str) -> None:
    inner = lstm(gradientNormalization=mode, gradientNormalizationThreshold=0.25)
    for stored in (inner, wrapper("Bidirectional", inner, mode="ADD")):
        got = read(stored)
        assert got.gradient_normalization == ours
        assert got.gradient_normalization_threshold == (1.0 if mode == "None" else 0.25)


def test_layers_without_parameters_drop_what_is_of_gradients() -> None:
    pooling = object_(
        "org.deeplearning4j.nn.conf.layers",
        "GlobalPoolingLayer",
        poolingType="AVG",
        pnorm=2,
        collapseDimensions=True,
        constraints=None,
        gradientNormalization="ClipL2PerLayer",
        gradientNormalizationThreshold=0.0,
        idropout=None,
    )
    config = dl4j.read_configuration(network(lstm(), pooling, output("OutputLayer")))
    assert [one.tag() for one in config.layers] == ["LSTM", "GlobalPoolingLayer", "OutputLayer"]


def constraint(kind: str, params: list[str], **fields: Any) -> dict[str, Any]:
    return object_("org.deeplearning4j.nn.conf.constraint", kind, epsilon=1e-6, params=params, **{"dimensions": [1], **fields})


@pytest.mark.parametrize(
    ("kind", "params", "on"),
    [
        ("LSTM", ["RW", "W"], ["weights"]),
        ("LSTM", ["W"], ["input_weights"]),
        ("LSTM", ["RW"], ["recurrent_weights"]),
        ("LSTM", ["b"], ["biases"]),
        ("LSTM", ["b", "W", "RW"], ["all"]),
        ("LSTM", ["b", "W"], ["input_weights", "biases"]),
        ("LSTM", [], []),
        ("GravesBidirectionalLSTM", ["WF", "RWF", "WB", "RWB"], ["weights"]),
        ("DenseLayer", ["W"], ["weights"]),
        ("DenseLayer", ["W", "b"], ["all"]),
    ],
    ids=str,
)
def test_on_what_constraints_act(kind: str, params: list[str], on: list[Any]) -> None:
    stored = [constraint("MaxNormConstraint", params, maxNorm=0.5)]
    got = read(layer("DenseLayer", constraints=stored) if kind == "DenseLayer" else lstm(kind, constraints=stored))
    assert got.constraints == (tuple(rg.MaxNormConstraint(0.5, on=where) for where in on) or None)


def test_constraints_and_their_numbers() -> None:
    stored = [
        constraint("MaxNormConstraint", ["W", "RW"], maxNorm=0.5, dimensions=[0]),
        constraint("MinMaxNormConstraint", ["W", "RW"], min=0.25, max=0.75, rate=0.5),
        constraint("UnitNormConstraint", ["W", "RW"], dimensions=[0, 1]),
        constraint("NonNegativeConstraint", ["b"], dimensions=None),
    ]
    ours = (
        rg.MaxNormConstraint(0.5, 0),
        rg.MinMaxNormConstraint(0.25, 0.75, 0.5),
        rg.UnitNormConstraint((0, 1)),
        rg.NonNegativeConstraint(on="biases"),
    )
    assert read(lstm(constraints=stored)).constraints == ours
    assert read(wrapper("LastTimeStep", lstm(constraints=stored)), output("OutputLayer")).constraints == ours


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"params": "W"}, r"constraints\[0\]: params is 'W'; expected a list of strings, as DL4J writes it"),
        ({"params": ["W", 3]}, r"constraints\[0\]: params is \['W', 3\]; expected a list of strings"),
        ({"params": ["W"], "dimensions": None}, r"constraints\[0\]: dimensions is None; expected a list of whole numbers"),
        ({"params": ["W"], "maxNorm": 0.0}, r"max_norm=0.0: expected a number greater than 0"),
        ({"params": ["W"], "dimensions": [2]}, r"dimensions=\(2,\), but its weights have the dimensions 0 to 1"),
    ],
)
def test_constraints_that_dl4j_does_not_write(fields: dict[str, Any], message: str) -> None:
    stored = {**constraint("MaxNormConstraint", ["W"], maxNorm=0.5), **fields}
    with pytest.raises(rg.ModelFileError, match=message):
        read(lstm(constraints=[stored]))
