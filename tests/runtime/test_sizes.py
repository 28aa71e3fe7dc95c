"""Files that declare sizes which nothing has: an error that says so, before anything is allocated."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

from rnngraph.errors import ModelFileError
from rnngraph.runtime import StreamingSession, StreamPool, read_manifest, verify
from rnngraph.runtime.manifest import parse_manifest
from tests.runtime.files import ZEROS, Spec, manifest, sealed, serialized, write

HUGE = 1 << 44
ASKED = r"its manifest says that {} has the shape \[{}\]; expected positive whole numbers whose product is 1,073,741,824 at most"
COUNT = r"its manifest says {}={}; expected a positive whole number, 1,073,741,824 at most, or null\. The file was damaged"

Change = Callable[[dict[str, Any]], None]
MANIFESTS: dict[str, tuple[Change, str]] = {
    "a state": (lambda m: m["states"][1].update(shape=[HUGE]), ASKED.format("the state state_00_c", HUGE)),
    "an input": (lambda m: m["inputs"][0].update(shape=["N", HUGE, "T"]), ASKED.format("x", f"N, {HUGE}, T")),
    "an output": (lambda m: m["outputs"][0].update(shape=["N", 1 << 20, 1 << 20]), ASKED.format("y", f"N, {1 << 20}, {1 << 20}")),
    "a state of a batch": (lambda m: m.update(batch=1 << 28), ASKED.format("the state state_00_h", f"{1 << 28}, 5")),
    "a batch": (lambda m: m.update(batch=HUGE), COUNT.format("batch", HUGE)),
    "no row": (lambda m: m.update(batch=0), COUNT.format("batch", 0)),
    "true as a batch": (lambda m: m.update(batch=True), COUNT.format("batch", "True")),
    "no step": (lambda m: m.update(steps=0), COUNT.format("steps", 0)),
    "steps": (lambda m: m.update(steps=1 << 50), COUNT.format("steps", 1 << 50)),
    "half a step": (lambda m: m.update(steps=0.5), COUNT.format("steps", r"0\.5")),
    "true": (lambda m: m["inputs"][0].update(shape=["N", True, "T"]), ASKED.format("x", "N, True, T")),
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


FIXED: dict[str, tuple[Change, str]] = {
    "a batch": (
        lambda m: m.update(batch=3),
        r"batch=3, and that x has the shape \[N, 3, T\], which does not have it\. The file was damaged",
    ),
    "steps": (lambda m: m.update(steps=1), r"steps=1, and that x has the shape \[N, 3, T\], which does not have it"),
    "another batch": (
        lambda m: m.update(batch=3, inputs=[{**one, "shape": [2, *one["shape"][1:]]} for one in m["inputs"]]),
        r"batch=3, and that x has the shape \[2, 3, T\], which does not have it",
    ),
    "of an output": (
        lambda m: m.update(batch=3, inputs=[{**one, "shape": [3, *one["shape"][1:]]} for one in m["inputs"]]),
        r"batch=3, and that y has the shape \[N, 4, T\], which does not have it",
    ),
}


@pytest.mark.parametrize("case", FIXED)
def test_a_manifest_with_shapes_that_do_not_have_its_batch_or_steps(case: str) -> None:
    change, message = FIXED[case]
    content = manifest(Spec())
    change(content)
    with pytest.raises(ModelFileError, match=message):
        parse_manifest(json.dumps(content), "net.onnx")
    for spec in (Spec(), Spec(batch=3), Spec(steps=1), Spec(batch=2, steps=1, masked=True)):
        parse_manifest(json.dumps(manifest(spec)), "net.onnx")


@pytest.mark.parametrize("told", [math.nan, True, "0.5", None, 10**400, [0.0, 0.0, math.inf, 0.0, 0.0], [0, 0, 0, 0, True], [0.0] * 4])
def test_initial_values_that_are_none(told: Any) -> None:
    content = manifest(Spec())
    content["states"][0]["initial"] = told
    with pytest.raises(ModelFileError, match=r"net\.onnx: its manifest is not as rnngraph writes it \(.*\); export the network again"):
        parse_manifest(json.dumps(content), "net.onnx")


def test_initial_values_that_a_state_may_have() -> None:
    """A running maximum of someone's own cell may begin at -inf."""
    content = manifest(Spec())
    content["states"][0]["initial"] = -math.inf
    content["states"][1]["initial"] = [1, 0.5, 0, 0, 0]
    assert [s.initial for s in parse_manifest(json.dumps(content), "net.onnx").states] == [-math.inf, (1.0, 0.5, 0.0, 0.0, 0.0)]


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
