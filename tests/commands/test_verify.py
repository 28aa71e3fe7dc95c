"""``rnngraph verify``: exit codes, and files that are not as they were written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf.vertices import ReverseTimeSeriesVertex
from rnngraph.errors import InputError, MissingDependencyError
from rnngraph.runtime import ParityReport, verify
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


LSTM, DENSE, SCALE = rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2), rg.ScaleVertex(1.0)
ANOTHER: dict[str, tuple[Callable[[], Any], str]] = {
    "inputs": (lambda: network(n_in=2), "layers[0] of the file is LSTM (3 to 4), of net LSTM (2 to 4)"),
    "outputs": (lambda: network(n_out=3), "layers[1] of the file is RnnOutputLayer (4 to 2), of net RnnOutputLayer (4 to 3)"),
    "type": (lambda: of(rg.GRU(n_in=3, n_out=4), DENSE), "layers[0] of the file is LSTM (3 to 4), of net GRU (3 to 4)"),
    "layers": (
        lambda: of(LSTM, rg.LSTM(n_out=4), DENSE),
        "the file has 2 layers (LSTM (3 to 4), RnnOutputLayer (4 to 2)), net has 3 (LSTM (3 to 4), LSTM (4 to 4), RnnOutputLayer (4 to 2))",
    ),
    "wrapper": (
        lambda: of(rg.LastTimeStep(LSTM), rg.OutputLayer(n_out=2)),
        "layers[0] of the file is LSTM (3 to 4), of net LastTimeStep(LSTM) (3 to 4)",
    ),
    "graph": (
        lambda: graph("a", SCALE),
        "net.onnx is the file of a network of layers in a row: give the MultiLayerNetwork that it was exported from",
    ),
}


def graph(name: str, between: Any) -> rg.ComputationGraph:
    vertices = {"cells": (LSTM, name), "between": (between, "cells"), "out": (DENSE, "between")}
    types = {name: rg.InputType.recurrent(3)}
    return rg.ComputationGraph(rg.ComputationGraphConfiguration(inputs=[name], input_types=types, vertices=vertices, outputs=["out"]))


def of(*layers: Any) -> rg.MultiLayerNetwork:
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=list(layers)))


@pytest.mark.parametrize("case", ANOTHER)
def test_another_network_is_told_before_it_is_fed(case: str, tmp_path: Path, run: Run) -> None:
    make, difference = ANOTHER[case]
    model, other = exported(tmp_path / "net.onnx"), tmp_path / "other.rnng"
    make().save(other)
    refused = run("verify", model, "--net", other)
    assert refused.code == 2
    assert refused.err.startswith(f"rnngraph: --net {other}: {model} ")
    assert difference in refused.err
    assert "that it was exported from" in refused.err or refused.err.endswith("; give the network that the file was exported from\n")
    assert len(refused.err.splitlines()) == 1


def test_a_graph_with_other_inputs_is_told(tmp_path: Path) -> None:
    model = exported(tmp_path / "net.onnx", graph("a", SCALE))
    assert verify(model, graph("a", SCALE))
    with pytest.raises(InputError, match=r"another network: the file has the inputs a, net has b; give the network"):
        verify(model, graph("b", SCALE))
    with pytest.raises(InputError, match=r"layers\[1\] of the file is ScaleVertex, of net ReverseTimeSeriesVertex; give the network"):
        verify(model, graph("a", ReverseTimeSeriesVertex("a")))


def test_what_a_device_needs_is_told_as_options(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_driver() -> None:
        raise MissingDependencyError("device='cuda': there is no NVIDIA driver here; install the driver of the GPU, or use device='cpu'")

    monkeypatch.setattr("rnngraph.runtime.device._check_driver", without_driver)
    model = exported(tmp_path / "net.onnx")
    wanted = "there is no NVIDIA driver here; install the driver of the GPU"
    assert run("verify", model, "--device", "all").out.endswith(f"\n\nnot on cuda: {wanted}\n")
    assert run("verify", model, "--device", "all", "--json").json["left_out"] == {"cuda": wanted}
    assert run("verify", model, "--device", "cuda").err == f"rnngraph: --device cuda: {wanted}, or use --device cpu\n"
    for_cpu = exported(tmp_path / "cpu.onnx", target="cpu")
    shown = run("verify", for_cpu, "--device", "all").out
    assert shown.splitlines()[-1].startswith(f"not on cuda: {for_cpu} was exported with --target cpu: ")
    assert shown.endswith("; export it with --target portable\n")


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
