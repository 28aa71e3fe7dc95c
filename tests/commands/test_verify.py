"""``rnngraph verify``: exit codes, and files that are not as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnngraph.errors import MissingDependencyError
from rnngraph.runtime import ParityReport
from rnngraph.runtime.verify import ParityRow
from tests.commands.networks import exported, network
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
    monkeypatch.setattr("rnngraph.runtime.verify", lambda path, net, device: off)
    shown = run("verify", "net.onnx")
    assert shown.code == 1
    assert "1 of 1 comparisons OFF" in shown.out


def test_against_the_saved_network(tmp_path: Path, run: Run) -> None:
    model = exported(tmp_path / "net.onnx")
    network().save(tmp_path / "net.rnng")
    shown = run("verify", model, "--net", tmp_path / "net.rnng")
    assert shown.code == 0
    assert "network, chunked: state_00_h" in shown.out
    other = network()
    other.set_parameters({name: array + 0.1 for name, array in other.parameters().items()})
    other.save(tmp_path / "other.rnng")
    shown = run("verify", model, "--net", tmp_path / "other.rnng", "--json")
    assert shown.code == 1
    assert {row["ok"] for row in shown.json["rows"] if row["what"].startswith("network")} == {False}
    assert all(row["ok"] for row in shown.json["rows"] if not row["what"].startswith("network"))


def test_on_every_device(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_driver() -> None:
        raise MissingDependencyError("device='cuda': there is no NVIDIA driver here")

    monkeypatch.setattr("rnngraph.runtime.device._check_driver", without_driver)
    model = exported(tmp_path / "net.onnx")
    shown = run("verify", model, "--device", "all")
    assert shown.code == 0
    assert f"{model} on cpu\n" in shown.out
    assert shown.out.endswith("\n\nnot on cuda: there is no NVIDIA driver here\n")
    told = run("verify", model, "--device", "all", "--json").json
    assert told["ok"] is True
    assert list(told["devices"]) == ["cpu"]
    assert told["devices"]["cpu"]["ok"] is True
    assert told["left_out"] == {"cuda": "there is no NVIDIA driver here"}


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
        (["net.onnx", "--device", "gpu"], "--device gpu: expected 'cpu', 'cuda', 'auto' or 'all'"),
        (["net.onnx", "--net", "none.rnng"], "none.rnng"),
    ):
        refused = run("verify", tmp_path / arguments[0], *arguments[1:])
        assert refused.code == 2
        assert message in refused.err
        assert len(refused.err.splitlines()) == 1
