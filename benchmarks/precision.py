"""Weights in fewer bits: the file's size, what it loses, and how long a step takes.

python -m benchmarks.precision [--rounds 40]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

import rnngraph as rg
from benchmarks.measure import Row, Run, alternate, network, ratio, void
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, read_manifest

FORMS: tuple[tuple[str, str], ...] = (
    ("float32", "portable"),
    ("float16", "portable"),
    ("bfloat16", "portable"),
    ("int8", "portable"),
    ("int8", "cpu"),
)
"""Precision and target."""
FEATURES, STEPS = 64, 50
NETWORKS: dict[str, Any] = {
    "LSTM(128)": rg.LSTM(n_in=FEATURES, n_out=128),
    "LSTM(512)": rg.LSTM(n_in=FEATURES, n_out=512),
    "GRU(512)": rg.GRU(n_in=FEATURES, n_out=512),
}


def measured(rounds: int, folder: Path, name: str) -> Iterable[Row]:
    """One network in each form against its file in float32: size, a step of one row, a sequence of 32 rows."""
    net = network(NETWORKS[name])
    x = np.random.default_rng(0).standard_normal((32, FEATURES, STEPS)).astype(np.float32)
    one = np.ascontiguousarray(x[:1, :, 0])
    paths = {f"{name}, {precision}, {target}": folder / f"{name}_{precision}_{target}.onnx" for precision, target in FORMS}
    for (precision, target), path in zip(FORMS, paths.values(), strict=True):
        export_onnx(net, path, target=cast(Any, target), precision=cast(Any, precision))
    sessions = {what: StreamingSession(path) for what, path in paths.items()}
    steps: dict[str, Run] = {what: lambda s=s: void(s.rnn_time_step(one)) for what, s in sessions.items()}  # type: ignore[misc]
    wholes: dict[str, Run] = {what: lambda s=s: void(s.output(x)) for what, s in sessions.items()}  # type: ignore[misc]
    single, many = alternate(steps, rounds, repeat=50), alternate(wholes, rounds)
    (plain, largest), *others = paths.items()
    for what, path in others:
        told = read_manifest(path).precision
        assert told is not None
        yield {
            "what": what,
            "size": path.stat().st_size / largest.stat().st_size,
            "y": told.error["y"]["absolute"],
            "h": told.error["next_state_00_h"]["absolute"],
            "step": ratio(what, single[what], single[plain], "")["ratio"],
            "whole": ratio(what, many[what], many[plain], "")["ratio"],
        }


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    head = f"| network, weights, target | size | error of y | error of h | step, N=1 | {STEPS} steps, N=32 |"
    lines = [f"| {r['what']} | {r['size']:.2f} | {r['y']:.1g} | {r['h']:.1g} | {r['step']:.2f} | {r['whole']:.2f} |" for r in rows]
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *lines])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        print(table([row for name in NETWORKS for row in measured(rounds, Path(folder), name)]))


if __name__ == "__main__":
    main()
