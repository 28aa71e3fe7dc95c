"""The pages for newcomers run from top to bottom: their Python and their lines of shell; and what they say is printed is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnngraph.cli import app

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def shell(text: str) -> None:
    """Run the commands of a block, each a line of rnngraph's."""
    for line in text.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "rnngraph", line
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, f"{line}\n{done.output}"


@pytest.mark.parametrize("name", ["index", "tutorial", "data"])
def test_a_page_runs_from_top_to_bottom(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (DOCS / f"{name}.md").read_text()
    blocks = list(BLOCK.finditer(page))
    assert blocks
    names: dict[str, object] = {"__name__": "__main__"}
    printed: list[str] = []
    for block in blocks:
        kind, text = block.groups()
        above = "\n" * page[: block.start(2)].count("\n")  # so that a failure names the page's line
        if kind == "sh":
            shell(text)
        elif kind == "text":  # what the page says is printed
            printed += capsys.readouterr().out.splitlines()
            assert [line for line in text.splitlines() if line not in printed] == []
        else:
            exec(compile(above + text, f"docs/{name}.md", "exec"), names)  # it asserts what it claims
