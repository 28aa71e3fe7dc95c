"""The commands, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import verify
from tests.exporters.graphs import two_times


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """``rnngraph ...`` in a process of its own."""
    code = "from rnngraph.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, env=_environment()
    )


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "COLUMNS": "160", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    path = tmp_path_factory.mktemp("cli") / "net.rnng"
    rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers)).save(path)
    return path


def test_export_inspect_verify(saved: Path) -> None:
    model = saved.with_suffix(".onnx")
    exported = run("export", saved, "-o", model, "--features-mask")
    assert exported.returncode == 0, exported.stderr
    shown = run("inspect", model)
    assert shown.returncode == 0, shown.stderr
    for text in ("features_mask", "state_00_c", "[N, 4]", "next_state_00_h", "streams     yes", "│ RnnOutputLayer │", "sigmoid │ hold"):
        assert text in shown.stdout
    told = json.loads(run("inspect", model, "--json").stdout)
    assert told["parameters_count"] == 4 * 4 * (3 + 4 + 1) + 2 * 5
    verified = run("verify", model)
    assert verified.returncode == 0, verified.stdout


def test_an_altered_file_and_a_missing_one_are_one_line_each(saved: Path) -> None:
    model = saved.with_name("altered.onnx")
    assert run("export", saved, "-o", model).returncode == 0
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    for path, text in ((model, "altered"), (saved.with_name("none.onnx"), "no such file")):
        result = run("verify", path)
        assert result.returncode == 2
        assert text in result.stderr
        assert "Traceback" not in result.stderr


def test_the_version() -> None:
    assert run("--version").stdout == f"rnngraph {rg.__version__}\n"


def test_a_network_is_not_exported_onto_itself(saved: Path) -> None:
    before = saved.read_bytes()
    for out in (saved, saved.parent / "." / saved.name, saved.parent / ".." / saved.parent.name / saved.name):
        result = run("export", saved, "-o", out)
        assert result.returncode == 2
        assert "is the saved network itself, which the export would replace; write to another file, as net.onnx" in result.stderr
    other = saved.with_name("other.rnng")
    other.write_bytes(before)
    result = run("export", saved, "-o", other)
    assert result.returncode == 2
    assert "is a saved network, which the export would replace; write to another file, as net.onnx" in result.stderr
    assert saved.read_bytes() == other.read_bytes() == before


def test_batch_and_class_labels_are_written_and_shown(saved: Path) -> None:
    model = saved.with_name("named.onnx")
    exported = run("export", saved, "-o", model, "--batch", 2, "--class-labels", "low, [high]")
    assert exported.returncode == 0, exported.stderr
    shown = run("inspect", model).stdout
    assert "classes     low, [high]" in shown
    assert "[2, 3, T]" in shown
    assert "mask        none: export with features_mask=True" in shown
    told = json.loads(run("inspect", model, "--json").stdout)
    assert (told["batch"], told["class_labels"], told["mask"]["rule"]) == (2, ["low", "[high]"], None)
    result = run("export", saved, "-o", model, "--class-labels", "one")
    assert result.returncode == 2
    assert "class_labels has 1 names, the network 2 outputs" in result.stderr


def test_layers_show_what_they_wrap_and_how_they_take_masks(tmp_path: Path) -> None:
    last = rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4, activation="softsign", gate_activation="hardsigmoid", mask_mode="ignore"))
    config = rg.MultiLayerConfiguration(seed=1, layers=[last, rg.OutputLayer(n_out=2)])
    export_onnx(rg.MultiLayerNetwork(config), tmp_path / "net.onnx", features_mask=True)
    shown = run("inspect", tmp_path / "net.onnx").stdout
    row = next(line for line in shown.splitlines() if "LastTimeStep" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "0",
        "LastTimeStep(LSTM)",
        "3",
        "4",
        "softsign",
        "hardsigmoid",
        "ignore",
        "yes",
    ]
    assert "padding     is read: x has to be finite at masked steps too" in shown


def test_a_saved_graph_is_exported(tmp_path: Path) -> None:
    net = two_times()
    graph = rg.ComputationGraph(net.config)
    graph.save(tmp_path / "net.rnng")
    done = run("export", tmp_path / "net.rnng", "-o", tmp_path / "net.onnx", "--features-mask")
    assert done.returncode == 0, done.stderr
    assert verify(tmp_path / "net.onnx", graph)


def test_a_graph_shows_its_inputs_outputs_masks_and_vertices(tmp_path: Path) -> None:
    export_onnx(two_times(), tmp_path / "net.onnx", features_mask=["in"], class_labels={"class": ["low", "[high]"]})
    shown = run("inspect", tmp_path / "net.onnx").stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if line.startswith("│")]
    assert ["in", "in", "input", "[N, 5, T_in]", "float32", "", "features_mask_in"] in rows
    assert ["in", "target", "input", "[N, 3, T_target]", "float32", "", ""] in rows
    assert ["out", "told", "output", "[N, 4, T_target]", "float32", "", ""] in rows
    assert ["0", "encoder", "LSTM", "5", "6", "tanh", "sigmoid", "hold", "yes"] in rows
    assert "classes     class: low, [high]" in shown
    told = json.loads(run("inspect", tmp_path / "net.onnx", "--json").stdout)
    assert (told["network"], told["inputs"][1]["steps"], told["layers"][0]["name"]) == ("graph", "T_target", "encoder")
    verified = run("verify", tmp_path / "net.onnx")
    assert verified.returncode == 0, verified.stdout
    assert "whole = row alone: told" in verified.stdout


def test_a_normalizer_is_written_into_the_file(saved: Path) -> None:
    net = rg.MultiLayerNetwork.load(saved)
    net.normalizer = rg.NormalizerStandardize.from_statistics([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    with_one, model = saved.with_name("with.rnng"), saved.with_name("with.onnx")
    net.save(with_one)
    assert run("export", with_one, "-o", model, "--normalizer").returncode == 0
    assert "normalizer  x takes raw values: standardize of 3 columns" in run("inspect", model).stdout
    assert run("export", with_one, "-o", model).returncode == 0
    assert "normalizer" not in run("inspect", model).stdout
    refused = run("export", saved, "-o", model, "--normalizer")
    assert refused.returncode == 2
    assert f"--normalizer: {saved} was saved without one; set net.normalizer before net.save" in refused.stderr
