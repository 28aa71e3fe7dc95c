"""What a session under CUDA copies and waits for: onnxruntime's real CUDA provider runs on stand-ins for CUDA's libraries, which count."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import onnx
import pytest

from benchmarks.gpu_cases import CASES
from rnngraph.errors import ExportError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import Manifest, read_manifest
from tests.exporters.test_placement import TOOL, pytestmark  # noqa: F401  (the same tool, the same reasons to skip)
from tests.runtime.files import ZEROS, sealed

ROOT = Path(__file__).resolve().parents[2]
Calls = dict[str, Any]
Counts = dict[str, dict[str, Calls]]


def counts(*files: Path) -> Counts:
    """For each file the calls of each kind of call, as tests/runtime/counted.py tells."""
    library = runpy.run_path(str(TOOL))["stand_ins"]()
    where = {**os.environ, "LD_LIBRARY_PATH": str(library), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.counted", *map(str, files)], capture_output=True, text=True, check=False, env=where
    )
    assert done.returncode == 0, done.stderr[-3000:]
    made: Counts = json.loads(done.stdout)
    return made


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Manifest, dict[str, Calls]]]:
    """Of every layer a file of free steps and one, with a mask, of single steps; of some the former with a mask too."""
    folder = tmp_path_factory.mktemp("counted")
    files = []
    for k, (name, make) in enumerate(CASES.items()):
        net = make()
        forms: list[tuple[bool, Any]] = [(False, None), (True, 1), (True, None)]
        for masked, steps in forms:
            if masked and not steps and name not in ("LSTM", "GRU", "GravesLSTM", "LastTimeStep", "vertices"):
                continue
            file = folder / f"{k}_{masked}_{steps}.onnx"
            with suppress(ExportError):  # a network that cannot stream has no steps, one without time no mask
                export_onnx(net, file, features_mask=masked, steps=steps, batch=2 if steps else None)
                files.append(file)
    assert len(files) > 55
    return [(read_manifest(file), calls) for file, calls in zip(files, counts(*files).values(), strict=True)]


def copies(calls: Calls, way: str) -> int:
    """How often something is copied from or to the host; ``way`` is "H2D" or "D2H"."""
    return sum(n for name, n in calls.items() if name.startswith("cudaMemcpy") and name.endswith(way))


def fused(calls: Calls) -> int:
    """The runs of cuDNN, each of which sends the lengths of its sequences."""
    return sum(n for name, n in calls.items() if name.startswith("cudnnRNNForward"))


def test_a_step_copies_its_inputs_and_outputs_and_nothing_else(counted: list[tuple[Manifest, dict[str, Calls]]]) -> None:
    seen = 0
    for manifest, calls in counted:
        if "step" in calls and any(p.time_axis is not None for p in manifest.ports("input")):
            there, back = copies(calls["step"], "H2D") - fused(calls["step"]), copies(calls["step"], "D2H")
            assert (there, back) == (len(manifest.ports("input")), len(manifest.ports("output"))), manifest.layers
            seen += 1
    assert seen > 45


def test_a_mask_is_copied_where_it_is_another_than_the_last(counted: list[tuple[Manifest, dict[str, Calls]]]) -> None:
    seen = {"": 0, "replayed, ": 0}
    for manifest, calls in counted:
        for way in [way for way in seen if f"{way}same masks" in calls]:
            same, other = (copies(c, "H2D") - fused(c) for c in (calls[f"{way}same masks"], calls[f"{way}other masks"]))
            inputs = len(manifest.ports("input"))
            assert (same, other) == (inputs, inputs + len(manifest.ports("mask"))), manifest.layers
            seen[way] += 1
    assert min(seen.values()) > 20


def test_a_chunk_copies_its_masks_as_well(counted: list[tuple[Manifest, dict[str, Calls]]]) -> None:
    seen = 0
    for manifest, calls in counted:
        if "step" in calls and manifest.steps is None:
            for chunk in (calls["chunk"], calls["long chunk"]):
                given = len(manifest.ports("input")) + len(manifest.ports("mask"))
                assert (copies(chunk, "H2D") - fused(chunk), copies(chunk, "D2H")) == (given, len(manifest.ports("output")))
            seen += 1
    assert seen > 25


def test_no_layer_waits_within_a_sequence(counted: list[tuple[Manifest, dict[str, Calls]]]) -> None:
    """As long a wait, and as many copies, for 12 steps as for 4: the bodies of Scan run on the GPU alone."""
    looped = 0
    for manifest, calls in counted:
        if manifest.steps is None:
            short, long = calls["chunk"], calls["long chunk"]
            assert short["cudaStreamSynchronize"] == long["cudaStreamSynchronize"]
            assert not any("Event" in name for name in long)
            assert [copies(long, way) for way in ("H2D", "D2H")] == [copies(short, way) for way in ("H2D", "D2H")]
            looped += long["KERNEL"] > short["KERNEL"]
    assert looped > 12


def test_a_file_that_cuda_does_not_take_whole(tmp_path: Path) -> None:
    """Its LSTM has peepholes, which its manifest does not tell: onnxruntime itself has to refuse to run it on the CPU in silence."""
    export_onnx(CASES["GravesLSTM"](), tmp_path / "net.onnx", target="cpu")
    model = onnx.load(tmp_path / "net.onnx")
    told = {p.key: p.value for p in model.metadata_props}
    assert '"target": "cpu"' in told["rnngraph"]
    told |= {"rnngraph": told["rnngraph"].replace('"target": "cpu"', '"target": "portable"'), "rnngraph_digest": ZEROS}
    onnx.helper.set_model_props(model, told)
    (tmp_path / "net.onnx").write_bytes(sealed(model.SerializeToString()))
    (refusal,) = counts(tmp_path / "net.onnx").values()
    assert "does not take all operations of" in str(refusal["error"])


def test_tf32_is_off_unless_asked_for(counted: list[tuple[Manifest, dict[str, Calls]]]) -> None:
    """cuDNN's mathtype 3 multiplies in float32, 0 as it likes; cuBLAS is told only where it may use TF32."""
    pairs = [(calls["step"], calls["tf32"]) for _, calls in counted if "tf32" in calls]
    for calls, mode in [(c, mode) for pair in pairs for c, mode in zip(pair, (3, 0), strict=True)]:
        assert ("cublasSetMathMode" in calls) == (mode == 0)
        assert all(f"mathtype={mode}" in name for name in calls if name.startswith("cudnnSetRNNDescriptor"))
    assert sum(fused(calls) > 0 for calls, _ in pairs) >= 3


def test_a_recorded_step_is_one_launch(counted: list[tuple[Manifest, dict[str, Calls]]]) -> None:
    seen = 0
    for manifest, calls in counted:
        if manifest.steps == 1 and any(p.time_axis is not None for p in manifest.ports("input")):
            replayed = calls["replayed"]
            assert replayed["cudaGraphLaunch"] == 1
            assert not {"KERNEL", "cublasSgemm_v2"} & set(replayed)
            assert [copies(replayed, way) for way in ("H2D", "D2H")] == [len(manifest.ports(role)) for role in ("input", "output")]
            assert "cudaGraphLaunch" not in calls["chunk beside"]  # which has memory of its own, of which a recorded graph knows nothing
            assert calls["chunk beside"]["KERNEL"] == 4 * calls["step"]["KERNEL"]
            seen += 1
    assert seen > 20
