"""What ``--help`` says: it fits a screen, and its examples work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from rnngraph import dl4j
from rnngraph.cli import app
from tests.commands.data import config, sequences, table
from tests.commands.networks import exported, network
from tests.commands.running import Result, Run

COMMANDS = {str(one.name): one for one in app.registered_commands}
"""In an order in which each finds what the ones before have written."""


def examples(name: str) -> list[str]:
    """The examples of a command's help, each as one line."""
    text = (COMMANDS[name].help or "").replace("\\\n", " ")
    return [" ".join(found.split()) for found in re.findall(r"^Example: rnngraph (.*)$", text, re.MULTILINE)]


def of_a_shell(line: str, run: Run) -> Result:
    """Run a line with its redirections."""
    words, out = shlex.split(line), ""
    if "<" in words:
        at = words.index("<")
        words, stdin = words[:at] + words[at + 2 :], Path(words[at + 1]).read_text()
        out, words = words[-1], words[: words.index(">")]
    else:
        stdin = ""
    done = run(*words, stdin=stdin)
    if out:
        Path(out).write_text(done.out)
    return done


def test_every_example_works(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sequences(tmp_path)
    config(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        dl4j.save(network(), tmp_path / "model.zip")
    table(tmp_path / "steps.csv", np.ones((4, 2)))
    for name in ("import-dl4j", "train", "evaluate", "plot", "export", "inspect", "verify", "stream"):
        assert examples(name)
        for example in examples(name):
            assert example.startswith(name)
            done = of_a_shell(example, run)
            assert (done.code, done.err) == (0, ""), example
    assert set(COMMANDS) == {"import-dl4j", "train", "evaluate", "plot", "export", "inspect", "verify", "stream"}
    for made in ("net.rnng", "net.onnx", "run/net.rnng", "curve.png", "confusion.png", "predictions.png", "net.state"):
        assert Path(made).is_file()
    assert len(Path("predictions.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize("width", [40, 80, 120])
def test_help_fits_the_screen(width: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMMANDS:
        monkeypatch.setenv("COLUMNS", str(width))
        shown = run(name, "--help")
        assert shown.code == 0
        assert max(map(len, shown.out.splitlines())) <= width
        if width >= 80:
            for line in (COMMANDS[name].help or "").splitlines():
                if line.startswith("Example") or "\\" in line:
                    assert line in shown.out.replace("│", " ")  # in one piece, so that it can be copied


def test_help_and_a_look_at_a_file_wait_for_nothing_that_they_do_not_need(tmp_path: Path) -> None:
    """Neither for torch, nor for what writes and draws networks."""
    exported(tmp_path / "net.onnx")
    code = (
        "import sys\nfrom rnngraph.cli import main\nbefore = set(sys.modules)\nsys.argv = ['rnngraph', 'inspect', 'net.onnx']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'onnx', 'matplotlib', 'safetensors'}\n"
        "print('heavy', sorted(heavy & set(sys.modules)), sorted({'numpy', 'rich.console', 'onnxruntime'} & before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy [] []\n")


def test_unknown_commands_and_options_are_exit_code_2(run: Run) -> None:
    for words, text in ((["trian"], "No such command"), (["train", "--epoch", "3"], "--epochs"), (["stream"], "Missing argument")):
        refused = run(*words)
        assert refused.code == 2
        assert text in refused.err


def test_the_version(run: Run) -> None:
    import rnngraph as rg

    assert run("--version").out == f"rnngraph {rg.__version__}\n"
