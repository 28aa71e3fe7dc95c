"""Random operations on a pool, against a model that keeps the state of each stream by itself and feeds the file one row at a time.

    python -m tests.runtime.soak [--operations 1000000] [--seed 0]

Every output has to be equal bit for bit, every error of the kind and about the stream that is to blame, and the memory flat.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rnngraph.errors import InputError, RnnGraphError, StateError, StreamingError
from rnngraph.runtime import StateSnapshot, StreamPool
from rnngraph.runtime.engine import Engine
from tests.runtime.files import Array, Spec, write

STREAMS = 12
"""How many streams are open at most; now and then it is five times as many for a while."""
ROOM = 2 * 2**20
"""Bytes by which resident memory may grow in the second half: by then the heap is as large as the largest pool makes it."""


class Model:
    """What a pool should do, in the plainest way."""

    def __init__(self, path: Path) -> None:
        engine = Engine(path)
        self._run, self._names = engine.session.run, [p.name for p in engine.manifest.outputs]
        self._states = engine.manifest.states
        self.streams: dict[int, tuple[dict[str, Array], int]] = {}

    def open(self, key: int, start: tuple[dict[str, Array], int] | None = None) -> None:
        self.streams[key] = start or ({s.input: np.zeros((1, *s.shape), np.float32) for s in self._states}, 0)

    def push(self, key: int, x: Array) -> Array:
        """x [F, T] -> y [n_out, T]."""
        states, steps = self.streams[key]
        y, *after = self._run(self._names, {"x": x[None], **states})
        self.streams[key] = dict(zip(states, after, strict=True)), steps + x.shape[1]
        result: Array = y[0]
        return result


class Soak:
    """A pool and its model under random operations."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.draw = np.random.default_rng(seed)
        self.pool, self.model = StreamPool(path, capacity=1), Model(path)
        self.kept: list[tuple[StateSnapshot, tuple[dict[str, Array], int]]] = []
        self.done: Counter[str] = Counter()
        self.most = STREAMS
        self.last = 0

    def run(self, operations: int) -> None:
        """As many operations; AssertionError at the first that differs."""
        shares = {"open": 8, "close": 7, "step": 30, "step_all": 10, "push": 12, "keep": 4, "bad": 6, "fail": 4, "look": 4}
        names, p = list(shares), np.array(list(shares.values())) / sum(shares.values())
        for name in self.draw.choice(names, operations, p=p).tolist():
            operation: Callable[[], None] = getattr(self, name)
            operation()
            self.done[name] += 1
            if self.draw.random() < 0.0005:
                self.most = STREAMS * int(self.draw.choice([1, 5]))
        self.look(everything=True)

    def some(self) -> list[int]:
        """Some of the streams, in any order."""
        keys: list[int] = self.draw.permutation(list(self.model.streams)).tolist()
        return keys[: int(self.draw.integers(1, 5))]

    def x(self, steps: int) -> Array:
        return self.draw.uniform(-1, 1, (3, steps)).astype(np.float32)

    # The operations

    def open(self) -> None:
        if len(self.model.streams) >= self.most:
            self.close()
            return
        self.last += 1
        if self.kept and self.draw.random() < 0.5:
            snapshot, start = self.kept[self.draw.integers(len(self.kept))]
            if self.draw.random() < 0.1:
                snapshot = StateSnapshot.from_bytes(snapshot.to_bytes())
            self.pool.open(self.last, snapshot)
            self.model.open(self.last, start)
        else:
            self.pool.open(self.last)
            self.model.open(self.last)

    def close(self) -> None:
        for key in self.some()[:1]:
            self.pool.close(key)
            del self.model.streams[key]

    def step(self) -> None:
        self._step(self.some())

    def step_all(self) -> None:
        keys = list(self.model.streams)
        self._step(keys if self.draw.random() < 0.5 else self.draw.permutation(keys).tolist())

    def _step(self, keys: list[int]) -> None:
        xs = {key: self.x(1)[:, 0] for key in keys}
        ys = self.pool.step(xs)
        assert list(ys) == keys
        for key, y in ys.items():
            assert np.array_equal(y, self.model.push(key, xs[key][:, None])[:, 0])

    def push(self) -> None:
        xs = {key: self.x(int(self.draw.integers(1, 8))) for key in self.some()}
        ys = self.pool.push(xs)
        assert list(ys) == list(xs)
        for key, y in ys.items():
            assert np.array_equal(y, self.model.push(key, xs[key]))

    def keep(self) -> None:
        for key in self.some()[:1]:
            self.kept.append((self.pool.snapshot(key), self.model.streams[key]))
        if len(self.kept) > 20:
            del self.kept[int(self.draw.integers(20))]

    def bad(self) -> None:
        """A call that does not fit; it names what is to blame."""
        keys = self.some() or [0]
        culprit = keys[int(self.draw.integers(len(keys)))]
        xs: dict[int, Any] = {key: self.x(2) for key in keys}
        wrong = [np.full((3, 2), np.nan), np.zeros((4, 2)), "text", np.zeros((3, 0))][self.draw.integers(4)]
        calls: list[tuple[Callable[[], object], type[RnnGraphError], str]] = [
            (lambda: self.pool.push({**xs, culprit: wrong}), InputError, f"stream {culprit}"),
            (lambda: self.pool.step({**{k: x[:, 0] for k, x in xs.items()}, culprit: wrong}), InputError, f"stream {culprit}"),
            (lambda: self.pool.step({**{k: x[:, 0] for k, x in xs.items()}, -1: np.zeros(3)}), InputError, "no stream"),
            (lambda: self.pool.close(-1), InputError, "no stream -1"),
            (lambda: self.pool.snapshot(-1), InputError, "no stream -1"),
            (lambda: self.pool.open(culprit), InputError, f"stream {culprit} is open"),
            (lambda: self.pool.open(-1, StateSnapshot({"state_00_h": np.zeros((1, 5))})), StateError, "another network"),
        ]
        if culprit in self.model.streams:
            refused(*calls[self.draw.integers(len(calls))])

    def fail(self) -> None:
        """A call at which onnxruntime fails."""
        keys = self.some()
        if keys:
            xs = {key: self.x(3) for key in keys}
            xs[keys[-1]][0, 2] = 2
            refused(lambda: self.pool.push(xs), StreamingError, "onnxruntime failed")
            refused(lambda: self.pool.step({key: x[:, 2] for key, x in xs.items()}), StreamingError, "onnxruntime failed")

    def look(self, everything: bool = False) -> None:
        """Keys, sizes and states."""
        pool, streams = self.pool, self.model.streams
        assert pool.keys() == list(streams)
        assert len(pool) == len(streams) <= pool.capacity
        for key in streams if everything else self.some()[:2]:
            assert key in pool
            snapshot, (states, steps) = pool.snapshot(key), streams[key]
            assert snapshot.steps == steps
            assert snapshot.states.keys() == states.keys()
            assert all(np.array_equal(array, states[name]) for name, array in snapshot.states.items())


def refused(call: Callable[[], object], kind: type[RnnGraphError], message: str) -> None:
    """The call raises this error."""
    try:
        call()
    except kind as error:
        if message in str(error):
            return
        raise
    raise AssertionError(f"{kind.__name__} {message!r} was not raised")


def resident() -> int:
    """Bytes of memory that the process has, less what the allocator holds back, on Linux; 0 elsewhere."""
    if not sys.platform.startswith("linux"):
        return 0
    gc.collect()
    with suppress(AttributeError):  # of other C libraries than glibc
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    """Run, and print what was done and how much memory it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(write(Path(folder) / "soak.onnx", Spec(fragile=True), golden=False), args.seed)
        held: list[int] = []
        for _ in range(10):
            soak.run(args.operations // 10)
            held.append(resident())
            passed = f"{sum(soak.done.values()):>9,} operations, {time.monotonic() - started:6.0f} s"
            print(f"{passed}, {held[-1] / 2**20:.1f} MiB", flush=True)
    grown = held[-1] - held[4]
    print(f"all outputs, states and errors as they should be: {dict(soak.done)}; memory grew by {grown / 2**20:.2f} MiB in the second half")
    if grown > ROOM:
        raise SystemExit(f"memory grew by more than {ROOM / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
