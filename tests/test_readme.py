"""The README's example runs as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import ROOT, run_python

README = ROOT / "README.md"


def test_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    count, _ = run_python(README)  # it holds whole against stepped itself
    assert count == 1
    assert (tmp_path / "net.onnx").is_file()
    assert len(capsys.readouterr().out.splitlines()) > 1


def test_is_a_page() -> None:
    assert len(README.read_text().splitlines()) < 120
