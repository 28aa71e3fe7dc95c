"""StreamPool: many independent streams, stepped together as the rows of one batch."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from rnngraph.errors import InputError, StateError, StreamingError
from rnngraph.names import shown
from rnngraph.runtime.columns import Columns
from rnngraph.runtime.device import Device
from rnngraph.runtime.engine import Array, Engine, Opened
from rnngraph.runtime.held import fitting, stream_state
from rnngraph.runtime.ragged import run_chunks
from rnngraph.runtime.rows import Rows
from rnngraph.runtime.snapshot import StateSnapshot
from rnngraph.runtime.stepper import without
from rnngraph.spelling import spelled

Key = Hashable
"""What a caller calls a stream."""
K = TypeVar("K", bound=Hashable)
Outputs = Any
"""An array; of a graph a list of them."""


class StreamPool(Opened):
    """Streams of the file ``path`` under keys of the caller's: they begin, step, pause and end independently of each other.

    All that step in one call are rows of one batch, which takes a fraction of the time of a session for each. On the CPU each stream gives
    the bits that a session of its own would give. A stream that a call leaves out keeps its state. Every call checks what it is given, and
    one that fails leaves all streams as they were. Threads may share a pool: their calls follow each other in some order.

    Of one stream x is [F], of images [C, H, W] or [C · H · W], an id a number; the file of a graph takes a list of them in the order of its
    inputs, or a mapping by name, and gives a list. A file with a mask input gets a mask of ones.

    device, threads: as of StreamingSession. capacity: of how many streams the memory is taken at first; it doubles as they come.
    ``manifest`` tells what the file takes and gives, ``device`` where it runs ("cpu" or "cuda").

    Errors as of StreamingSession; StreamingError for a file that cannot stream.
    """

    @spelled
    def __init__(self, path: str | os.PathLike[str], device: Device = "cpu", threads: int = 1, capacity: int = 16) -> None:
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            raise InputError(f"capacity={shown(capacity)}: expected a whole number of at least 1")
        self._engine = Engine(path, device, threads)
        if not self.manifest.streams:
            raise StreamingError(
                f"{self.path} cannot be fed step by step: {self.manifest.why_not}; StreamingSession.output computes whole sequences"
            )
        self._lock = Lock()
        self._columns = Columns(self.manifest, self.path)
        self._outputs = self.manifest.ports("output")
        self._rows = Rows(self._engine, capacity)
        # The streams by row, and the row of each: where one ends, the last takes its place, so that there are no gaps.
        self._keys: list[Key] = []
        self._places: dict[Key, int] = {}
        # The keys of the last call, their rows, and whether these are all rows in their order.
        self._last: tuple[Sequence[Key], Array, bool] | None = None

    @property
    def capacity(self) -> int:
        """For how many streams there is memory now."""
        return self._rows.capacity

    def __repr__(self) -> str:
        return f"StreamPool({self.path!r}, {len(self)} of {self.capacity} streams open, device={self.device!r})"

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys())

    def keys(self) -> list[Key]:
        """The streams that are open."""
        return list(self._places)

    # Opening and closing

    @spelled
    def open(self, key: Key, snapshot: StateSnapshot | None = None) -> None:
        """Begin a stream, or go on with one from ``snapshot``, of this or another pool, or of a session or network with one row.

        InputError: the key is open already, or cannot be one. StateError: a snapshot of another network, or of several rows.
        """
        states, steps = self._start(snapshot)
        with self._lock:
            if checked_key(key) in self._places:
                raise InputError(f"stream {shown(key)} is open already; close it first, or open another key")
            count = len(self._keys)
            if count == self._rows.capacity:
                self._rows = self._rows.grown()
            self._rows.begin(count, states, steps)
            self._keys.append(key)
            self._places[key] = count
            self._last = None

    def close(self, key: Key) -> None:
        """End a stream and forget its state. InputError: it is not open."""
        with self._lock:
            row, last = self._row(key), len(self._keys) - 1
            self._last = None
            if row != last:
                self._rows.move(last, row)
                self._keys[row] = self._keys[last]
                self._places[self._keys[row]] = row
            del self._keys[last], self._places[key]

    def snapshot(self, key: Key) -> StateSnapshot:
        """The state of a stream now, as copies with one row: for :meth:`open`, or for a session. InputError: it is not open."""
        with self._lock:
            row = self._row(key)
            states = self._rows.copied(np.array([row]))
            return StateSnapshot(states, self.manifest.parameters_sha256, self._rows.steps_of(row))

    def _start(self, snapshot: StateSnapshot | None) -> tuple[dict[str, Array], int | None]:
        """The states [1, ...] with which a stream begins, and how many steps it has had."""
        state = stream_state(self.manifest)
        if snapshot is not None:
            state.restore(fitting(snapshot, self.manifest, self.path, "open it in a pool of the file that it came from"))
        if state.batch not in (None, 1):
            raise StateError(
                f"the snapshot has {state.batch} rows, and a stream of a pool is one row: open one for each, with "
                "StateSnapshot({name: array[row : row + 1] for name, array in snapshot.states.items()}, snapshot.model, snapshot.steps)"
            )
        return state.start(1, [s.input for s in self.manifest.states]), state.steps

    # Computing

    def step(self, xs: Mapping[K, Any]) -> dict[K, Outputs]:
        """The next step of some streams or of all: {key: x [F]} -> {key: y [n_out]}, in new arrays, which share their memory.

        Of a graph {key: [x0, x1]} -> {key: [y0, ...]}. InputError: a key is not open, or an x does not fit, which the message names.
        StreamingError: onnxruntime failed; the same call can be made again.
        """
        keys, values = _given(xs)
        if not keys:
            return {}
        with self._lock:
            index, all_in_order = self._find(keys)
            self._columns.steps(keys, values, self._rows.given)
            if all_in_order:
                self._rows.step_first(len(keys))
            else:
                self._rows.step_some(index)
            ys = [without(self._rows.made[p.name][: len(keys)], p.time_axis).copy() for p in self._outputs]
        return self._by_key(keys, [list(y) for y in ys])

    def push(self, chunks: Mapping[K, Any]) -> dict[K, Outputs]:
        """The next steps of some streams or of all, of each as many as it has: {key: x [F, T]} -> {key: y [n_out, T]}, in new arrays.

        Ids: [T]. Where the output has no time axis it is [n_out], after the last step. Of a graph {key: [x0, x1]} -> {key: [y0, ...]}, the
        series of one stream equally long. Errors as of :meth:`step`.
        """
        keys, values = _given(chunks)
        if not keys:
            return {}
        with self._lock:
            index, _ = self._find(keys)
            checked = self._columns.chunks(keys, values)
            states = self._rows.copied(index)
            outputs = run_chunks(self._engine, checked, states)
            self._rows.keep(index, states, checked.lengths)
        ends = np.cumsum(checked.lengths)[:-1]
        parts = (list(outputs[p.name]) if p.time_axis is None else np.split(outputs[p.name], ends, -1) for p in self._outputs)
        return self._by_key(keys, [[np.ascontiguousarray(y) for y in ys] for ys in parts])

    def _by_key(self, keys: list[K], outputs: list[list[Array]]) -> dict[K, Outputs]:
        """The outputs, of each one array a stream, by the streams' keys."""
        if self.manifest.is_graph:
            return dict(zip(keys, map(list, zip(*outputs, strict=True)), strict=True))
        return dict(zip(keys, outputs[0], strict=True))

    # Keys and rows

    def _find(self, keys: list[K]) -> tuple[Array, bool]:
        """The rows of ``keys``, and whether these are all streams in the order of their rows."""
        if self._last is None or self._last[0] != keys:
            try:
                index = np.fromiter(map(self._places.__getitem__, keys), np.intp, len(keys))
            except KeyError:
                index = np.array([self._row(key) for key in keys])
            self._last = keys, index, len(keys) == len(self._keys) and np.array_equal(index, np.arange(len(keys)))
        return self._last[1:]

    def _row(self, key: Key) -> int:
        """The row of a stream. InputError: it is not open."""
        row = self._places.get(checked_key(key))
        if row is None:
            some = ", ".join(map(shown, self._keys[:5])) + ", ..." * (len(self._keys) > 5)
            raise InputError(f"there is no stream {shown(key)}; open({shown(key)}) begins it. Open are: {some or 'none'}")
        return row


def _given(xs: Mapping[K, Any]) -> tuple[list[K], list[Any]]:
    """Keys and values of what was given for the streams."""
    given: object = xs
    if not isinstance(given, Mapping):
        raise InputError(f"expected a mapping from the keys of streams to what each is fed, got {shown(xs)}")
    return list(xs), list(xs.values())


def checked_key(key: Key) -> Key:
    """``key``. InputError for what cannot be one."""
    try:
        hash(key)
    except TypeError:
        what = f"{shown(key)} cannot be the key of a stream: {type(key).__name__} has no hash"
        raise InputError(f"{what}; give a string or a number") from None
    return key
