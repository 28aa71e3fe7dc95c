"""Files that declare sizes which nothing has: an error that says so, before anything is allocated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

from rnngraph.errors import ModelFileError
from rnngraph.runtime import StreamingSession, StreamPool, read_manifest, verify
from tests.runtime.files import ZEROS, Spec, manifest, sealed, serialized, write

HUGE = 1 << 44
ASKED = r"its manifest says that {} has the shape \[{}\]; expected whole numbers whose product is 1,073,741,824 at most"

Change = Callable[[dict[str, Any]], None]
MANIFESTS: dict[str, tuple[Change, str]] = {
    "a state": (lambda m: m["states"][1].update(shape=[HUGE]), ASKED.format("the state state_00_c", HUGE)),
    "an input": (lambda m: m["inputs"][0].update(shape=["N", HUGE, "T"]), ASKED.format("x", f"N, {HUGE}, T")),
    "an output": (lambda m: m["outputs"][0].update(shape=["N", 1 << 20, 1 << 20]), ASKED.format("y", f"N, {1 << 20}, {1 << 20}")),
    "a batch": (lambda m: m.update(batch=HUGE), ASKED.format("the state state_00_h", f"{HUGE}, 5")),
    "less than nothing": (lambda m: m["states"][0].update(shape=[-5]), ASKED.format("the state state_00_h", "-5")),
    "nothing": (lambda m: m["inputs"][0].update(shape=["N", 0, "T"]), ASKED.format("x", "N, 0, T")),
    "a fraction": (lambda m: m["inputs"][0].update(shape=["N", 3.0, "T"]), ASKED.format("x", r"N, 3\.0, T")),
}


@pytest.mark.parametrize("opening", [StreamingSession, StreamPool, read_manifest, verify])
@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_declares_them(case: str, opening: Callable[[Path], object], tmp_path: Path) -> None:
    change, message = MANIFESTS[case]
    content = manifest(Spec())
    change(content)
    with pytest.raises(ModelFileError, match=message):
        opening(write(tmp_path / "net.onnx", golden=False, **content))


def _initializer(graph: onnx.GraphProto) -> None:
    next(one for one in graph.initializer if one.name == "V").dims[:] = [HUGE, 4]


def _overflow(graph: onnx.GraphProto) -> None:
    next(one for one in graph.initializer if one.name == "V").dims[:] = [1 << 61, 8]


def _hidden(graph: onnx.GraphProto) -> None:
    (lstm,) = [node for node in graph.node if node.op_type == "LSTM"]
    next(one for one in lstm.attribute if one.name == "hidden_size").i = HUGE


@pytest.mark.parametrize("change", [_initializer, _overflow, _hidden])
def test_a_graph_that_declares_them(change: Callable[[onnx.GraphProto], None], tmp_path: Path) -> None:
    metadata = {"rnngraph": json.dumps(manifest(Spec())), "rnngraph_digest": ZEROS}
    model = onnx.ModelProto.FromString(serialized(Spec(), metadata))
    change(model.graph)
    onnx.helper.set_model_props(model, metadata)
    (tmp_path / "net.onnx").write_bytes(sealed(model.SerializeToString()))
    with pytest.raises(ModelFileError, match=r"is intact, but onnxruntime [\d.]+ cannot open it"):
        StreamingSession(tmp_path / "net.onnx")


def test_a_golden_sample_that_declares_them(tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx")
    file = tmp_path / "net.onnx.golden" / "test_data_set_0" / "output_0.pb"
    tensor = TensorProto.FromString(file.read_bytes())
    tensor.dims[0] = HUGE
    file.write_bytes(tensor.SerializeToString())
    with pytest.raises(ModelFileError, match=r"output_0\.pb cannot be read: it is truncated, or no tensor"):
        verify(path)
