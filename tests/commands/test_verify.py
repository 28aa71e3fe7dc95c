"""``rnngraph verify``: exit codes, and files that are not as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnngraph.runtime import ParityReport
from rnngraph.runtime.verify import ParityRow
from tests.commands.networks import exported
from tests.commands.running import Run
from tests.exporters.graphs import two_times


def test_a_file_that_is_right(tmp_path: Path, run: Run) -> None:
    model = exported(tmp_path / "net.onnx")
    shown = run("verify", model)
    assert shown.code == 0
    assert "comparisons within tolerance" in shown.out
    assert run("verify", model, "--json").json["ok"] is True
    graph = run("verify", exported(tmp_path / "graph.onnx", two_times()))
    assert graph.code == 0
    assert "whole = row alone: told" in graph.out


def test_a_number_that_is_off_is_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    off = ParityReport("net.onnx", "cpu", (ParityRow("golden 0: y", 0.5, 0.5, 1e-5, ok=False),))
    monkeypatch.setattr("rnngraph.runtime.verify", lambda path, device: off)
    shown = run("verify", "net.onnx")
    assert shown.code == 1
    assert "1 of 1 comparisons OFF" in shown.out


def test_the_likeliest_mistakes(tmp_path: Path, run: Run) -> None:
    model = exported(tmp_path / "net.onnx")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "altered.onnx").write_bytes(content)
    (tmp_path / "bare.onnx").write_bytes(model.read_bytes())
    for arguments, message in (
        (["altered.onnx"], "altered"),
        (["none.onnx"], "there is no such file"),
        (["bare.onnx"], "bare.onnx.golden"),
        (["net.onnx", "--device", "gpu"], "--device gpu: expected 'cpu', 'cuda' or 'auto'"),
    ):
        refused = run("verify", tmp_path / arguments[0], *arguments[1:])
        assert refused.code == 2
        assert message in refused.err
        assert len(refused.err.splitlines()) == 1
