"""Dropout and weight noise as DL4J writes them, with their schedules."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.lowering import lower
from tests.dl4j.documents import Json, layer, lstm, network, object_, output, wrapper


def dropout(kind: str, **fields: Any) -> Json:
    return object_("org.deeplearning4j.nn.conf.dropout", kind, **fields)


def weight_noise(kind: str, **fields: Any) -> Json:
    return object_("org.deeplearning4j.nn.conf.weightnoise", kind, **fields)


def schedule(kind: str, **fields: Any) -> Json:
    return object_("org.nd4j.linalg.schedule", kind, **fields)


def first(*layers: Json) -> Any:
    return dl4j.read_configuration(network(*layers)).layers[0]


STEP = schedule("StepSchedule", scheduleType="ITERATION", initialValue=0.9, decayRate=0.5, step=100.0)
OUR_STEP = rg.StepSchedule("iteration", 0.9, 0.5, 100)
MAP = schedule("MapSchedule", scheduleType="EPOCH", values={"0": 0.5, "3": 0.25})
SELU = {"alpha": 1.6732632423543772, "lambda": 1.0507009873554804}


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        (dropout("Dropout", p=0.8, pschedule=None, helperAllowFallback=True), rg.Dropout(retain=0.8)),
        (dropout("Dropout", p="NaN", pschedule=STEP, helperAllowFallback=True), rg.Dropout(retain=OUR_STEP)),
        (dropout("Dropout", p=0.0, pSchedule=STEP), rg.Dropout(retain=OUR_STEP)),
        (dropout("SpatialDropout", p=0.5, pschedule=None), rg.SpatialDropout(retain=0.5)),
        (dropout("SpatialDropout", p="NaN", pschedule=STEP), rg.SpatialDropout(retain=OUR_STEP)),
        (dropout("GaussianDropout", rate=0.25, rateSchedule=None), rg.GaussianDropout(0.25)),
        (dropout("GaussianDropout", rate="NaN", rateSchedule=STEP), rg.GaussianDropout(OUR_STEP)),
        (dropout("GaussianNoise", stddev=0.1, stddevSchedule=None), rg.GaussianNoise(0.1)),
        (dropout("GaussianNoise", stddev="NaN", stddevSchedule=STEP), rg.GaussianNoise(OUR_STEP)),
        (dropout("AlphaDropout", p=0.9, pschedule=None, **SELU), rg.AlphaDropout(retain=0.9)),
        (dropout("AlphaDropout", p="NaN", pschedule=STEP), rg.AlphaDropout(retain=OUR_STEP)),
    ],
    ids=lambda v: repr(v) if isinstance(v, rg.conf.Noise) else "",
)
def test_dropout(stored: Json, ours: Any) -> None:
    assert first(lstm(idropout=stored), output()).dropout == ours
    config: Any = dl4j.read_configuration(network(lstm(), object_("l", "DropoutLayer", idropout=stored, nin=4, nout=4), output()))
    assert config.layers[1].dropout == ours
    assert first(wrapper("LastTimeStep", lstm(idropout=stored)), output("OutputLayer")).layer.dropout == ours


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        (weight_noise("DropConnect", weightRetainProb=0.5, weightRetainProbSchedule=None, applyToBiases=False), rg.DropConnect(retain=0.5)),
        (weight_noise("DropConnect", weightRetainProbability=0.5, applyToBiases=True), rg.DropConnect(retain=0.5, apply_to_biases=True)),
        (weight_noise("DropConnect", weightRetainProb="NaN", weightRetainProbSchedule=STEP), rg.DropConnect(retain=OUR_STEP)),
        (
            weight_noise("WeightNoise", distribution={"type": "normal", "mean": 0.0, "std": 0.1}, applyToBias=False, additive=True),
            rg.WeightNoise(rg.NormalDistribution(0.0, 0.1)),
        ),
        (
            weight_noise("WeightNoise", distribution={"type": "uniform", "lower": 0.5, "upper": 1.5}, applyToBias=True, additive=False),
            rg.WeightNoise(rg.UniformDistribution(0.5, 1.5), additive=False, apply_to_biases=True),
        ),
    ],
    ids=lambda v: repr(v) if isinstance(v, rg.conf.ParameterNoise) else "",
)
def test_weight_noise(stored: Json, ours: Any) -> None:
    assert first(lstm(weightNoise=stored), output()).weight_noise == ours
    assert first(wrapper("Bidirectional", lstm(weightNoise=stored), mode="ADD"), output()).layer.weight_noise == ours


def test_schedules_by_epoch() -> None:
    kind = first(lstm(idropout=dropout("GaussianNoise", stddev="NaN", stddevSchedule=MAP)), output()).dropout
    assert kind == rg.GaussianNoise(rg.MapSchedule("epoch", {0: 0.5, 3: 0.25}))


NOISE: Json = {"idropout": dropout("Dropout", p=0.8), "weightNoise": weight_noise("DropConnect", weightRetainProb=0.5)}


@pytest.mark.parametrize(
    "layers",
    [
        (layer("EmbeddingSequenceLayer", **NOISE), lstm(n_in=4), output()),
        (lstm("GravesBidirectionalLSTM", **NOISE), output()),
        ({**wrapper("Bidirectional", lstm(), mode="ADD"), **NOISE}, output()),
        (lstm(), object_("l", "GlobalPoolingLayer", poolingType="MAX", pnorm=2, **NOISE), output("OutputLayer")),
    ],
    ids=["embedding", "graves", "wrapper", "pooling"],
)
def test_layers_that_dl4j_does_not_disturb(layers: tuple[Json, ...]) -> None:
    """The network's noise, which DL4J writes into all of its layers: nothing acts on those that leave it out."""
    config = dl4j.read_configuration(network(*layers))
    assert not lower(config, loss=True).ports("noise")


@pytest.mark.parametrize(
    ("fields", "element"),
    [
        ({"idropout": dropout("Own", p=0.5)}, "dropout Own"),
        ({"idropout": dropout("Dropout", p=0.5, pschedule=schedule("Own"))}, "dropout Dropout with Own"),
        ({"idropout": dropout("AlphaDropout", p=0.5, **{**SELU, "alpha": 2.0})}, "dropout AlphaDropout with alpha 2.0"),
        ({"weightNoise": weight_noise("Own")}, "weight noise Own"),
        ({"weightNoise": weight_noise("WeightNoise", distribution={"type": "cauchy"})}, "distribution cauchy"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_rnngraph_lacks_is_named(fields: Json, element: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=rf"layers\[0\].*: {re.escape(element)} is not supported in this version of"):
        first(lstm(**fields), output())


def test_a_field_of_the_wrong_kind() -> None:
    with pytest.raises(rg.errors.ModelFileError, match=r"layers\[0\].*idropout: p is 'much'; expected a number"):
        first(lstm(idropout=dropout("Dropout", p="much")), output())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"idropout": dropout("Dropout", p=1.5)},
            r"dropout: Dropout: retain=1\.5: expected a number of at most 1\.0 .*; correct it in DL4J",
        ),
        ({"idropout": dropout("Dropout", p="NaN")}, r"idropout: p is 'NaN', and no schedule stands in its place; expected a number: save"),
        (
            {"weightNoise": weight_noise("DropConnect", weightRetainProb=0.0)},
            r"weight_noise: DropConnect: retain=0\.0: expected a number greater",
        ),
    ],
)
def test_numbers_that_no_noise_has(fields: Json, message: str) -> None:
    with pytest.raises(rg.errors.ModelFileError, match=rf"layers\[0\] \(LSTM\): {message}"):
        first(lstm(**fields), output())
