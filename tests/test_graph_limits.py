"""Graphs at their edges: series that became shorter, parts that nobody reads, outputs without a loss, orders of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify

SERIES, VECTOR = rg.InputType.recurrent(2), rg.InputType.feed_forward(2)
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((3, 2, 8))
MASK = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0, 0, 0]], float)


def graph(vertices: dict[str, Any], outputs: Any = "y", inputs: Any = "x", **settings: Any) -> rg.ComputationGraph:
    types = dict.fromkeys([inputs] if isinstance(inputs, str) else inputs, SERIES)
    return rg.ComputationGraph(
        rg.ComputationGraphConfiguration(inputs=inputs, vertices=vertices, outputs=outputs, input_types=types, **settings)
    )


def head(kind: type = rg.RnnOutputLayer, **settings: Any) -> Any:
    return kind(n_out=2, activation="identity", loss="mse", **settings)


SHORTER: dict[str, Any] = {
    "convolution": rg.Convolution1DLayer(n_out=3, kernel_size=2, stride=2),
    "pooling": rg.Subsampling1DLayer(kernel_size=2, stride=2),
}


@pytest.mark.parametrize("layer", SHORTER.values(), ids=SHORTER.keys())
def test_the_last_step_of_a_series_that_became_shorter_is_the_last_real_one(layer: Any, tmp_path: Path) -> None:
    """As in a network whose LastTimeStep holds a layer behind the window; padding changes nothing."""
    net = graph({"c": (layer, "x"), "l": (rg.LSTM(n_out=3), "c"), "v": (rg.LastTimeStepVertex("x"), "l"), "y": (head(rg.OutputLayer), "v")})
    layers = [layer, rg.LastTimeStep(rg.LSTM(n_out=3)), head(rg.OutputLayer)]
    row = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, input_type=SERIES))
    own = {"0": "c", "1": "l", "2": "y"}
    row.set_parameters({name: net.parameters()[f"{own[name[0]]}{name[1:]}"] for name in row.parameters()})
    (y,) = net.output([X], [MASK])
    np.testing.assert_allclose(y, row.output(X, MASK), rtol=0, atol=1e-6)
    np.testing.assert_allclose(y[:1], net.output([X[:1, :, :4]])[0], rtol=0, atol=1e-6)
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    assert verify(tmp_path / "net.onnx")
    np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx").output([X], features_masks=[MASK])[0], y, rtol=0, atol=1e-6)


@pytest.mark.parametrize("layer", SHORTER.values(), ids=SHORTER.keys())
def test_a_shorter_series_turned_around_twice_is_as_it_was(layer: Any) -> None:
    turned = {"r": (rg.ReverseTimeSeriesVertex("x"), "c"), "b": (rg.ReverseTimeSeriesVertex("x"), "r")}
    net = graph({"c": (layer, "x"), **turned, "y": (head(), "b")})
    plain = graph({"c": (layer, "x"), "y": (head(), "c")})
    plain.set_parameters(net.parameters())
    labels = rg.MultiDataSet([X], [RANDOM.standard_normal((3, 2, 4))], [MASK])
    assert net.score(labels) == pytest.approx(plain.score(labels), rel=1e-6)


def test_parameters_that_no_output_uses_have_no_gradient() -> None:
    """A stacked part that nobody takes out."""
    stacked = {"k": (rg.LSTM(n_out=2), "q"), "s": (rg.StackVertex(), "p", "k"), "u": (rg.UnstackVertex(0, 2), "s")}
    net = graph({**stacked, "y": (head(), "u")}, inputs=["p", "q"], updater=rg.Sgd(0.1))
    data = rg.MultiDataSet([X, X], [X])
    before = net.parameters()
    _, gradient = net.gradient(data)
    net.fit(data, progress=False)
    for name, array in net.parameters().items():
        assert (np.abs(gradient[name]).max() == 0) == name.startswith("k.")
        assert np.array_equal(array, before[name]) == name.startswith("k.")


def test_an_output_without_a_loss_is_given_and_exported_and_the_rest_is_evaluated(tmp_path: Path) -> None:
    net = graph({"l": (rg.LSTM(n_out=2), "x"), "m": (rg.ScaleVertex(2.0), "l"), "y": (rg.RnnOutputLayer(n_out=2), "l")}, ["m", "y"])
    m, _ = net.output([X])
    assert m.shape == (3, 2, 8)
    export_onnx(net, tmp_path / "net.onnx")
    np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx").output([X])[0], m, rtol=0, atol=1e-6)
    labels = np.eye(2)[RANDOM.integers(0, 2, (3, 8))].transpose(0, 2, 1)
    data = rg.MultiDataSet([X], [m, labels])
    assert 0 <= net.evaluate(data, "y").accuracy() <= 1
    for call in (net.score, net.gradient, lambda d: net.fit(d, progress=False)):
        with pytest.raises(rg.ConfigurationError, match=r"vertex 'm' \(ScaleVertex\)"):
            call(data)


def test_what_shapes_alone_tell_names_the_vertex() -> None:
    with pytest.raises(rg.ConfigurationError, match=r"^vertex 'm' \(MergeVertex\): concat"):
        graph({"c": (SHORTER["convolution"], "x"), "m": (rg.MergeVertex(), "c", "x"), "y": (head(), "m")})
    stack = {"s": (rg.StackVertex(), "p", "q"), "b": (rg.BatchNormalization(), "s"), "u": (rg.UnstackVertex(0, 2), "b")}
    with pytest.raises(rg.ConfigurationError, match=r"^vertex 'b' \(BatchNormalization\): keeps statistics, which stacked"):
        graph({**stack, "y": (head(), "u")}, inputs=["p", "q"])


def test_a_series_is_not_divided_by_norms_of_segments() -> None:
    with pytest.raises(
        rg.ConfigurationError, match=r"vertex 'n' \(L2NormalizeVertex\): .* cannot train it: it divides by the norm of the whole"
    ):
        graph({"n": (rg.L2NormalizeVertex(), "x"), "y": (head(), "n")}, backprop=rg.TruncatedBPTT(2))
    vectors = rg.ComputationGraphConfiguration(
        inputs="x", vertices={"n": (rg.L2NormalizeVertex(), "x"), "y": (head(rg.OutputLayer), "n")}, outputs="y", input_types={"x": VECTOR}
    )
    assert vectors.vertices["n"].vertex == rg.L2NormalizeVertex(mask_mode="hold")


def test_an_order_that_is_topological_stays_and_is_that_of_dl4js_vector(tmp_path: Path) -> None:
    """Depth first, which Kahn's algorithm would not find: the file says so, and what is read has each number where it was."""
    deep = {"a": (rg.LSTM(n_out=3), "x"), "c": (rg.LSTM(n_out=4), "a"), "b": (rg.LSTM(n_out=3), "x"), "y": (head(), "c", "b")}
    net = graph(deep)
    assert net.config.layer_names == ("a", "c", "b", "y-merge", "y")
    with pytest.warns(dl4j.DL4JWarning):
        dl4j.save(net, tmp_path / "m.zip")
    back = dl4j.load(tmp_path / "m.zip")
    assert back.config.layer_names == net.config.layer_names
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(back.parameters()[name], array)
    assert isinstance(back, rg.ComputationGraph)
    np.testing.assert_array_equal(back.output([X])[0], net.output([X])[0])
