"""Reading graphs: made by hand, in all that the recorded ones do not show, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.table import shapes
from rnngraph.exporters import export_onnx
from tests.dl4j.documents import Json, lstm, object_, output
from tests.dl4j.files import array_bytes, write_model

PACKAGE = "org.deeplearning4j.nn.conf.graph"
RNN = f"{PACKAGE}.rnn"


def layer_vertex(layer: Json, name: str, preprocessor: Json | None = None) -> Json:
    """A vertex that holds a layer."""
    conf = {"layer": {**layer, "layerName": name}, "miniBatch": True, "seed": 7, "variables": []}
    return object_(PACKAGE, "LayerVertex", layerConf=conf, preProcessor=preprocessor, outputVertex=False)


def graph(vertices: dict[str, tuple[Json, list[str]]], inputs: list[str], outputs: list[str], **fields: Any) -> str:
    """The text of a ComputationGraph's configuration.json."""
    held = {name: layer_vertex(one, name) if "layers" in one["@class"] else one for name, (one, _) in vertices.items()}
    usual = {"backpropType": "Standard", "dataType": "FLOAT", "tbpttBackLength": 20, "tbpttFwdLength": 20}
    sources = {name: given for name, (_, given) in vertices.items()}
    return json.dumps({**usual, "networkInputs": inputs, "networkOutputs": outputs, "vertices": held, "vertexInputs": sources, **fields})


MERGED: dict[str, tuple[Json, list[str]]] = {
    "merge": (object_(PACKAGE, "MergeVertex", mergeAxis=1, modified=False), ["a", "b"]),
    "lstm": (lstm(nin=5), ["merge"]),
    "out": (output(), ["lstm"]),
}


def merged(**fields: Any) -> str:
    """Two inputs of 5 features together."""
    return graph(MERGED, ["a", "b"], ["out"], **fields)


def saved(text: str, path: Path) -> Path:
    """The file of a graph whose parameters are 0.001, 0.002, ..."""
    with pytest.warns(dl4j.ImportNote):
        config = dl4j.read_configuration(text)
    count = sum(int(np.prod(shape)) for shape in shapes(config).values())
    return write_model(path, configuration=text, coefficients=array_bytes(np.arange(1, count + 1, dtype="f4") / 1000))


VERTICES: dict[str, tuple[Json, rg.ComputationGraphConfiguration | Any]] = {
    "scale": (object_(PACKAGE, "ScaleVertex", scaleFactor=2.5), rg.ScaleVertex(2.5)),
    "shift": (object_(PACKAGE, "ShiftVertex", shiftFactor=-1.0), rg.ShiftVertex(-1.0)),
    "subset": (object_(PACKAGE, "SubsetVertex", **{"from": 0, "to": 3}), rg.SubsetVertex(0, 3)),
    "norm": (object_(PACKAGE, "L2NormalizeVertex", dimension=None, eps=1e-6), rg.L2NormalizeVertex(epsilon=1e-6, mask_mode="ignore")),
    "reverse": (object_(RNN, "ReverseTimeSeriesVertex", maskArrayInputName=None), rg.ReverseTimeSeriesVertex()),
    "reverse of input": (object_(RNN, "ReverseTimeSeriesVertex", maskArrayInputName="in"), rg.ReverseTimeSeriesVertex("in")),
    "preprocessor": (
        object_(
            PACKAGE,
            "PreprocessorVertex",
            preProcessor=object_("org.deeplearning4j.nn.conf.preprocessor", "RnnToFeedForwardPreProcessor", rnnDataFormat="NCW"),
        ),
        rg.PreprocessorVertex(rg.RnnToFeedForwardPreProcessor()),
    ),
}


@pytest.mark.parametrize(("vertex", "ours"), VERTICES.values(), ids=VERTICES.keys())
def test_vertices(vertex: Json, ours: Any) -> None:
    text = graph({"lstm": (lstm(), ["in"]), "v": (vertex, ["lstm"]), "out": (lstm(nin=4, nout=4), ["v"])}, ["in"], ["out"])
    config = dl4j.read_configuration(text)
    assert isinstance(config, rg.ComputationGraphConfiguration)
    assert config.vertices["v"].vertex == ours
    assert config.input_types == {"in": rg.InputType.recurrent(3)}
    assert list(config.vertices) == ["lstm", "v", "out"]


def test_joined_inputs_are_read_as_they_stand_at_masked_steps() -> None:
    with pytest.warns(dl4j.ImportNote):
        config = dl4j.read_configuration(merged())
    assert isinstance(config, rg.ComputationGraphConfiguration)
    assert config.vertices["merge"].vertex == rg.MergeVertex(mask_mode="ignore")


def test_widths_that_the_file_does_not_tell_come_from_the_first_arrays(tmp_path: Path) -> None:
    note = r"how many features each .* 'a' 3 and 'b' 2 are taken until the first arrays tell.*input_types=\{'a': InputType.recurrent"
    path = saved(merged(), tmp_path / "m.zip")
    with pytest.warns(dl4j.ImportNote, match=note):
        net = dl4j.load(path)
    assert isinstance(net, rg.ComputationGraph)
    for write in (net.save, lambda path: export_onnx(net, path)):
        with pytest.raises(rg.InputError, match=r"the widths of this graph's inputs are a guess.*give it arrays first"):
            write(tmp_path / "net")
    assert [file.name for file in tmp_path.iterdir()] == ["m.zip"]
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 1, 6)), random.standard_normal((2, 4, 6))
    with pytest.raises(rg.InputError, match=r"features\[0\] \('a'\) has 4 features"):
        net.output([b, b])
    (y,) = net.output([a, b])
    assert {name: flow.size for name, flow in net.config.input_types.items()} == {"a": 1, "b": 4}
    told = dl4j.load(path, input_types={"a": rg.InputType.recurrent(1), "b": rg.InputType.recurrent(4)})
    assert isinstance(told, rg.ComputationGraph)
    np.testing.assert_array_equal(y, told.output([a, b])[0])
    one = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[net.config.layers[1], net.config.layers[2]]))
    one.set_parameters(
        {f"{k}.{key}": net.parameters()[f"{n}.{key}"] for k, n, keys in ((0, "lstm", "WRb"), (1, "out", "Wb")) for key in keys}
    )
    np.testing.assert_array_equal(y, one.output(np.concatenate([a, b], axis=1)))


def test_the_first_minibatch_tells_the_widths_too(tmp_path: Path) -> None:
    path = saved(merged(), tmp_path / "m.zip")
    with pytest.warns(dl4j.ImportNote):
        net = dl4j.load(path)
    assert isinstance(net, rg.ComputationGraph)
    random = np.random.default_rng(0)
    labels = np.eye(2)[random.integers(0, 2, (2, 6))].transpose(0, 2, 1)
    net.fit(rg.MultiDataSet([random.standard_normal((2, 1, 6)), random.standard_normal((2, 4, 6))], [labels]), progress=False)
    assert net.iteration == 1
    assert net.config.input_types["b"] == rg.InputType.recurrent(4)


def test_the_order_of_the_file_is_that_of_its_vector() -> None:
    """Two layers side by side: DL4J's order is the one that the file says, or the one of Kahn's algorithm."""
    beside = {
        "x": (lstm(), ["in"]),
        "y": (lstm(), ["in"]),
        "m": (object_(PACKAGE, "MergeVertex"), ["x", "y"]),
        "out": (output(n_in=8), ["m"]),
    }
    plain = dl4j.read_configuration(graph(beside, ["in"], ["out"]))
    noted = dl4j.read_configuration(graph(beside, ["in"], ["out"], topologicalOrderStr=["in", "y", "x", "m", "out"]))
    assert plain.layer_names == ("x", "y", "m", "out")
    assert noted.layer_names == ("y", "x", "m", "out")


@pytest.mark.parametrize(
    ("vertices", "fields", "message"),
    [
        ({"v": (object_(PACKAGE, "AttentionVertex"), ["in"])}, {}, "vertex 'v': vertex AttentionVertex is not supported"),
        ({"v": (object_(PACKAGE, "MergeVertex", mergeAxis=2), ["in", "lstm"])}, {}, "vertex MergeVertex with mergeAxis 2 is not supported"),
        ({"v": (object_(PACKAGE, "L2NormalizeVertex", dimension=[1], eps=1e-8), ["lstm"])}, {}, r"L2NormalizeVertex with dimension \[1\]"),
        ({"v": (object_(PACKAGE, "ElementWiseVertex", op="Min"), ["lstm", "lstm"])}, {}, "ElementWiseVertex.*op='Min'"),
        ({"v": (object_(PACKAGE, "SubsetVertex", **{"from": 0, "to": 9}), ["lstm"])}, {}, "takes the features 0 to 9, but gets 4"),
        ({"v": (lstm(nin=4), ["nobody"])}, {}, "its input 'nobody' is neither an input of the network nor a vertex"),
        ({"v": (lstm(nin=4), [])}, {}, "vertexInputs: 'v' has no input"),
        ({"v": (lstm(nin=4), ["out"]), "out": (lstm(nin=4), ["v"])}, {}, "each needs what the other gives"),
        ({}, {"topologicalOrderStr": ["in", "lstm"]}, "topologicalOrderStr is lstm"),
        ({}, {"networkOutputs": ["nobody"]}, "outputs: there is no vertex 'nobody'"),
        ({"v": (lstm("Own"), ["lstm"])}, {}, r"vertex 'v' \(Own\): layer Own is not supported"),
    ],
)
def test_what_cannot_be_read_is_told(vertices: dict[str, tuple[Json, list[str]]], fields: Json, message: str) -> None:
    held: dict[str, tuple[Json, list[str]]] = {"lstm": (lstm(), ["in"]), "out": (output(), ["lstm"]), **vertices}
    text = graph(held, ["in"], [name for name in held if name not in ("lstm", "out")] + ["out"], **fields)
    with pytest.raises(rg.ModelFileError, match=message):
        dl4j.read_configuration(text)


def test_types_of_inputs_of_the_wrong_kind_are_told() -> None:
    series = rg.InputType.recurrent(3)
    with pytest.raises(rg.InputError, match=r"input_type=.*the file holds a graph; tell what comes in by input_types="):
        dl4j.read_configuration(merged(), series)
    with pytest.raises(rg.ModelFileError, match="there is no input 'c' as input_types has it; the graph's are a, b"):
        dl4j.read_configuration(merged(), input_types={"c": series})


REPEATED: dict[str, tuple[Json, list[str]]] = {
    "encoder": (lstm(), ["in"]),
    "last": (object_(RNN, "LastTimeStepVertex", maskArrayInputName="in"), ["encoder"]),
    "repeat": (object_(RNN, "DuplicateToTimeSeriesVertex", inputName="clock"), ["last"]),
    "out": (output(), ["repeat"]),
}


def test_an_input_of_which_only_the_steps_are_used_has_any_width(tmp_path: Path) -> None:
    path = saved(graph(REPEATED, ["in", "clock"], ["out"]), tmp_path / "m.zip")
    with pytest.warns(
        dl4j.ImportNote, match=r"how many features each of these inputs has; 'clock' 1 are taken until the first arrays tell"
    ):
        net = dl4j.load(path)
    assert isinstance(net, rg.ComputationGraph)
    random = np.random.default_rng(0)
    x, clock = random.standard_normal((2, 3, 6)), random.standard_normal((2, 7, 4))
    (y,) = net.output([x, clock])
    assert net.config.input_types == {"in": rg.InputType.recurrent(3), "clock": rg.InputType.recurrent(7)}
    assert y.shape == (2, 2, 4)
    np.testing.assert_array_equal(y, np.repeat(y[:, :, :1], 4, axis=2))
    (other,) = net.output([x, 0 * clock])
    np.testing.assert_array_equal(other, y)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"a": 3}, r"input_types: a=3: expected an input type, such as rg\.InputType\.recurrent\(3\)"),
        (3, r"input_types=3: expected a mapping from the graph's inputs to their types, such as rg\.InputType"),
    ],
)
def test_types_of_inputs_are_expected(types: Any, message: str) -> None:
    with pytest.raises(rg.InputError, match=message):
        dl4j.read_configuration(merged(), input_types=types)


def test_a_type_of_the_input_is_expected() -> None:
    with pytest.raises(rg.InputError, match=r"^input_type=3: expected an input type, such as rg\.InputType\.recurrent\(3\)"):
        dl4j.read_configuration(merged(), 3)  # type: ignore[arg-type]
