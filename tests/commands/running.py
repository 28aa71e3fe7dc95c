"""What a command did."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Result(NamedTuple):
    """Exit code, and what was printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the table's rows."""
        return [[cell.strip() for cell in line.split("│")[1:-1]] for line in self.out.splitlines() if line.startswith("│")]

    @property
    def json(self) -> Any:
        """The only thing that was printed."""
        return json.loads(self.out)


Run = Callable[..., Result]
