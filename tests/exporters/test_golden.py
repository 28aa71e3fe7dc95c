"""Golden samples: what they hold, and that a failure leaves the old ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from rnngraph.errors import ExportError
from rnngraph.exporters import export_onnx
from rnngraph.exporters.golden import replaced, samples
from rnngraph.file_format import golden_folder
from rnngraph.ir.graph import Graph
from tests.exporters.networks import Layer, classifier, model, parameters, run, session, stack

LAYERS = [Layer("graves_lstm", 4), Layer("lstm", 3, mask_mode="reset")]


def load(file: Path) -> tuple[str, np.ndarray]:
    tensor = onnx.TensorProto.FromString(file.read_bytes())
    return tensor.name, numpy_helper.to_array(tensor)


@pytest.mark.parametrize("data_type", ["float32", "float64"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_session_gives_what_the_samples_say(masked: bool, data_type: str, tmp_path: Path) -> None:
    graph = stack(LAYERS, masked=masked, data_type=data_type)
    sess = session(model(graph))
    folder = golden_folder(tmp_path / "net.onnx")
    assert folder == tmp_path / "net.onnx.golden"
    with replaced(folder, samples(graph, parameters(graph))):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx.golden"]
    sizes = []
    for data_set in sorted(folder.iterdir()):
        given = dict(load(data_set / f"input_{k}.pb") for k in range(len(sess.get_inputs())))
        want = dict(load(data_set / f"output_{k}.pb") for k in range(len(sess.get_outputs())))
        assert list(given) == [i.name for i in sess.get_inputs()]
        assert list(want) == [o.name for o in sess.get_outputs()]
        for name, value in run(sess, given).items():
            assert value.dtype == want[name].dtype == data_type
            np.testing.assert_allclose(value, want[name], atol=1e-6)
        assert all(np.abs(v).min() > 0 for k, v in given.items() if k.startswith("state"))
        sizes.append((given["x"].shape[2], len(given["x"])))
        if masked and sizes[-1] == (7, 2):
            assert np.array_equal(given["features_mask"], [[1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 0, 1, 1, 1]])
    assert sizes == [(7, 2), (1, 1)]


def test_frozen_sizes() -> None:
    graph = stack(LAYERS, masked=True)
    shapes = [given["x"].shape for given, _ in samples(graph, parameters(graph), steps=1, batch=5)]
    assert shapes == [(5, 5, 1), (5, 5, 1)]


def test_samples_are_the_same_at_each_call() -> None:
    graph = stack(LAYERS)
    for (a, b), (c, d) in zip(*(samples(graph, parameters(graph)) for _ in range(2)), strict=True):
        assert all(np.array_equal(p[k], q[k]) for p, q in ((a, c), (b, d)) for k in p)


def fail_after_writing(folder: Path, graph: Graph) -> None:
    with replaced(folder, samples(graph, parameters(graph))):
        assert (folder / "test_data_set_1" / "output_0.pb").is_file()
        raise OSError("disk")


@pytest.mark.parametrize("before", [False, True])
def test_a_failure_leaves_what_was_there(before: bool, tmp_path: Path) -> None:
    graph, folder = stack(LAYERS), tmp_path / "net.onnx.golden"
    if before:
        (folder / "test_data_set_0").mkdir(parents=True)
        (folder / "test_data_set_0" / "input_0.pb").write_text("old")
    with pytest.raises(OSError, match="disk"):
        fail_after_writing(folder, graph)
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx.golden"] * before
    if before:
        assert (folder / "test_data_set_0" / "input_0.pb").read_text() == "old"


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ("", "is no folder"),
        ("test_data_set_1", "holds 'test_data_set_1' too"),
        ("test_data_set_0/net.rnng", "holds 'test_data_set_0/net.rnng' too"),
        ("notes.txt", "holds 'notes.txt' too"),
        ("mine/file", "holds 'mine' too"),
    ],
)
def test_what_is_no_sample_is_not_replaced(there: str, found: str, tmp_path: Path) -> None:
    mine = tmp_path / "net.onnx.golden" / there
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    before = sorted(map(str, tmp_path.rglob("*")))
    message = rf"/net\.onnx\.golden: {found}, and the export would replace it by a folder of golden samples; move it away, or write to ano"
    with pytest.raises(ExportError, match=message):
        export_onnx(classifier(), tmp_path / "net.onnx")
    assert sorted(map(str, tmp_path.rglob("*"))) == before
    assert mine.read_text() == "mine"


def test_a_link_to_nowhere_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "net.onnx.golden").symlink_to("nowhere")
    with pytest.raises(ExportError, match=r"/net\.onnx\.golden: is no folder, and the export would replace it"):
        export_onnx(classifier(), tmp_path / "net.onnx")
    assert [(one.name, one.is_symlink()) for one in tmp_path.iterdir()] == [("net.onnx.golden", True)]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "net.onnx.golden"
    folder.mkdir()
    export_onnx(classifier(), tmp_path / "net.onnx")
    assert sorted(one.name for one in folder.iterdir()) == ["test_data_set_0", "test_data_set_1"]
