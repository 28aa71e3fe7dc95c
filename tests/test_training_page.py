"""The Python on the page about training runs from top to bottom, and what stands in its tables exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rnngraph as rg
from tests.pages import ROOT, dead_links, run_python

PAGE = ROOT / "docs" / "training.md"


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    count, names = run_python(PAGE)
    assert count == 7
    assert (tmp_path / "best.rnng").is_file()
    assert names["last"].epoch <= 10
    assert "examples/s" in capsys.readouterr().out


def test_what_stands_in_tables_can_be_made() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [code for row in rows for cell in row.split(" | ") for code in re.findall(r"`([^`]+)`", cell)]
    calls = [code for code in cells if re.match(r"rg\.\w+\(", code) and "TensorBoard" not in code]
    settings = [code for code in cells if re.match(r"\w+=", code)]
    for code in calls:
        eval(code, {"rg": rg})
    for code in settings:
        kind = "CheckpointListener('run', " if "every" in code or "keep" in code else "EarlyStopping("
        eval(f"rg.{kind}{code})", {"rg": rg})
    assert (len(calls), len(settings)) == (2, 11)


def test_names_and_links_lead_somewhere() -> None:
    for name in set(re.findall(r"\brg\.(\w+)", PAGE.read_text())):
        assert hasattr(rg, name), name
    assert dead_links(PAGE) == []
