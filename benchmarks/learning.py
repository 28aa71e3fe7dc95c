"""What the examples learn: their figures, kept for docs/performance.md, which ``python -m benchmarks.run`` writes.

    python -m benchmarks.learning

Takes some minutes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.adding_problem import demo as adding
from examples.event_stream import demo as events
from rnngraph.files import atomic_write

RESULTS = Path("benchmarks/results/learning.json")
Row = dict[str, Any]


def measure() -> list[Row]:
    """Run the examples as they are; each figure with what it should be, and the seconds that it took."""
    started = time.perf_counter()
    errors = adding.main([])
    took = time.perf_counter() - started
    each = ", ".join(f"{e:.4f}" for e in errors)
    rows = [row("adding problem, 100 steps: mean squared error of three seeds", each, f"< {adding.SOLVED}", took)]
    started = time.perf_counter()
    carried, dropped = events.main([])
    took, chance = time.perf_counter() - started, f"{1 / events.SYMBOLS:.3f}, which is chance"
    rows.append(row("event stream, 10,000 steps, three segments back: accuracy with the state carried over", f"{carried:.3f}", "", took))
    rows.append(row("the same with the state dropped before each segment", f"{dropped:.3f}", chance, took))
    return rows


def row(what: str, figure: str, aim: str, seconds: float) -> Row:
    """One row of the report."""
    return {"what": what, "figure": figure, "aim": aim, "seconds": seconds}


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| what | figure | aim | seconds |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {r['what']} | {r['figure']} | {r['aim']} | {r['seconds']:.0f} |" for r in rows)])


def main() -> None:
    """Measure, print, and keep the figures."""
    rows = measure()
    with atomic_write(RESULTS) as file:
        file.write(json.dumps(rows, indent=1).encode())
    print(table(rows))


if __name__ == "__main__":
    main()
