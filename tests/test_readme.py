"""The README's example and commands run as they stand there; commands that build environments or train for long are looked up only."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.cli import app
from tests.pages import ROOT, run_python

README = ROOT / "README.md"
TEXT = README.read_text()
PROGRAMS = ("make", "pip", "python", "rnngraph")


def commands() -> list[str]:
    """Lines of shell, and inline code that begins with the name of a program."""
    blocks = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    lines = [line.split("  #")[0].strip() for line in blocks.splitlines() if line.startswith("    ")]
    inline = re.findall(r"`([^`\n]+)`", blocks)
    return sorted({code for code in (*lines, *inline) if code.partition(" ")[0] in PROGRAMS and " " in code})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example has run, with a saved network and a model such as Deeplearning4j leaves."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        count, names = run_python(README)  # it holds whole against stepped itself
    assert count == 1
    names["net"].save(folder / "net.rnng")
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    dl4j.save(rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers, mask_mode="ignore")), folder / "model.zip")
    return folder


def test_example_runs(folder: Path) -> None:
    assert (folder / "net.onnx").is_file()


def test_the_commands_are_found() -> None:
    found = commands()
    assert {"make demo", "make docs", "make test", "make bench", "make help", "rnngraph verify net.onnx"} <= set(found)
    assert any(code.startswith("pip install '.[") for code in found)
    assert any(code.startswith("python -m examples.") for code in found)


@pytest.mark.parametrize("command", [code for code in commands() if code.startswith("rnngraph ")])
def test_commands_of_rnngraph_run(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("command", [code for code in commands() if code.startswith("make ")])
def test_targets_of_make_are_there(command: str) -> None:
    """Told, not done: ``make -n``."""
    done = subprocess.run([*shlex.split(command), "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("command", [code for code in commands() if code.startswith("pip ")])
def test_extras_that_are_installed_are_there(command: str) -> None:
    (wanted,) = re.findall(r"\.\[([\w,]+)\]", command)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(wanted.split(",")) <= extras.keys()


@pytest.mark.parametrize("command", [code for code in commands() if code.startswith("python ")])
def test_programs_are_there(command: str) -> None:
    """Other tests run them."""
    words = shlex.split(command)
    found = importlib.util.find_spec(words[2]) if words[1] == "-m" else (ROOT / words[1]).is_file()
    assert found


def test_files_and_folders_are_there() -> None:
    named = re.findall(r"`((?:examples|benchmarks|docs|rnngraph)/[\w/.]*)`|\]\(([\w/.]+)\)", TEXT)
    paths = {a or b for a, b in named}
    assert len(paths) > 8
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_names_of_rnngraph_in_the_text_exist() -> None:
    assert [name for name in set(re.findall(r"\brg\.(\w+)", TEXT)) if not hasattr(rg, name)] == []


def test_is_a_page() -> None:
    assert len(TEXT.splitlines()) < 120
