"""The rows of a pool: the states of many streams as arrays [capacity, ...], and running one step of all or of some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnngraph.runtime.device import shared_value
from rnngraph.runtime.engine import Array, Engine, failed
from rnngraph.runtime.held import stream_state
from rnngraph.runtime.manifest import Port
from rnngraph.runtime.stepper import bind

BLOCK = 512
"""The most rows of one run: many enough to hide what a run costs, few enough that its intermediate results stay in the cache."""

UNKNOWN = np.iinfo(np.int64).min // 2
"""The number of steps of a stream of which it is not known: whatever is added to it, it stays below zero."""

_HELD, _NEXT, _GATHERED = range(3)


class Rows:
    """The states of up to ``capacity`` streams, and memory for one step of each.

    A step reads one set of states and writes another, so that one that fails leaves the states as they were. Where the first rows step, all
    of them, the two sets change places. Where others do, their states are first gathered in a third set, and scattered back afterwards; the
    rows between them are not touched. On the CPU onnxruntime works on this memory directly.
    """

    def __init__(self, engine: Engine, capacity: int) -> None:
        manifest = engine.manifest
        self._engine = engine
        self._states = manifest.states
        self._batch = manifest.batch
        self._size = manifest.batch or BLOCK
        self.capacity = -(-capacity // self._size) * self._size if manifest.batch else capacity
        self.given = {p.name: _array(p, self.capacity) for p in manifest.inputs if p.role != "state"}
        """Inputs and masks of one step; masks are ones."""
        self.made = {p.name: _array(p, self.capacity) for p in manifest.outputs if p.role == "output"}
        """The outputs of one step."""
        self.steps = np.zeros(self.capacity, np.int64)
        """How many steps each stream has had; see UNKNOWN."""
        for port in manifest.ports("mask"):
            self.given[port.name][...] = 1
        begun, names = stream_state(manifest), [s.input for s in self._states]
        self._sets = [begun.initial(self.capacity, names) for _ in range(3)]
        self._bindings: dict[tuple[int, int, int, int], Any] = {}
        self._order = [_HELD, _NEXT, _GATHERED]
        self._run = engine.session._sess.run_with_iobinding  # as in Stepper

    @property
    def _held(self) -> dict[str, Array]:
        return self._sets[self._order[_HELD]]

    # The states of single streams

    def begin(self, row: int, states: Mapping[str, Array], steps: int | None) -> None:
        """Let a stream begin in ``row`` with states [1, ...] after ``steps`` steps."""
        for name, array in self._held.items():
            array[row] = states[name][0]
        self.steps[row] = UNKNOWN if steps is None else steps

    def move(self, source: int, target: int) -> None:
        """Put the stream of one row into another."""
        for array in self._held.values():
            array[target] = array[source]
        self.steps[target] = self.steps[source]

    def copied(self, index: Array) -> dict[str, Array]:
        """Copies of the states of the rows ``index``, by the names of the inputs."""
        return {name: array[index] for name, array in self._held.items()}

    def keep(self, index: Array, states: Mapping[str, Array], steps: Any) -> None:
        """Hold the states of the rows ``index`` after ``steps`` steps."""
        for name, array in self._held.items():
            array[index] = states[name]
        self.steps[index] += steps

    def steps_of(self, row: int) -> int | None:
        """How many steps a stream has had, None where that is not known."""
        steps = int(self.steps[row])
        return None if steps < 0 else steps

    def grown(self) -> Rows:
        """Twice the rows, the first half with the streams of these."""
        more = Rows(self._engine, 2 * self.capacity)
        for name, array in self._held.items():
            more._held[name][: self.capacity] = array
        more.steps[: self.capacity] = self.steps
        return more

    # Steps

    def step_first(self, count: int) -> None:
        """One step of the first ``count`` rows, whose inputs and outputs stand in the same rows. StreamingError as of a session."""
        held, following, gathered = self._order
        self._through(count, held, following)
        self._order = [following, held, gathered]
        self.steps[:count] += 1

    def step_some(self, index: Array) -> None:
        """One step of the rows ``index``, whose inputs and outputs stand in the first rows, in the order of ``index``."""
        held, following, gathered = self._order
        count = len(index)
        for name, array in self._sets[held].items():
            array.take(index, 0, self._sets[gathered][name][:count], "clip")  # "raise" would write to memory of its own first
        self._through(count, gathered, following)
        for name, array in self._sets[held].items():
            array[index] = self._sets[following][name][:count]
        self.steps[index] += 1

    def _through(self, count: int, source: int, target: int) -> None:
        """Run the first ``count`` rows in blocks, from the states of one set into another."""
        if self._batch is not None:
            for port in self._engine.manifest.ports("input"):
                self.given[port.name][count:] = 0  # a fixed batch computes these rows too, and zeros are right for every input
        run = self._run_bound if self._engine.device == "cpu" else self._run_copied
        for start in range(0, count, self._size):
            run(source, target, start, start + self._size if self._batch else min(count, start + self._size))

    def _run_bound(self, source: int, target: int, start: int, stop: int) -> None:
        key = (source, target, start, stop)
        binding = self._bindings.get(key)
        if binding is None:
            binding = self._bound(*key)
            if len(self._bindings) > 16 * (1 + self.capacity // self._size):
                self._bindings.clear()  # rather than one for each number of rows that ever stepped
            self._bindings[key] = binding
        try:
            self._run(binding, None)
        except Exception as error:
            raise failed(error) from error

    def _bound(self, source: int, target: int, start: int, stop: int) -> Any:
        following = {s.output: self._sets[target][s.input] for s in self._states}
        arrays = {**self.given, **self.made, **self._sets[source], **following}
        return bind(self._engine, {name: shared_value(array[start:stop]) for name, array in arrays.items()})

    def _run_copied(self, source: int, target: int, start: int, stop: int) -> None:
        """As :meth:`_run_bound` on another device, which does not see this memory."""
        results = self._engine.run({name: a[start:stop] for name, a in {**self.given, **self._sets[source]}.items()})
        for name, array in self.made.items():
            array[start:stop] = results[name]
        for state in self._states:
            self._sets[target][state.input][start:stop] = results[state.output]


def _array(port: Port, rows: int) -> Array:
    """An array for one step of ``rows`` rows, whatever batch the file has."""
    return np.zeros([rows, *(d if isinstance(d, int) else 1 for d in port.shape[1:])], port.data_type)
