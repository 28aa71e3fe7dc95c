"""Many streams in a StreamPool against a session for each: throughput, latency, and what a session that shares its weights costs.

python -m benchmarks.pool [--rounds 15]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from benchmarks.measure import Row, Run, alternate, network, ratio, void
from rnngraph.exporters import export_onnx
from rnngraph.runtime import AsyncStreamPool, StreamingSession, StreamPool

STREAMS = 1000


def written(folder: Path, hidden: int = 128) -> Path:
    """The file of an LSTM with 12 features."""
    path = folder / f"pool_{hidden}.onnx"
    if not path.exists():
        export_onnx(network(rg.LSTM(n_in=12, n_out=hidden)), path)
    return path


def steps(count: int = STREAMS) -> dict[int, Any]:
    """One step for each stream."""
    return dict(enumerate(np.random.default_rng(0).standard_normal((count, 12)).astype(np.float32)))


def opened(path: Path, keys: Iterable[int]) -> StreamPool:
    """A pool with these streams."""
    pool = StreamPool(path)
    for key in keys:
        pool.open(key)
    return pool


def throughput(rounds: int, folder: Path) -> list[Row]:
    """A step of each of 1,000 streams: one call of a pool, or one of each session."""
    path, xs = written(folder), steps()
    pool, single = opened(path, xs), {key: x[None] for key, x in xs.items()}
    mixed = dict(list(xs.items())[::-2])  # every second stream, from the last to the first
    first = StreamingSession(path)

    def each(sessions: list[StreamingSession]) -> Run:
        def run() -> None:
            for session, x in zip(sessions, single.values(), strict=True):
                session.rnn_time_step(x)

        return run

    runs: dict[str, Run] = {
        "pool": lambda: void(pool.step(xs)),
        "half": lambda: void(pool.step(mixed)),
        "sessions": each([StreamingSession(path) for _ in xs]),
        "clones": each([first.clone() for _ in xs]),
    }
    times = alternate(runs, rounds)
    doubled = [2 * seconds for seconds in times["half"]]
    return [
        ratio("1,000 sessions, a step of each, H=128 : a step of 1,000 streams in a StreamPool", times["sessions"], times["pool"], ">= 10"),
        ratio("1,000 clones of one session, a step of each : the same", times["clones"], times["pool"], ""),
        ratio("every second stream in another order, per stream : all in their order", doubled, times["pool"], ""),
    ]


_PROGRAM = """
import gc, sys
from pathlib import Path
import numpy as np
from rnngraph.runtime import StreamingSession

def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def stepped(session):
    for _ in range(2):
        session.rnn_time_step(np.zeros((1, 12), np.float32))
    return session

path, other = sys.argv[1:]
kept = [stepped(StreamingSession(other))]  # what the first session of a process brings along is not counted
before = resident()
session = stepped(StreamingSession(path))
one = resident() - before
clones = [stepped(session.clone()) for _ in range(100)]
print(one, resident() - before)
"""


def clones(folder: Path, rounds: int = 3) -> list[Row]:
    """Resident memory of a session and 100 clones that have stepped against that of the session, each in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", _PROGRAM, str(written(folder)), str(written(folder, 8))]
    pairs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(rounds)]
    return [
        ratio(
            "memory of a session, LSTM(128), and 100 clones : of the session",
            [float(all_) for _, all_ in pairs],
            [float(one) for one, _ in pairs],
            "<= 1.5",
        )
    ]


def latencies(folder: Path, calls: int = 300) -> list[Row]:
    """Milliseconds from call to answer, median and 99th percentile: of a pool, and of single streams behind the asyncio front."""
    rows: list[Row] = []
    gc.collect()
    gc.freeze()  # a process that serves has no torch, whose objects the collector would look through
    for count in (1, 100, STREAMS):
        xs = steps(count)
        pool = opened(written(folder), xs)
        rows.append(percentiles(f"StreamPool.step of {count:,} stream{'s' * (count > 1)}", [seconds_of(pool, xs) for _ in range(calls)]))
        taken = asyncio.run(behind_front(pool, xs, max(20, calls // count)))
        rows.append(percentiles(f"AsyncStreamPool.step, one of {count:,} at once", taken))
    gc.unfreeze()
    return rows


def seconds_of(pool: StreamPool, xs: dict[int, Any]) -> float:
    """How long one step takes."""
    started = time.perf_counter()
    pool.step(xs)
    return time.perf_counter() - started


async def behind_front(pool: StreamPool, xs: dict[int, Any], rounds: int) -> list[float]:
    """Seconds of each call where every stream steps as soon as it has its last answer."""
    taken: list[float] = []

    async def live(front: AsyncStreamPool, key: int) -> None:
        for _ in range(rounds):
            started = time.perf_counter()
            await front.step(key, xs[key])
            taken.append(time.perf_counter() - started)

    async with AsyncStreamPool(pool) as front:
        await asyncio.gather(*(live(front, key) for key in xs))
    return taken[len(xs) :]  # the first round warms up


def percentiles(what: str, seconds: list[float]) -> Row:
    """One row of the table of latencies."""
    p50, p99 = np.percentile(np.array(seconds) * 1e3, [50, 99])
    return {"what": what, "p50": float(p50), "p99": float(p99)}


def table(rows: list[Row]) -> str:
    """Latencies in Markdown."""
    lines = ["| what | median, ms | 99th percentile, ms |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {r['what']} | {r['p50']:.2f} | {r['p99']:.2f} |" for r in rows)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for row in [*throughput(args.rounds, Path(name)), *clones(Path(name))]:
            print(f"{row['what']}: {row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f}; aim {row['aim']})")
        print(table(latencies(Path(name))))


if __name__ == "__main__":
    main()
