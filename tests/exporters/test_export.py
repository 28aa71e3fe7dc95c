"""export_onnx from a configuration to the files, its refusals and warnings."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import rnngraph as rg
import rnngraph.exporters.onnx.export as export_module
from rnngraph.backends import reference
from rnngraph.errors import ExportError
from rnngraph.exporters import ExportWarning, export_onnx
from rnngraph.lowering import initial_parameters, lower
from tests.exporters.networks import Layer, feeds, in_chunks, parameters, run, stack
from tests.exporters.test_bits import same


@dataclass
class Net:
    """A network without torch."""

    config: Any
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    fitted_with_mask: bool = False

    def parameters(self) -> Mapping[str, np.ndarray]:
        return self.arrays


def net_of(*layers: Any, **settings: Any) -> Net:
    config = rg.MultiLayerConfiguration(seed=1, layers=list(layers), **settings)
    return Net(config, {k: v.astype(config.data_type) for k, v in initial_parameters(config).items()})


def classifier(**settings: Any) -> Net:
    layers = [
        rg.LSTM(n_in=5, n_out=6),
        rg.LastTimeStep(rg.SimpleRnn(n_out=4)),
        rg.OutputLayer(n_out=3, activation="softmax", loss="mcxent"),
    ]
    return net_of(*layers, **settings)


def tagger(**settings: Any) -> Net:
    layers = [rg.GravesLSTM(n_in=5, n_out=6), rg.DenseLayer(n_out=4, activation="elu")]
    return net_of(*layers, rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent"), **settings)


def session_of(file: Path) -> ort.InferenceSession:
    return ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("options", [{}, {"target": "cpu"}, {"steps": 1}, {"batch": 2}, {"steps": 1, "batch": 2, "streaming": True}])
@pytest.mark.parametrize("make", [classifier, tagger])
def test_files_compute_what_the_graph_computes(make: Any, options: dict[str, Any], mode: str, masked: bool, tmp_path: Path) -> None:
    net, file = make(mask_mode=mode), tmp_path / "net.onnx"
    export_onnx(net, file, features_mask=masked, **options)
    onnx.checker.check_model(str(file), full_check=True)
    sess = session_of(file)
    graph = lower(net.config, features_mask=masked)
    given = feeds(graph, 2, options.get("steps", 7))
    if masked:
        given["features_mask"][0, :3] = 0
    want = reference.run(graph, {**given, **net.parameters()})
    for name, value in run(sess, given).items():
        np.testing.assert_allclose(value, want[name], atol=2e-6)
    content = json.loads(sess.get_modelmeta().custom_metadata_map["rnngraph"])
    assert [i.name for i in sess.get_inputs()] == [i["name"] for i in content["inputs"]]
    assert [i.shape for i in sess.get_inputs()] == [i["shape"] for i in content["inputs"]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx", "net.onnx.golden"]


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("make", [classifier, tagger])
def test_chunks_steps_and_rows_of_a_configured_network_are_equal_bit_for_bit(make: Any, mode: str, tmp_path: Path) -> None:
    net, file = make(mask_mode=mode), tmp_path / "net.onnx"
    export_onnx(net, file, features_mask=True)
    sess = session_of(file)
    for n in (1, 2, 7):
        given = feeds(lower(net.config, features_mask=True), n, 40, seed=n)
        given["features_mask"] = (np.random.default_rng(n).random((n, 40)) > 0.5).astype(np.float32)
        given["features_mask"][:, 20:30] = 0
        whole = run(sess, given)
        same(in_chunks(sess, given, [3, 18, 8]), whole, given["features_mask"])
        same(in_chunks(sess, given, [1]), whole, given["features_mask"])
        alone = run(sess, {k: v[:1] for k, v in given.items()})
        same(alone, {k: v[:1] for k, v in whole.items()}, given["features_mask"][:1])


def test_exporting_again_replaces_both(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    export_onnx(classifier(), file)
    first = file.read_bytes()
    export_onnx(tagger(), file)
    assert file.read_bytes() != first
    assert sorted(p.name for p in (tmp_path / "net.onnx.golden").iterdir()) == ["test_data_set_0", "test_data_set_1"]
    export_onnx(classifier(), file)
    assert file.read_bytes() == first


def test_float64(tmp_path: Path) -> None:
    net, file = tagger(data_type="float64"), tmp_path / "net.onnx"
    export_onnx(net, str(file))
    given = feeds(lower(net.config), 2, 7)
    want = reference.run(lower(net.config), {**given, **net.parameters()})
    np.testing.assert_allclose(run(session_of(file), given)["y"], want["y"], atol=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "gpu"}, "target='gpu': expected 'portable' or 'cpu'"),
        ({"steps": 2}, "steps=2: expected None (any number of steps) or 1 (the straight-line form of one step)"),
        ({"steps": True}, "steps=True: expected None"),
        ({"batch": 0}, "batch=0: expected None (any batch size) or a whole number of at least 1"),
        ({"batch": 2.0}, "batch=2.0: expected None"),
    ],
)
def test_unknown_arguments(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=re.escape(message)):
        export_onnx(classifier(), tmp_path / "net.onnx", **options)
    assert not list(tmp_path.iterdir())


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"there is no folder '.*missing'; create it first"):
        export_onnx(classifier(), tmp_path / "missing" / "net.onnx")
    with pytest.raises(ExportError, match=r"is a folder; give the name of a file, as net\.onnx"):
        export_onnx(classifier(), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("thing", [None, {"a": 1}, "net.rnng", Net])
def test_what_is_no_network(thing: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r"net: expected a MultiLayerNetwork, got \w+; build one with rnngraph\.MultiLayerNetwork\(config\)"
    ):
        export_onnx(thing, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_parameters_that_are_missing_or_do_not_fit(tmp_path: Path) -> None:
    net = classifier()
    short = Net(net.config, {k: v for k, v in net.arrays.items() if k != "0.R"})
    with pytest.raises(
        ExportError, match=r"the network has no parameter '0\.R'; it has 0\.W, 0\.b, .*; set all parameters before exporting"
    ):
        export_onnx(short, tmp_path / "net.onnx")
    wrong = Net(net.config, {**net.arrays, "0.b": np.zeros(7)})
    with pytest.raises(ExportError, match=r"parameter '0\.b' has the shape \(7,\), the configuration asks for \(24,\); give an array"):
        export_onnx(wrong, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_mask_for_a_network_without_time(tmp_path: Path) -> None:
    net = net_of(rg.DenseLayer(n_in=3, n_out=4, activation="relu"), rg.OutputLayer(n_out=2, activation="softmax", loss="mcxent"))
    with pytest.raises(ExportError, match=r"features_mask=True: .* no time axis to mask"):
        export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    assert not list(tmp_path.iterdir())
    export_onnx(net, tmp_path / "net.onnx")
    given = feeds(lower(net.config), 3, 1)
    want = reference.run(lower(net.config), {**given, **net.parameters()})
    np.testing.assert_allclose(run(session_of(tmp_path / "net.onnx"), given)["y"], want["y"], atol=1e-6)


@pytest.mark.parametrize("asked", [{"streaming": True}, {"steps": 1}])
def test_a_network_that_cannot_stream(asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = stack([Layer("lstm", 3), Layer("lstm", 3, reverse=True)])
    monkeypatch.setattr(export_module, "lower", lambda config, features_mask: graph)
    net = Net(classifier().config, parameters(graph))
    option = ", ".join(f"{k}={v}" for k, v in asked.items())
    expected = f"{option}: the network cannot stream: layers[1] (LastTimeStep(SimpleRnn)): layer 1 (lstm(act=tanh, gate=sigmoid)) runs back"
    with pytest.raises(ExportError, match=re.escape(expected)):
        export_onnx(net, tmp_path / "net.onnx", **asked)
    assert not list(tmp_path.iterdir())
    export_onnx(net, tmp_path / "net.onnx")
    content = json.loads(session_of(tmp_path / "net.onnx").get_modelmeta().custom_metadata_map["rnngraph"])
    assert not content["streams"]


def test_fitted_with_a_mask_and_exported_without(tmp_path: Path) -> None:
    net = classifier()
    net.fitted_with_mask = True
    with pytest.warns(ExportWarning, match=r"was fitted with a features mask and is exported without one: .*; pass features_mask=True"):
        export_onnx(net, tmp_path / "net.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_onnx(net, tmp_path / "net.onnx", features_mask=True)


def test_a_write_that_fails_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "net.onnx"
    export_onnx(classifier(), file)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def full(path: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_module, "atomic_write", full)
    with pytest.raises(OSError, match="No space left"):
        export_onnx(tagger(), file)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
