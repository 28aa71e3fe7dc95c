"""Weights in fewer bits: the file's size, what it loses, and how long a step takes.

python -m benchmarks.precision [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

import rnngraph as rg
from benchmarks.measure import Row, Run, alternate, network, void
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, read_manifest

FORMS: tuple[tuple[str | None, str], ...] = (
    (None, "portable"),
    ("float16", "portable"),
    ("bfloat16", "portable"),
    ("int8", "portable"),
    ("int8", "cpu"),
)
"""Precision and target."""
LAYERS = {"LSTM": rg.LSTM, "GRU": rg.GRU}
WIDTHS = (128, 512)
FEATURES, STEPS = 64, 50


def measured(rounds: int, folder: Path, name: str, hidden: int) -> Iterable[Row]:
    """One network in each form: a step of one row, and 50 steps of 32 rows, in microseconds a step."""
    layer: Any = LAYERS[name]
    net = network(layer(n_in=FEATURES, n_out=hidden))
    x = np.random.default_rng(0).standard_normal((32, FEATURES, STEPS)).astype(np.float32)
    one = np.ascontiguousarray(x[:1, :, 0])
    paths = {form: folder / f"{name}_{hidden}_{form[0]}_{form[1]}.onnx" for form in FORMS}
    for (precision, target), path in paths.items():
        export_onnx(net, path, target=cast(Any, target), precision=cast(Any, precision))
    sessions = {form: StreamingSession(path) for form, path in paths.items()}
    steps: dict[str, Run] = {str(f): lambda s=s: void(s.rnn_time_step(one)) for f, s in sessions.items()}  # type: ignore[misc]
    wholes: dict[str, Run] = {str(f): lambda s=s: void(s.output(x)) for f, s in sessions.items()}  # type: ignore[misc]
    single, many = alternate(steps, rounds, repeat=200), alternate(wholes, rounds)
    for form, path in paths.items():
        told = read_manifest(path).precision
        yield {
            "what": f"{name}({hidden}), {form[0] or 'float32'}, {form[1]}",
            "kilobytes": path.stat().st_size / 1024,
            "y": 0.0 if told is None else told.error["y"]["absolute"],
            "h": 0.0 if told is None else told.error["next_state_00_h"]["absolute"],
            "step": statistics.median(single[str(form)]) * 1e6,
            "whole": statistics.median(many[str(form)]) * 1e6 / STEPS,
        }


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    head = f"| network, weights, target | kB | error of y | error of h | step, N=1, us | a step of {STEPS}, N=32, us |"
    lines = [head, "| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {r['what']} | {r['kilobytes']:,.0f} | {r['y']:.1g} | {r['h']:.1g} | {r['step']:.1f} | {r['whole']:.0f} |".replace(
            "| 0 | 0 |", "|  |  |"
        )
        for r in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        print(table([row for name in LAYERS for hidden in WIDTHS for row in measured(rounds, Path(folder), name, hidden)]))


if __name__ == "__main__":
    main()
