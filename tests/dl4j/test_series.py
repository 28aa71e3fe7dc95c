"""What comes in, where DL4J's JSON tells it by what stands behind only: a time series or vectors."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from tests.dl4j.documents import Json, layer, lstm, network, object_, output, wrapper
from tests.dl4j.files import array_bytes, write_model
from tests.dl4j.test_graphs import PACKAGE, RNN, graph, layer_vertex

SERIES = rg.InputType.recurrent(3)
LSTM, RNN_OUT = rg.LSTM(n_out=4), rg.RnnOutputLayer(n_out=2)
ROWS: dict[str, list[Any]] = {
    "dense": [rg.DenseLayer(n_out=5), LSTM, RNN_OUT],
    "two dense": [rg.DenseLayer(n_out=5), rg.DenseLayer(n_out=6), LSTM, RNN_OUT],
    "dense and output": [rg.DenseLayer(n_out=5), RNN_OUT],
    "dense and pool": [rg.DenseLayer(n_out=5), rg.GlobalPoolingLayer("avg"), rg.OutputLayer(n_out=2)],
    "normalization": [rg.BatchNormalization(), LSTM, RNN_OUT],
    "activation": [rg.ActivationLayer("tanh"), LSTM, RNN_OUT],
    "dropout and wrapper": [rg.DropoutLayer(rg.Dropout(retain=0.5)), rg.Bidirectional(LSTM), RNN_OUT],
}


def reloaded(net: Any, path: Path) -> Any:
    """Written and read again, without being told what comes in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        dl4j.save(net, path)
    return dl4j.load(path)


@pytest.mark.parametrize("layers", ROWS.values(), ids=ROWS.keys())
def test_a_row_that_begins_in_steps_of_a_series_is_read_as_one(layers: list[Any], tmp_path: Path) -> None:
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, input_type=SERIES))
    back = reloaded(net, tmp_path / "m.zip")
    assert back.config.input_type == SERIES
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    np.testing.assert_array_equal(back.output(x), net.output(x))


VECTORS = {"d": (rg.DenseLayer(n_out=3), "in"), "o": (rg.OutputLayer(n_out=2), "d")}
GRAPHS: dict[str, dict[str, Any]] = {
    "dense": {"d": (rg.DenseLayer(n_out=5), "in"), "l": (LSTM, "d"), "o": (RNN_OUT, "l")},
    "vertex": {"d": (rg.DenseLayer(n_out=3), "in"), "e": (rg.ElementWiseVertex("add"), "in", "d"), "l": (LSTM, "e"), "o": (RNN_OUT, "l")},
    "last": {"n": (rg.BatchNormalization(), "in"), "l": (rg.LastTimeStepVertex("in"), "n"), "o": (rg.OutputLayer(n_out=2), "l")},
}


@pytest.mark.parametrize("vertices", GRAPHS.values(), ids=GRAPHS.keys())
def test_a_graph_that_begins_in_steps_of_a_series_is_read_as_one(vertices: dict[str, Any], tmp_path: Path) -> None:
    config = rg.ComputationGraphConfiguration(inputs=["in"], vertices=vertices, outputs=["o"], input_types={"in": SERIES})
    net = rg.ComputationGraph(config)
    back = reloaded(net, tmp_path / "m.zip")
    assert back.config.input_types == {"in": SERIES}
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    np.testing.assert_array_equal(back.output(x)[0], net.output(x)[0])


def test_vectors_stay_vectors(tmp_path: Path) -> None:
    row = rg.MultiLayerConfiguration(layers=[rg.DenseLayer(n_in=3, n_out=5), rg.BatchNormalization(), rg.OutputLayer(n_out=2)])
    assert reloaded(rg.MultiLayerNetwork(row), tmp_path / "m.zip").config.input_type == rg.InputType.feed_forward(3)
    one = rg.ComputationGraphConfiguration(inputs=["in"], vertices=VECTORS, outputs=["o"], input_types={"in": rg.InputType.feed_forward(3)})
    assert reloaded(rg.ComputationGraph(one), tmp_path / "g.zip").config.input_types == {"in": rg.InputType.feed_forward(3)}


def test_what_the_caller_says_comes_first() -> None:
    text = network(layer("DenseLayer", 3, 4), output("OutputLayer"))
    assert dl4j.read_configuration(text, rg.InputType.feed_forward(3)).input_type == rg.InputType.feed_forward(3)  # type: ignore[union-attr]


def between(**kinds: str) -> Json:
    """Preprocessors by index."""
    package = "org.deeplearning4j.nn.conf.preprocessor"
    return {key.removeprefix("at"): object_(package, f"{kind}PreProcessor") for key, kind in kinds.items()}


ROW_OF_STEPS = between(at0="RnnToFeedForward", at1="FeedForwardToRnn")


def test_an_embedding_of_the_steps_of_a_series_takes_ids_by_steps(tmp_path: Path) -> None:
    """W[id] + b at each step, as DL4J computes it from rows that are steps."""
    text = network(layer("EmbeddingLayer", 3, 2, hasBias=True), output(n_in=2), inputPreProcessors=ROW_OF_STEPS)
    vector = np.arange(3 * 2 + 2 + 2 * 2 + 2, dtype="f4") / 10
    net = dl4j.load(write_model(tmp_path / "m.zip", configuration=text, coefficients=array_bytes(vector)))
    first = net.config.layers[0]
    assert isinstance(first, rg.EmbeddingSequenceLayer)
    assert first.has_bias
    W, b = vector[:6].reshape(2, 3).T, vector[6:8]
    hidden = np.tanh(W[[0, 2, 1]] + b)
    logits = hidden @ vector[8:12].reshape(2, 2).T + vector[12:]
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(net.output([[0, 2, 1]])[0].T, wanted, rtol=1e-5)


def test_an_embedding_of_single_ids_stays_one() -> None:
    config = dl4j.read_configuration(network(layer("EmbeddingLayer", 3, 4), output("OutputLayer")))
    assert config.layers[0].tag() == "EmbeddingLayer"


def test_an_embedding_in_a_graph_takes_ids_by_steps() -> None:
    steps = json.loads(
        graph({"e": (layer("EmbeddingLayer", 3, 4), ["in"]), "l": (lstm(nin=4), ["e"]), "out": (output(), ["l"])}, ["in"], ["out"])
    )
    steps["vertices"]["e"] = layer_vertex(layer("EmbeddingLayer", 3, 4), "e", ROW_OF_STEPS["0"])
    config = dl4j.read_configuration(json.dumps(steps))
    assert config.layers[0].tag() == "EmbeddingSequenceLayer"


WAY_OUT = (
    r"OutputLayer behind a time series is not supported in this version of rnngraph \(its outputs and labels are \[N·T, C\] in DL4J, each "
    r"step a row\. RnnOutputLayer computes the same at each step: in DL4J put one in its place, .* net\.setParams\(old\.params\(\)\)"
)


@pytest.mark.parametrize(
    "text",
    [
        network(lstm(), output("OutputLayer"), inputPreProcessors=between(at1="RnnToFeedForward")),
        network(wrapper("Bidirectional", lstm(), mode="ADD"), layer("DenseLayer", 4, 4), output("OutputLayer")),
        network(layer("DenseLayer", 3, 4), output("OutputLayer"), inputPreProcessors=between(at0="RnnToFeedForward")),
        graph({"l": (lstm(), ["in"]), "out": (output("OutputLayer"), ["l"])}, ["in"], ["out"]),
        graph(
            {
                "l": (lstm(), ["in"]),
                "last": (object_(RNN, "LastTimeStepVertex", maskArrayInputName="in"), ["l"]),
                "again": (object_(RNN, "DuplicateToTimeSeriesVertex", inputName="in"), ["last"]),
                "scaled": (object_(PACKAGE, "ScaleVertex", scaleFactor=1.0), ["again"]),
                "out": (output("OutputLayer"), ["scaled"]),
            },
            ["in"],
            ["out"],
        ),
    ],
)
def test_an_output_layer_of_rows_that_are_steps_is_told_with_the_way_out(text: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=WAY_OUT):
        dl4j.read_configuration(text)


def test_images_are_asked_for_as_before() -> None:
    window = {"kernelSize": [2, 2], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "convolutionMode": "Truncate"}
    text = network(layer("ConvolutionLayer", 3, 4, **window), output("OutputLayer"))
    with pytest.raises(rg.ModelFileError, match=r"layers\[0\] \(ConvolutionLayer\): the size of the images is missing"):
        dl4j.read_configuration(text)
