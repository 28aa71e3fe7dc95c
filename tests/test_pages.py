"""The pages for newcomers run from top to bottom: their Python and their lines of shell; and what they say is printed is printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnngraph.cli import app
from tests.pages import ROOT, run_python


def shell(text: str) -> None:
    """Run the commands of a block, each of rnngraph; ``<`` is what goes in."""
    for line in text.replace("\\\n", " ").splitlines():
        command, _, given = line.partition(" < ")
        program, *arguments = shlex.split(command, comments=True)
        assert program == "rnngraph", line
        typed = Path(given.split()[0]).read_text() if given else None
        done = CliRunner().invoke(app, arguments, input=typed)
        assert done.exit_code == 0, f"{line}\n{done.output}"


@pytest.mark.parametrize("name", ["index", "tutorial", "data"])
def test_a_page_runs_from_top_to_bottom(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    so_far: list[str] = []

    def printed(text: str) -> None:
        so_far.extend(capsys.readouterr().out.splitlines())
        assert [line for line in text.splitlines() if line not in so_far] == []

    count, _ = run_python(ROOT / "docs" / f"{name}.md", {"sh": shell, "text": printed})
    assert count
