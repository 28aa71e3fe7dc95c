"""The commands, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rnngraph as rg


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
    for text in ("features_mask", "state_00_c", "[N, 4]", "next_state_00_h", "streams     yes", "LSTM(4) -> RnnOutputLayer(2)"):
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
