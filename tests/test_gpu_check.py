"""``make gpu-check``, as far as it goes without a GPU: on the CPU, with CUDA not there."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

import rnngraph as rg
from benchmarks import gpu_check
from benchmarks.gpu_cases import CASES
from rnngraph.conf.layers import Layer
from rnngraph.conf.vertices import GraphVertex
from rnngraph.errors import MissingDependencyError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession
from rnngraph.runtime.parity import ParityRow

NAMES = ["LSTM", "GRU, reset before", "Bidirectional", "EmbeddingLayer", "EmbeddingSequenceLayer", "vertices"]


def test_every_layer_and_vertex_is_checked() -> None:
    named = {tag for make in CASES.values() for tag in re.findall(r'"type": *"(\w+)"', make().config.to_json())}
    kinds = [kind for name in dir(rg) if isinstance(kind := getattr(rg, name), type) and issubclass(kind, (Layer, GraphVertex))]
    assert {kind.tag() for kind in kinds} - {""} <= named


def test_parity(tmp_path: Path) -> None:
    rows = list(gpu_check.parity(tmp_path, "cpu", NAMES))
    assert [row["what"] for row in rows if row["what"].startswith(("Bidirectional", "EmbeddingLayer", "GRU"))] == [
        *(f"GRU, reset before, {form}" for form in ("free", "masked", "one step")),
        *(f"Bidirectional, {form}" for form in ("free", "masked")),  # it cannot stream
        "EmbeddingLayer, free",
    ]
    assert all(row["ok"] for row in rows)


def test_the_worst_comparison_is_told() -> None:
    rows = [ParityRow("a", 9e-6, 1.0, 1e-5, True), ParityRow("b", 1e-9, 1.0, 0.0, False), ParityRow("c", 0.0, 0.0, 0.0, True)]
    told = gpu_check._row("net", rows)
    assert (told["worst"], told["ok"], told["count"]) == ("b", False, 3)
    assert gpu_check._row("net", [rows[0], rows[2]])["worst"] == "a"


def test_latency(tmp_path: Path) -> None:
    lstm, graves = gpu_check.latency(1, tmp_path, "cpu", [(2, 8)], repeat=1)
    ways = ["session.run", "bound", "bound, steps=1", "on the CPU"]
    assert list(lstm["seconds"]) == [*ways, "torch nn.LSTM", "torch LSTMCell"]
    assert list(graves["seconds"]) == ways
    assert (lstm["what"], graves["what"]) == ("LSTM(8), N=2", "GravesLSTM(8), N=2")


@pytest.mark.parametrize("name", ["LSTM", "EmbeddingSequenceLayer", "vertices", "ConvolutionLayer"])
def test_a_recorded_step_is_compared(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_onnx(CASES[name](), tmp_path / "net.onnx", steps=1, batch=2)
    monkeypatch.setattr(gpu_check, "StreamingSession", lambda path, device, cuda_graph: StreamingSession(path))
    row = gpu_check.replayed(tmp_path / "net.onnx")
    assert (row.absolute, row.ok) == (0.0, True)


def test_the_report(tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "machine": "a GPU",
        "versions": "python 3",
        "latency": [{"what": "LSTM(8), N=1", "seconds": {"bound": 2.4e-5, "torch": 6e-5}}, {"what": "G", "seconds": {"bound": 3e-5}}],
        "parity": [{"what": "LSTM", "worst": "y", "absolute": 1.23e-7, "relative": 1.0, "tolerance": 1e-5, "ok": True, "count": 9}],
        "tf32": {"what": "tf32=True", "worst": "y", "absolute": 1e-3, "relative": 1e-3, "tolerance": math.inf, "ok": True, "count": 1},
    }
    gpu_check.write(content, tmp_path / "results")
    content["tf32"]["tolerance"] = None  # as JSON has it
    assert json.loads((tmp_path / "results" / "gpu.json").read_text()) == content
    text = (tmp_path / "results" / "gpu.md").read_text()
    for line in ("| | bound | torch |", "| LSTM(8), N=1 | 24 | 60 |", "| G | 30 |  |", "| LSTM | 9 | 1.2e-07 | 1e-05 | y | ok |"):
        assert f"\n{line}\n" in text


def test_without_a_gpu_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(path: Path, device: str) -> None:
        raise MissingDependencyError(f"device={device!r}: there is no NVIDIA driver here")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gpu_check, "StreamingSession", refuse)
    monkeypatch.setattr("sys.argv", ["gpu_check"])
    assert gpu_check.main() == 2
    assert capsys.readouterr().out == "Nothing was checked: device='cuda': there is no NVIDIA driver here\n"
    assert list(tmp_path.iterdir()) == []
