"""The Python on the page about streaming runs from top to bottom, and asserts what it claims."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "streaming.md").read_text()


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE))
    assert len(blocks) > 10
    for block in blocks:
        above = "\n" * PAGE[: block.start(1)].count("\n")  # so that a failure names the page's line
        exec(compile(above + block.group(1), "docs/streaming.md", "exec"), names)
    said = capsys.readouterr().out.strip()
    assert said
    assert f"print(error)  # {said}\n" in PAGE


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (DOCS / target).is_file(), target
