"""What DL4J lacks is refused before anything is written; what it does otherwise is told."""

from __future__ import annotations

import json
import math
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.conf import Layer, MultiLayerConfiguration
from rnngraph.dl4j.arrays import read_array
from rnngraph.dl4j.layouts import LAYOUTS
from rnngraph.dl4j.writing.arrays import vector_bytes
from rnngraph.dl4j.writing.configuration import configuration_json
from rnngraph.dl4j.writing.text import number, printed
from rnngraph.ir import activations
from tests.dl4j.files import array_bytes
from tests.dl4j.networks import network

SERIES, OUT, RNN_OUT = rg.InputType.recurrent(3), rg.OutputLayer(n_out=2), rg.RnnOutputLayer(n_out=2)
LSTM = rg.LSTM(n_out=4, mask_mode="ignore")
EACH = rg.TimeDistributed(rg.DenseLayer(n_out=3))


def config(*layers: Layer, **fields: Any) -> MultiLayerConfiguration:
    return MultiLayerConfiguration(**{"input_type": SERIES, "mask_mode": "ignore", "layers": list(layers), **fields})


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (config(rg.GRU(n_out=4), RNN_OUT), r"^layers\[0\] \(GRU\): DL4J 1\.0\.0-M2\.1 has no layer GRU; expected one of ActivationLayer, "),
        (
            config(rg.Bidirectional(rg.GRU(n_out=4)), RNN_OUT),
            r"^layers\[0\] \(Bidirectional\): DL4J 1\.0\.0-M2\.1 has no layer GRU",
        ),
        (config(rg.SimpleRnn(n_out=4, has_layer_norm=True), RNN_OUT), "no layer normalisation in SimpleRnn; train one"),
        (
            config(rg.LSTM(n_out=4, initial_state="learned"), RNN_OUT),
            r"^layers\[0\] \(LSTM\): DL4J 1\.0\.0-M2\.1 has no initial state but zero; train one without initial_state$",
        ),
        (
            config(rg.Bidirectional(rg.SimpleRnn(n_out=4, initial_state=0.5)), RNN_OUT),
            r"^layers\[0\] \(Bidirectional\): .* no initial state but zero",
        ),
        (
            config(rg.GravesBidirectionalLSTM(n_out=4, initial_state={"c": 1.0}), RNN_OUT),
            r"^layers\[0\] \(GravesBidirectionalLSTM\): .* no initial state but zero",
        ),
        (config(LSTM, rg.RnnOutputLayer(n_out=2, has_layer_norm=True)), r"^layers\[1\] .* no layer normalisation in RnnOutputLayer"),
        (config(LSTM, RNN_OUT, updater=rg.AdaBelief()), "no updater AdaBelief; expected one of AMSGrad, AdaDelta"),
        (config(LSTM, RNN_OUT, bias_updater=rg.TorchUpdater("AdamW")), r"^layers\[0\] \(LSTM\): .* no updater TorchUpdater"),
        (
            config(LSTM, RNN_OUT, backprop=rg.TruncatedBPTT(5, 3)),
            r"^backprop=TruncatedBPTT\(length=5, backward_length=3\): .* no backward length; its gradients go back whole segments",
        ),
        (
            config(LSTM, rg.LastTimeStep(rg.DenseLayer(n_out=3)), OUT),
            r"^layers\[1\] .* no LastTimeStep around a DenseLayer; put TimeDistributed around the DenseLayer",
        ),
        (
            config(rg.Bidirectional(rg.LastTimeStep(rg.MaskZeroLayer(LSTM))), OUT),
            "no MaskZeroLayer inside a Bidirectional; put MaskZeroLayer around the Bidirectional",
        ),
        (
            config(LSTM, rg.DenseLayer(n_out=3, dropout=rg.SpatialDropout(retain=0.5)), RNN_OUT),
            r"no SpatialDropout of vectors; use Dropout\(retain=0\.5\)",
        ),
    ],
    ids=lambda v: "" if isinstance(v, MultiLayerConfiguration) else v[-30:],
)  # fmt: skip
def test_what_dl4j_lacks_is_refused(refused: MultiLayerConfiguration, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_text("as it was")
    with pytest.raises(dl4j.NotInDL4JError, match=message):
        dl4j.save(rg.MultiLayerNetwork(refused), tmp_path / "m.zip")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was"]


class OwnSchedule(rg.FixedSchedule):
    """A schedule of one's own."""

    type: Literal["OwnSchedule"] = "OwnSchedule"  # type: ignore[assignment]


@pytest.fixture
def squashed() -> Iterator[str]:
    """The name of an activation of one's own."""
    rg.register_activation("squashed", lambda x: x / (1.0 + x * x))
    yield "squashed"
    activations._REGISTERED.clear()


def test_an_activation_of_ones_own_is_refused(squashed: str) -> None:
    with pytest.raises(dl4j.NotInDL4JError, match="no activation squashed; expected one of cube, elu"):
        configuration_json(config(rg.LSTM(n_out=4, activation=squashed), RNN_OUT))


def test_a_schedule_of_ones_own_is_refused() -> None:
    with pytest.raises(dl4j.NotInDL4JError, match="no schedule OwnSchedule; expected one of CycleSchedule"):
        configuration_json(config(rg.LSTM(n_out=4, updater=rg.Sgd(OwnSchedule(0.1))), RNN_OUT))


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(rg.ModelFileError, match=r"gone/m\.zip: there is no folder .*gone; create it first"):
        dl4j.save(rg.MultiLayerNetwork(config(LSTM, RNN_OUT)), tmp_path / "gone" / "m.zip")
    with pytest.raises(rg.ModelFileError, match=r": is a folder; give the name of a file in it, such as .*model\.zip"):
        dl4j.save(rg.MultiLayerNetwork(config(LSTM, RNN_OUT)), tmp_path)


@pytest.mark.parametrize("path", [None, 5])
def test_a_path_is_expected(path: Any) -> None:
    with pytest.raises(rg.ModelFileError, match=rf'^dl4j\.save: the path is {path}; expected the name of a file, such as "model\.zip"'):
        dl4j.save(rg.MultiLayerNetwork(config(LSTM, RNN_OUT)), path)
    with pytest.raises(rg.ModelFileError, match=rf'^dl4j\.save_normalizer: the path is {path}; expected .* "normalizer\.bin"'):
        dl4j.save_normalizer(rg.NormalizerStandardize.from_statistics([0.0], [1.0]), path)


def test_the_network_comes_first() -> None:
    with pytest.raises(rg.InputError, match=r"^dl4j\.save: expected a network, not .*m\.zip.*; give the network first, then the path"):
        dl4j.save("m.zip", "m.zip")  # type: ignore[arg-type]


VIDEO = rg.InputType.convolutional(4, 4, 1)


@pytest.mark.parametrize(
    ("different", "message"),
    [
        (
            config(rg.LSTM(n_out=4), rg.SimpleRnn(n_out=3), RNN_OUT, mask_mode="hold"),
            r"^with a features mask DL4J computes something else: layers\[0\] \(LSTM\) has mask_mode='hold', DL4J's LSTM does 'ignore'; "
            r"layers\[1\] \(SimpleRnn\) has mask_mode='hold', DL4J's SimpleRnn does 'reset'; layers\[2\] \(RnnOutputLayer\) has",
        ),
        (
            config(rg.LastTimeStep(LSTM), OUT),
            r"^with a features mask .* layers\[0\] \(LastTimeStep\) has mask_mode='ignore', DL4J's LSTM does 'reset'$",
        ),
        (config(LSTM, RNN_OUT, backprop=rg.TruncatedBPTT(5)), r"^backprop=TruncatedBPTT\(5\): DL4J's gradients over several"),
        (
            config(rg.Convolution1DLayer(1, n_out=4, dropout=rg.Dropout(retain=0.5)), LSTM, RNN_OUT),
            r"^DL4J's noise is another: layers\[0\] \(Convolution1DLayer\): its Convolution1DLayer applies no dropout$",
        ),
        (
            config(rg.LSTM(n_out=4, weight_noise=rg.DropConnect(retain=0.5, apply_to_biases=True)), RNN_OUT),
            r"^DL4J's noise is another: layers\[0\] \(LSTM\): it disturbs biases at inference too$",
        ),
        (
            config(rg.LSTM(n_out=4, updater=rg.AdaGrad(rg.ExponentialSchedule("epoch", 0.1, 0.5))), RNN_OUT),
            r"^DL4J loses the schedule of an AdaGrad, .* NaN: layers\[0\] \(LSTM\); give a number to train there$",
        ),
        (
            config(rg.ConvolutionLayer(3, n_out=2), LSTM, RNN_OUT, input_type=VIDEO),
            r"^a video comes in: DL4J takes each image for a series of one step; with input_type=InputType\.recurrent\(height",
        ),
    ],
    ids=lambda v: "" if isinstance(v, MultiLayerConfiguration) else v[:30],
)  # fmt: skip
def test_what_dl4j_does_otherwise_is_told_once(different: MultiLayerConfiguration, message: str, tmp_path: Path) -> None:
    net = rg.MultiLayerNetwork(different)
    with pytest.warns(dl4j.DL4JWarning, match=message) as told:
        dl4j.save(net, tmp_path / "m.zip")
    assert len(told) == 1
    assert told[0].filename == __file__
    assert dl4j.load(tmp_path / "m.zip", different.input_type).parameters().keys() == net.parameters().keys()


def test_what_comes_from_dl4j_goes_back_without_a_word(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        dl4j.save(network("dense_in_time"), tmp_path / "a.zip")
    dl4j.save(dl4j.load(tmp_path / "a.zip", SERIES), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_network_without_parameters_says_so(tmp_path: Path) -> None:
    net = rg.MultiLayerNetwork(config(rg.RnnLossLayer(activation="identity", loss="mse")))
    dl4j.save(net, tmp_path / "m.zip")
    with zipfile.ZipFile(tmp_path / "m.zip") as file:
        assert file.namelist() == ["configuration.json", "noParams.marker"]
        assert file.read("noParams.marker") == b""
    assert dl4j.load(tmp_path / "m.zip", SERIES).parameters() == {}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([LSTM, rg.DenseLayer(n_out=3), RNN_OUT], {"1": "RnnToFeedForward", "2": "FeedForwardToRnn"}),
        ([LSTM, rg.GlobalPoolingLayer(), rg.ActivationLayer("tanh"), rg.DenseLayer(n_out=3), OUT], {"3": "RnnToFeedForward"}),
        ([LSTM, EACH, LSTM, RNN_OUT], {}),
        ([LSTM, EACH, rg.DenseLayer(n_out=3), RNN_OUT], {"2": "RnnToFeedForward", "3": "FeedForwardToRnn"}),
        ([rg.DenseLayer(n_out=3), EACH, RNN_OUT], {"0": "RnnToFeedForward", "1": "FeedForwardToRnn"}),
        ([LSTM, rg.DenseLayer(n_out=3), rg.LastTimeStep(LSTM), OUT], {"1": "RnnToFeedForward", "2": "FeedForwardToRnn"}),
        ([rg.LastTimeStep(LSTM), rg.DenseLayer(n_out=3), OUT], {}),
    ],
)  # fmt: skip
def test_preprocessors_stand_where_dl4j_inserts_them(layers: list[Layer], expected: dict[str, str]) -> None:
    document = json.loads(configuration_json(config(*layers)))
    assert {k: v["@class"].rpartition(".")[2].removesuffix("PreProcessor") for k, v in document["inputPreProcessors"].items()} == expected
    noted = {str(k) for k, conf in enumerate(document["confs"]) if conf["layer"].get("timeDistributedFormat")}
    assert noted == {k for k, kind in expected.items() if kind == "RnnToFeedForward"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (0.001, "0.001"), (0.00099, "9.9E-4"), (1e-8, "1.0E-8"), (1234567.5, "1234567.5"),
        (1e7, "1.0E7"), (-1.25e-10, "-1.25E-10"), (5e-324, "5.0E-324"), (1.7976931348623157e308, "1.7976931348623157E308"),
        (math.nan, '"NaN"'), (math.inf, '"Infinity"'), (-math.inf, '"-Infinity"'),
    ],
)  # fmt: skip
def test_numbers_are_spelled_as_in_java(value: float, text: str) -> None:
    assert number(value) == text
    assert math.isnan(value) or float(text.strip('"')) == value


def test_text_is_laid_out_as_jackson_does() -> None:
    value = {"a": [], "b": {}, "c": [1, 2.0, "x", None, True], "d": [{"e": 1}, {"f": "ü\n"}]}
    text = (
        '{\n  "a" : [ ],\n  "b" : { },\n  "c" : [ 1, 2.0, "x", null, true ],\n  "d" : [ {\n    "e" : 1\n  }, {\n    "f" : "ü\\n"\n  } ]\n}'
    )
    assert printed(value) == text


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_are_read_as_they_were_written(dtype: type) -> None:
    vector: np.ndarray = np.random.default_rng(0).normal(size=7).astype(dtype)
    content = vector_bytes(vector)
    np.testing.assert_array_equal(read_array(content, "x"), vector)
    assert len(content) == len(array_bytes(vector))


def test_a_variance_that_was_a_logarithm_becomes_it_again() -> None:
    """Where a variance has one logarithm only, it is that one; where it has several in float32, one that gives it."""
    part = LAYOUTS["BatchNormalization"][-1]
    logs = np.random.default_rng(0).uniform(-3, 3, 20_000).astype(np.float32)
    (variances,) = part.back(logs)
    again = part.there(variances)
    assert again.dtype == np.float32
    np.testing.assert_array_equal(part.back(again)[0], variances)
    steep = np.abs(logs) > 0.5
    np.testing.assert_array_equal(again[steep], logs[steep])
    assert part.back(part.there(np.zeros(1, np.float32)))[0] == 0
