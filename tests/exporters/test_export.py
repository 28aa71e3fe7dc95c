"""export_onnx from a configuration to the files, its refusals and warnings."""

from __future__ import annotations

import json
import re
import warnings
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
from rnngraph.lowering import lower
from tests.exporters.networks import (
    Arrays,
    Layer,
    Net,
    classifier,
    feeds,
    in_chunks,
    net_of,
    one_row,
    parameters,
    run,
    same,
    session,
    stack,
    tagger,
)


def agrees(sess: ort.InferenceSession, net: Net, given: Arrays, *, masked: bool = False, atol: float) -> None:
    """The file gives what the float64 reference backend gives for the network."""
    want = reference.run(lower(net.config, features_mask=masked), {**given, **net.parameters()})
    for name, value in run(sess, given).items():
        np.testing.assert_allclose(value, want[name], atol=atol)


def manifest_of(sess: ort.InferenceSession) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(sess.get_modelmeta().custom_metadata_map["rnngraph"])
    return content


def refused(net: Any, file: Path, message: str, **options: Any) -> None:
    """export_onnx raises ``message``, and writes nothing."""
    with pytest.raises(ExportError, match=message):
        export_onnx(net, file, **options)
    folder = file if file.is_dir() else file.parent
    assert not list(folder.iterdir())


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("options", [{}, {"target": "cpu"}, {"steps": 1}, {"batch": 2}, {"steps": 1, "batch": 2, "streaming": True}])
@pytest.mark.parametrize("make", [classifier, tagger])
def test_files_compute_what_the_graph_computes(make: Any, options: dict[str, Any], mode: str, masked: bool, tmp_path: Path) -> None:
    net, file = make(mask_mode=mode), tmp_path / "net.onnx"
    export_onnx(net, file, features_mask=masked, **options)
    onnx.checker.check_model(str(file), full_check=True)
    sess = session(file)
    given = feeds(lower(net.config, features_mask=masked), 2, options.get("steps", 7))
    if masked:
        given["features_mask"][0, :3] = 0
    agrees(sess, net, given, masked=masked, atol=2e-6)
    content = manifest_of(sess)
    assert [i.name for i in sess.get_inputs()] == [i["name"] for i in content["inputs"]]
    assert [i.shape for i in sess.get_inputs()] == [i["shape"] for i in content["inputs"]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx", "net.onnx.golden"]


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("make", [classifier, tagger])
def test_chunks_steps_and_rows_of_a_configured_network_are_equal_bit_for_bit(make: Any, mode: str, tmp_path: Path) -> None:
    net, file = make(mask_mode=mode), tmp_path / "net.onnx"
    export_onnx(net, file, features_mask=True)
    sess = session(file)
    for n in (1, 2, 7):
        given = feeds(lower(net.config, features_mask=True), n, 40, seed=n)
        given["features_mask"] = (np.random.default_rng(n).random((n, 40)) > 0.5).astype(np.float32)
        given["features_mask"][:, 20:30] = 0
        whole = run(sess, given)
        same(in_chunks(sess, given, [3, 18, 8]), whole, given["features_mask"])
        same(in_chunks(sess, given, [1]), whole, given["features_mask"])
        same(run(sess, one_row(given, 0)), one_row(whole, 0), given["features_mask"][:1])


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
    agrees(session(file), net, feeds(lower(net.config), 2, 7), atol=1e-14)


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
    refused(classifier(), tmp_path / "net.onnx", re.escape(message), **options)


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"there is no folder '.*missing'; create it first"):
        export_onnx(classifier(), tmp_path / "missing" / "net.onnx")
    refused(classifier(), tmp_path, r"is a folder; give the name of a file, as net\.onnx")


@pytest.mark.parametrize("thing", [None, {"a": 1}, "net.rnng", Net])
def test_what_is_no_network(thing: Any, tmp_path: Path) -> None:
    message = r"net: expected a MultiLayerNetwork or a ComputationGraph, got \w+; build one with rnngraph\.MultiLayerNetwork\(config\)"
    refused(thing, tmp_path / "net.onnx", message)


def test_parameters_that_are_missing_or_do_not_fit(tmp_path: Path) -> None:
    net = classifier()
    short = Net(net.config, {k: v for k, v in net.arrays.items() if k != "0.R"})
    message = r"the network has no parameter '0\.R'; it has 0\.W, 0\.b, .*; set all parameters before exporting"
    refused(short, tmp_path / "net.onnx", message)
    wrong = Net(net.config, {**net.arrays, "0.b": np.zeros(7)})
    message = r"parameter '0\.b' has the shape \(7,\), the configuration asks for \(24,\); give an array"
    refused(wrong, tmp_path / "net.onnx", message)


def test_a_mask_for_a_network_without_time(tmp_path: Path) -> None:
    net = net_of(rg.DenseLayer(n_in=3, n_out=4, activation="relu"), rg.OutputLayer(n_out=2, activation="softmax", loss="mcxent"))
    refused(net, tmp_path / "net.onnx", r"features_mask=True: .* no time axis to mask", features_mask=True)
    export_onnx(net, tmp_path / "net.onnx")
    agrees(session(tmp_path / "net.onnx"), net, feeds(lower(net.config), 3, 1), atol=1e-6)


@pytest.mark.parametrize("asked", [{"streaming": True}, {"steps": 1}])
def test_a_network_that_cannot_stream(asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = stack([Layer("lstm", 3), Layer("lstm", 3, reverse=True)])
    monkeypatch.setattr(export_module, "lower", lambda config, features_mask: graph)
    net = Net(classifier().config, parameters(graph))
    option = ", ".join(f"{k}={v}" for k, v in asked.items())
    expected = f"{option}: the network cannot stream: layers[1] (LastTimeStep(SimpleRnn)): layer 1 (lstm(act=tanh, gate=sigmoid)) runs back"
    refused(net, tmp_path / "net.onnx", re.escape(expected), **asked)
    export_onnx(net, tmp_path / "net.onnx")
    assert not manifest_of(session(tmp_path / "net.onnx"))["streams"]


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
