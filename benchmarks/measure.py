"""How benchmarks measure: peers in one process, in alternation, and their ratios with spread."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import rnngraph as rg

Run = Callable[[], None]
Row = dict[str, Any]


def alternate(runs: dict[str, Run], rounds: int, repeat: int = 1) -> dict[str, list[float]]:
    """Seconds of each run in each round, after two rounds of warming up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for k in range(rounds + 2):
        for name, run in runs.items():
            started = time.perf_counter()
            for _ in range(repeat):
                run()
            if k >= 2:
                times[name].append((time.perf_counter() - started) / repeat)
    return times


def ratio(name: str, ours: list[float], peer: list[float], aim: str) -> Row:
    """One row of the report."""
    ratios = sorted(a / b for a, b in zip(ours, peer, strict=True))
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    return {"what": name, "ratio": statistics.median(ratios), "low": low, "high": high, "aim": aim, "seconds": statistics.median(ours)}


def network(layer: Any, **fields: Any) -> rg.MultiLayerNetwork:
    """A recurrent layer and a softmax at each step."""
    layers = [layer, rg.RnnOutputLayer(n_out=9, activation="softmax", loss="mcxent")]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-3), layers=layers, **fields))


def void(_: object) -> None:
    """Drop a result."""


def printed(program: str, *arguments: object) -> int:
    """The number that a program prints in a process of its own, in which warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
