"""The state of a stream: named arrays [N, ...] that live from one call to the next, and the rules for changing them. Needs numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnngraph.errors import StateError

ALIASES = {"prevAct": "h", "prevMem": "c"}
"""DL4J's keys of a layer's state."""

Rows = int | Sequence[int] | np.ndarray | None


@dataclass(frozen=True)
class StateSpec:
    """One state: the graph input that takes it, the layer and key by which people know it, its shape behind the batch axis.

    ``initial`` is the number with which each element begins. ``default`` is the key of the layer that stands for this one where it is
    left out.
    """

    name: str
    layer: int
    key: str
    shape: tuple[int, ...]
    initial: float = 0.0
    default: str | None = None

    def begin(self, rows: int, data_type: np.dtype[Any]) -> np.ndarray:
        """The state of ``rows`` streams that begin."""
        return np.full((rows, *self.shape), self.initial, data_type)


@dataclass(frozen=True)
class StateSnapshot:
    """A stream's state at one moment: arrays [N, ...] by state name; empty before the first step."""

    states: Mapping[str, np.ndarray] = field(default_factory=dict)


class StreamState:
    """The states of all layers of one network: {} before the first step, then one array [N, ...] for each."""

    def __init__(self, specs: Iterable[StateSpec], layer_types: Sequence[str], data_type: str) -> None:
        self._specs = {s.name: s for s in specs}
        self._types = list(layer_types)
        self._dtype = np.dtype(data_type)
        self._arrays: dict[str, np.ndarray] = {}

    @property
    def batch(self) -> int | None:
        """The number of rows, None before the first step."""
        return next((len(a) for a in self._arrays.values()), None)

    def start(self, rows: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The arrays with which a call on ``rows`` rows begins, the initial ones at first. StateError where the held state has others."""
        if self.batch not in (None, rows):
            raise StateError(
                f"x has {rows} rows, but the state that is held has {self.batch}: every row is a stream of its own; "
                "call rnn_clear_previous_state() before a batch of another size"
            )
        return {name: self._initial(self._specs[name], rows) for name in names}

    def initial(self, rows: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The arrays with which a sequence begins; what is held does not matter."""
        return {name: self._specs[name].begin(rows, self._dtype) for name in names}

    def _initial(self, spec: StateSpec, rows: int) -> np.ndarray:
        """The held array, or that of the key that stands for it, or the initial one."""
        if spec.name in self._arrays:
            return self._arrays[spec.name]
        stand_in = next((s.name for s in self._layer(spec.layer) if s.key == spec.default), None)
        if stand_in in self._arrays:
            return self._arrays[stand_in]
        return spec.begin(rows, self._dtype)

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Hold these arrays from now on, in the place of all that were held."""
        self._arrays = dict(arrays)

    def clear(self, rows: Rows = None) -> None:
        """Forget the state, or let the given rows begin anew. StateError for rows that are not there."""
        if rows is None:
            self._arrays = {}
            return
        index = np.atleast_1d(np.asarray(rows))
        if index.size == 0:
            return
        if index.dtype.kind not in "iu" or index.ndim != 1:
            raise StateError(f"rows={rows!r}: expected the number of a row, a list of them, or None for all")
        batch = self.batch or 0
        bad = [int(r) for r in index if not 0 <= r < batch]
        if bad:
            there = f"the state has rows 0 to {batch - 1}" if batch else "no state is held yet"
            raise StateError(f"rows={rows!r}: there is no row {bad[0]}; {there}")
        for name, held in self._arrays.items():
            changed = held.copy()
            changed[index] = self._specs[name].initial
            self._arrays[name] = changed

    def get(self, layer: int) -> dict[str, np.ndarray]:
        """Copies of a layer's states by key, {} before the first step."""
        specs = self._stateful(layer)
        return {s.key: self._arrays[s.name].copy() for s in specs if s.name in self._arrays}

    def set(self, layer: int, state: Mapping[str, np.ndarray]) -> None:
        """Replace a layer's states; where nothing was held, other layers begin with as many rows.

        Raises StateError for keys, shapes or values that do not fit, and for rows that differ from those that other layers hold.
        """
        specs = self._stateful(layer)
        given = {ALIASES.get(key, key): value for key, value in state.items()}
        keys = {s.key for s in specs}
        needed = {s.key for s in specs if s.default is None}
        if not needed <= given.keys() <= keys:
            raise StateError(
                f"layers[{layer}]: the state has the keys {_listed(state)}, "
                f"expected {_listed(s.key for s in specs)} (or DL4J's {_listed(ALIASES)})"
            )
        arrays = {s.name: self._checked(s, given[s.key]) for s in specs if s.key in given}
        others = {name: held for name, held in self._arrays.items() if self._specs[name].layer != layer}
        counts = {len(a) for a in [*arrays.values(), *others.values()]}
        if len(counts) > 1:
            raise StateError(
                f"layers[{layer}]: the state has {_listed(sorted({len(a) for a in arrays.values()}))} rows, "
                f"other layers hold {_listed(sorted({len(a) for a in others.values()}))}; "
                "call rnn_clear_previous_state() before setting states of another batch"
            )
        self._arrays = {**others, **arrays}

    def snapshot(self) -> StateSnapshot:
        """The state now, as copies."""
        return StateSnapshot({name: held.copy() for name, held in self._arrays.items()})

    def restore(self, snapshot: StateSnapshot) -> None:
        """Go back to ``snapshot``, which stays as it is. StateError for one of another network."""
        strange = sorted(set(snapshot.states) - set(self._specs))
        missing = sorted(n for n, s in self._specs.items() if s.default is None and n not in snapshot.states)
        if strange or (snapshot.states and missing):
            raise StateError(
                f"the snapshot has the states {_listed(snapshot.states)}, "
                f"this network has {_listed(self._specs)}; it was taken of another network"
            )
        arrays = {name: self._checked(self._specs[name], value) for name, value in snapshot.states.items()}
        if len({len(a) for a in arrays.values()}) > 1:
            raise StateError(
                f"the snapshot's states have {_listed(len(a) for a in arrays.values())} rows; a snapshot has as many rows in each"
            )
        self._arrays = arrays

    def _checked(self, spec: StateSpec, value: np.ndarray) -> np.ndarray:
        """``value`` as a new array [N, ...] of the network's type."""
        array = np.asarray(value)
        where = f"layers[{spec.layer}], state {spec.key!r}"
        if array.dtype.kind not in "fiu":
            raise StateError(f"{where}: it has the type {array.dtype}, expected {self._dtype}")
        if array.ndim == 0 or array.shape[1:] != spec.shape or not len(array):
            expected = ", ".join(["N", *map(str, spec.shape)])
            raise StateError(f"{where}: it has the shape {list(array.shape)}, expected [{expected}] with a row for each stream")
        if not np.isfinite(array).all():
            row, *unit = np.argwhere(~np.isfinite(array))[0].tolist()
            place = f", unit {unit[0] if len(unit) == 1 else unit}" if unit else ""
            raise StateError(f"{where}: it is {array[(row, *unit)]} at row {row}{place}; every value has to be finite")
        return array.astype(self._dtype)

    def _layer(self, layer: int) -> list[StateSpec]:
        return [s for s in self._specs.values() if s.layer == layer]

    def _stateful(self, layer: object) -> list[StateSpec]:
        """The specs of a layer that has states; StateError for any other."""
        index = int(layer) if isinstance(layer, (int, np.integer)) else -1
        specs = self._layer(index)
        if not specs:
            there = 0 <= index < len(self._types)
            what = f"layers[{index}] is a {self._types[index]}, which has no state" if there else f"there is no layer {layer!r}"
            raise StateError(f"{what}; layers with state: {_listed(sorted({s.layer for s in self._specs.values()})) or 'none'}")
        return specs


def _listed(items: Iterable[object]) -> str:
    return ", ".join(str(i) for i in items)
