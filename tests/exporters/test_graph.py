"""Files of graphs: what the manifest says of several inputs and outputs, their samples, and what is refused."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from rnngraph.errors import ExportError, InputError, ModelFileError
from rnngraph.exporters import ExportWarning, export_onnx
from rnngraph.exporters.golden import GAPS, samples
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession, read_manifest, verify
from rnngraph.runtime.manifest import parse_manifest
from tests.exporters.graphs import backward, by_values, captions, odd_names, one_time, stacked, translator, two_times, watching, words
from tests.exporters.networks import Net, tagger

WHOLE = (translator, backward, by_values)
"""Networks that cannot be fed in pieces."""


def written(path: Path) -> dict[str, Any]:
    """The manifest's JSON."""
    content: dict[str, Any] = json.loads(next(p.value for p in onnx.load(path).metadata_props if p.key == "rnngraph"))
    return content


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def test_what_the_manifest_says(file: Path) -> None:
    export_onnx(two_times(), file, features_mask=["target"], class_labels={"class": ["low", "high"]})
    got = written(file)
    assert (got["format"], got["network"], got["class_labels"]) == (3, "graph", None)
    kind = {"data_type": "float32"}
    series = {"role": "input", "least_steps": 1, "padding_is_read": False, **kind}
    assert got["inputs"][:3] == [
        {"name": "in", "shape": ["N", 5, "T_in"], "time_axis": 2, "steps": "T_in", "mask": None, **series},
        {"name": "target", "shape": ["N", 3, "T_target"], "time_axis": 2, "steps": "T_target", "mask": "features_mask_target", **series},
        {
            "name": "features_mask_target",
            "role": "mask",
            "shape": ["N", "T_target"],
            "time_axis": 1,
            "steps": "T_target",
            "masks": "target",
            **kind,
        },
    ]
    assert got["outputs"][:3] == [
        {"name": "told", "role": "output", "shape": ["N", 4, "T_target"], "time_axis": 2, "steps": "T_target", **kind},
        {"name": "seen", "role": "output", "shape": ["N", 3, "T_in"], "time_axis": 2, "steps": "T_in", **kind},
        {
            "name": "class",
            "role": "output",
            "shape": ["N", 2],
            "time_axis": None,
            "steps": None,
            "class_labels": ["low", "high"],
            **kind,
        },
    ]
    names = ["encoder", "decoder", "seen", "last", "class", "told"]
    assert [(s["name"], s["layer"], s["key"], s["input"]) for s in got["states"]] == [
        ("encoder", 0, "h", "state_00_h"),
        ("encoder", 0, "c", "state_00_c"),
        ("decoder", 1, "h", "state_01_h"),
        ("decoder", 1, "c", "state_01_c"),
        ("last", 3, "last_output", "state_03_last_output"),
    ]
    assert [(layer["index"], layer["name"]) for layer in got["layers"]] == list(enumerate(names))
    assert got["mask"].pop("rule").startswith("A masked step (0) does not exist")
    assert got["mask"] == {"inputs": ["features_mask_target"], "values": [0, 1], "padding_is_read": False}
    assert got["time"]["rule"].startswith("Each input with a time_axis is a series")


def test_the_file_has_the_ports_in_the_manifests_order(file: Path) -> None:
    export_onnx(one_time(), file, features_mask=True)
    session, manifest = StreamingSession(file), read_manifest(file)
    inner = session._engine.session
    assert [(i.name, tuple(i.shape)) for i in inner.get_inputs()] == [(p.name, p.shape) for p in manifest.inputs]
    assert [(o.name, tuple(o.shape)) for o in inner.get_outputs()] == [(p.name, p.shape) for p in manifest.outputs]
    assert [p.name for p in manifest.ports("input")] == ["a", "who", "b"]
    assert [p.mask for p in manifest.ports("input")] == ["features_mask_a", None, "features_mask_b"]
    assert [p.steps for p in manifest.ports("input")] == ["T", None, "T"]


def test_one_step_keeps_the_names_of_lengths(file: Path) -> None:
    export_onnx(two_times(), file, steps=1, batch=2)
    manifest = read_manifest(file)
    assert [(p.shape, p.steps) for p in manifest.ports("input")] == [((2, 5, 1), "T_in"), ((2, 3, 1), "T_target")]


def test_layers_in_a_row_are_described_in_full_too(file: Path) -> None:
    export_onnx(tagger(), file, features_mask=True, class_labels=["a", "b", "c"])
    manifest = read_manifest(file)
    assert not manifest.is_graph
    (x,), (mask,), (y,) = (manifest.ports(role) for role in ("input", "mask", "output"))
    assert (x.time_axis, x.steps, x.mask, mask.masks, y.time_axis, y.class_labels) == (2, "T", "features_mask", "x", 2, ("a", "b", "c"))


def test_a_reader_that_knows_no_graphs_refuses_by_version(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_onnx(two_times(), file)
    monkeypatch.setattr("rnngraph.runtime.manifest.FORMAT", 2)
    with pytest.raises(ModelFileError, match=r"has format 3 \(written by rnngraph .*\), this version of rnngraph reads up to 2"):
        read_manifest(file)


def test_a_manifest_of_a_graph_with_a_hole(file: Path) -> None:
    export_onnx(two_times(), file)
    content = written(file)
    for key in ("inputs", "time", "mask", "layers"):
        with pytest.raises(ModelFileError, match="its manifest is not as rnngraph writes it"):
            parse_manifest(json.dumps({k: v for k, v in content.items() if k != key}), file)


# Samples and verify


def test_samples_have_a_length_for_each_time_and_nan_where_nothing_is_read() -> None:
    net = two_times()
    (given, want), (short, _) = samples(lower(net.config, features_mask=["in"]), net.arrays)
    assert (given["in"].shape, given["target"].shape) == ((2, 5, 7), (2, 3, 8))
    assert (short["in"].shape, short["target"].shape) == ((1, 5, 1), (1, 3, 2))
    np.testing.assert_array_equal(np.isnan(given["in"]), np.broadcast_to((GAPS == 0)[:, None], (2, 5, 7)))
    assert np.isfinite(given["target"]).all()
    assert (want["told"].shape, want["seen"].shape, want["class"].shape) == ((2, 4, 8), (2, 3, 7), (2, 2))


@pytest.mark.parametrize("options", [{}, {"features_mask": True}, {"features_mask": True, "target": "cpu"}, {"steps": 1}, {"batch": 3}])
@pytest.mark.parametrize("build", [two_times, one_time, words, stacked, odd_names, captions, watching, translator, backward, by_values])
def test_files_are_verified(build: Any, options: dict[str, Any], file: Path) -> None:
    net = build()
    if "steps" in options and build in WHOLE:
        with pytest.raises(
            ExportError, match=r"steps=1: the network cannot stream: vertex '(each|turned|norm)' \(.*\): it .*; leave steps=1 out"
        ):
            export_onnx(net, file, **options)
        return
    export_onnx(net, file, **options)
    report = verify(file, StreamingSession(file))
    assert report, str(report)
    compared = {row.what for row in report.rows}
    output = {two_times: "told", odd_names: "y:0"}.get(build, "y")
    assert {f"golden 0: {output}", f"golden 1: {output}", f"network: {output}"} <= compared
    streams = build not in WHOLE
    pieces = {f"whole = chunked: {output}", f"whole = stepped: {output}", f"network, chunked: {output}"}
    assert (pieces <= compared) == streams


def test_float64_files_are_verified(file: Path) -> None:
    net = one_time(data_type="float64")
    export_onnx(net, file, features_mask=True)
    assert verify(file, StreamingSession(file))


def test_a_file_of_other_weights_is_found(tmp_path: Path) -> None:
    net = two_times()
    other = Net(net.config, {k: v + np.float32(0.01) * (k == "decoder.R") for k, v in net.arrays.items()})
    for name, one in (("a", net), ("b", other)):
        export_onnx(one, tmp_path / f"{name}.onnx", features_mask=True)
    report = verify(tmp_path / "a.onnx", _forgetful(StreamingSession(tmp_path / "b.onnx")))
    off = {row.what for row in report.rows if not row.ok}
    assert off == {"network: told", *(f"network, chunked: {n}" for n in ("told", "state_01_h", "state_01_c"))}


def _forgetful(session: StreamingSession) -> Any:
    """The session, which takes states of any network."""
    restore = session.restore
    session.restore = lambda snapshot: restore(type(snapshot)(snapshot.states))  # type: ignore[method-assign]
    return session


def test_a_network_of_the_other_kind(tmp_path: Path) -> None:
    export_onnx(two_times(), tmp_path / "graph.onnx")
    export_onnx(tagger(), tmp_path / "row.onnx")
    graph, row = tmp_path / "graph.onnx", tmp_path / "row.onnx"
    with pytest.raises(InputError, match=r"net: .*graph\.onnx is the file of a graph: give the ComputationGraph that it was exported from"):
        verify(graph, StreamingSession(row))
    with pytest.raises(InputError, match=r"row\.onnx is the file of a network of layers in a row: give the MultiLayerNetwork"):
        verify(row, StreamingSession(graph))


# Arguments


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a mask by a bare name": ({"features_mask": "in"}, r"features_mask='in': expected True .*, a list of inputs' names, or False"),
    "a mask by an array": ({"features_mask": np.ones((2, 3))}, r"features_mask=ndarray: expected True"),
    "a mask of no input": ({"features_mask": ["aim"]}, r"'aim'.*in, target"),
    "labels without their output": (
        {"class_labels": ["a", "b"]},
        r"class_labels=\['a', 'b'\]: the network has the outputs 'told', 'seen', 'class'; give a mapping from their names to labels, as",
    ),
    "labels of no output": ({"class_labels": {"aim": ["a"]}}, r"class_labels: there is no output 'aim'; the network's outputs are 'told'"),
    "too few labels": (
        {"class_labels": {"seen": ["a"]}},
        r"class_labels\['seen'\] has 1 names, the output 3 outputs; expected a list of 3 different names",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arguments_that_do_not_fit(case: str, file: Path) -> None:
    options, message = REFUSED[case]
    with pytest.raises(ExportError, match=message):
        export_onnx(two_times(), file, **options)
    assert not list(file.parent.iterdir())


def test_the_labels_of_the_only_output(file: Path) -> None:
    export_onnx(words(), file, class_labels=["a", "b", "c"])
    assert read_manifest(file).ports("output")[0].class_labels == ("a", "b", "c")


def test_a_network_that_was_fitted_with_masks(file: Path) -> None:
    net = two_times()
    net.fitted_with_mask = True
    with pytest.warns(ExportWarning, match="the network was fitted with a features mask and is exported without one"):
        export_onnx(net, file)
    message = (
        "the network was fitted with features masks and the file has none for 'target', of which it treats every step as real, padding "
        "included; pass features_mask=True to give every input with a time axis a mask input"
    )
    with pytest.warns(ExportWarning, match=f"^{re.escape(message)}$"):
        export_onnx(net, file, features_mask=["in"])
    one = one_time()  # whose "who" has no time axis
    one.fitted_with_mask = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_onnx(net, file, features_mask=["in", "target"])
        export_onnx(net, file, features_mask=True)
        export_onnx(one, file, features_mask=["a", "b"])
