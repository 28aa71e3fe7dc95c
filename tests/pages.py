"""The Python on pages of Markdown, run from top to bottom as one program."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def run_python(page: Path, others: Mapping[str, Callable[[str], None]] | None = None) -> tuple[int, dict[str, Any]]:
    """Run all blocks of ``page`` in the working folder: how many there are, and the names that they leave. They assert what they claim.

    ``others`` take the blocks of other languages, each in its turn.
    """
    text, names, told = page.read_text(), {"__name__": "__main__"}, dict(others or {})
    blocks = list(re.finditer(rf"^```({'|'.join(['python', *told])})\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))
    for block in blocks:
        if block.group(1) in told:
            told[block.group(1)](block.group(2))
            continue
        above = "\n" * text[: block.start(2)].count("\n")  # so that a failure names the page's line
        exec(compile(above + block.group(2), str(page.relative_to(ROOT)), "exec"), names)
    return sum(block.group(1) == "python" for block in blocks), names


def dead_links(page: Path) -> list[str]:
    """The targets of links on ``page`` that are neither one of its titles nor a file beside it."""
    text = page.read_text()
    titles = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    targets = re.findall(r"\]\(([^)]+)\)", text)
    return [t for t in targets if not (t[1:] in titles if t.startswith("#") else (page.parent / t).is_file())]
