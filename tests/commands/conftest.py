"""Commands run in the process of the tests: a process of its own costs seconds, and tells no more."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnngraph import cli
from tests.commands.data import config, sequences
from tests.commands.running import Result, Run


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Signals act as in a terminal, also where the tests run in the background of a script, which ignores Ctrl-C."""
    actions: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, action) for number, action in actions.items()}
    yield
    for number, action in before.items():
        signal.signal(number, action)


class Stdin(io.TextIOWrapper):
    """What a command reads on stdin."""

    def __init__(self, text: str | bytes) -> None:
        super().__init__(io.BytesIO(text.encode() if isinstance(text, str) else text))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``rnngraph ...`` on a wide screen; ``stdin`` is what is piped in."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: object, stdin: str | bytes = "") -> Result:
        monkeypatch.setattr(sys, "argv", ["rnngraph", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", Stdin(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        code = end.value.code
        assert isinstance(code, int)
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with twelve sequences of three classes."""
    monkeypatch.chdir(tmp_path)
    sequences(tmp_path)
    config(tmp_path)
    return tmp_path
