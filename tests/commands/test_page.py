"""docs/command_line.md: its commands run in their order and print what stands there, but for the values of numbers."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands.running import Run
from tests.pages import dead_links, run_python

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PAGE = (DOCS / "command_line.md").read_text()


def block(kind: str) -> list[str]:
    """The blocks of one language."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, list[str]]]:
    """Each command with the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(block("console")).replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def lines_of(words: list[str], stdin: str) -> str:
    """head, tail and echo."""
    if words[0] == "echo":
        return words[1] + "\n"
    count, lines = words[2], (Path(words[3]).read_text() if len(words) > 3 else stdin).splitlines(keepends=True)
    if words[0] == "head":
        return "".join(lines[: int(count)])
    return "".join(lines[int(count) - 1 :] if count.startswith("+") else lines[-int(count) :])


def of_a_shell(line: str, run: Run) -> str:
    """What a pipeline prints, stderr too."""
    line, _, out = line.partition(" > ")
    text = ""
    for part in line.split(" | "):
        words = shlex.split(part)
        if words[0] == "rnngraph":
            done = run(*words[1:], stdin=text)
            text = done.out + done.err
        else:
            text = lines_of(words, text)
    if out:
        Path(out).write_text(text)
        text = ""
    return text


def shape(line: str) -> str:
    """A line without the values of its numbers and the width of its columns."""
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.,:e+-]*", "#", line)).strip()


def test_the_commands_print_what_the_page_says(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_python(DOCS / "command_line.md")
    (yaml,) = block("yaml")
    Path("config.yaml").write_text(yaml)
    assert len(commands()) > 12
    for line, expected in commands():
        printed = of_a_shell(line, run)
        pattern = "".join(".*" if one == "..." else re.escape(shape(one)) + "\n" for one in expected)
        assert re.fullmatch(pattern, "".join(shape(one) + "\n" for one in printed.splitlines()), flags=re.DOTALL), f"{line}\n{printed}"


def test_links_lead_somewhere() -> None:
    assert dead_links(DOCS / "command_line.md") == []
