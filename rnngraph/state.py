"""The state of a stream: named arrays [N, ...] that live from one call to the next, and the rules for changing them. Needs numpy only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnngraph.errors import StateError
from rnngraph.names import shown
from rnngraph.runtime.snapshot import StateSnapshot as StateSnapshot

ALIASES = {"prevAct": "h", "prevMem": "c"}
"""DL4J's keys of a layer's state."""

Rows = int | Sequence[int] | np.ndarray | None


def stand_in(key: str) -> str | None:
    """The key of the same layer that stands for a state that only a mask brings: without one both are equal. None for other states.

    Of a layer that acts on stacked examples the keys end in a number.
    """
    head, _, part = key.partition("_")
    if head != "last" or (part and not part.isdecimal()):
        return None
    return f"h_{part}" if part else "h"


@dataclass(frozen=True)
class StateSpec:
    """One state: the graph input that takes it, the layer and key by which people know it, its shape behind the batch axis.

    ``initial`` is the number with which each element begins, or a row with which each row does. ``start`` is the name of what each row
    begins with instead, which may change: a network's parameter or buffer. ``default`` is the key of the layer that stands for this one
    where it is left out.
    """

    name: str
    layer: int
    key: str
    shape: tuple[int, ...]
    initial: float | tuple[float, ...] = 0.0
    default: str | None = None
    start: str | None = None


class StreamState:
    """The states of all layers of one network: {} before the first step, then one array [N, ...] for each.

    A layer is known by its index, and where ``names`` are given, by its name as well: the vertex of a graph, which messages then tell.

    Which values are taken follows from where they come from: what people write (:meth:`set`) and what a step in torch computed
    (:meth:`advance`) has to be finite; what was held before (:meth:`restore`) comes back as it was. A step of a file is not looked at,
    which would cost more than the check is worth: a state that overflows there shows in the output, and can be read, moved and cleared.

    ``steps`` counts the time steps since the stream began, masked ones too; None where it is not known. A row that begins anew alone does
    not change it.

    ``started`` gives the array that a spec's ``start`` names, as it is now; where no spec has one nobody asks.
    """

    def __init__(
        self,
        specs: Iterable[StateSpec],
        layer_types: Sequence[str],
        data_type: str,
        names: Sequence[str] | None = None,
        started: Callable[[str], np.ndarray] | None = None,
    ) -> None:
        self._specs = {s.name: s for s in specs}
        self._started = started
        self._types = list(layer_types)
        self._names = None if names is None else list(names)
        self._dtype = np.dtype(data_type)
        self._arrays: dict[str, np.ndarray] = {}
        self.steps: int | None = 0

    @property
    def batch(self) -> int | None:
        """The number of rows, None before the first step."""
        return next((len(a) for a in self._arrays.values()), None)

    def start(self, rows: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The arrays with which a call on ``rows`` rows begins, the initial ones at first. StateError where the held state has others."""
        if self.batch not in (None, rows):
            given = "x has" if self._names is None else "the inputs have"
            raise StateError(
                f"{given} {rows} rows, but the state that is held has {self.batch}: every row is a stream of its own; "
                "call rnn_clear_previous_state() before a batch of another size"
            )
        return {name: self._initial(self._specs[name], rows) for name in names}

    def initial(self, rows: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The arrays with which a sequence begins; what is held does not matter."""
        return {name: self._begun(self._specs[name], rows) for name in names}

    def _begun(self, spec: StateSpec, rows: int) -> np.ndarray:
        """The state of ``rows`` streams that begin."""
        return np.full((rows, *spec.shape), self._first_row(spec), self._dtype)

    def _first_row(self, spec: StateSpec) -> Any:
        """What each row begins with, or each element."""
        return spec.initial if spec.start is None or self._started is None else self._started(spec.start)

    def _initial(self, spec: StateSpec, rows: int) -> np.ndarray:
        """The held array, or that of the key that stands for it, or the initial one."""
        if spec.name in self._arrays:
            return self._arrays[spec.name]
        stand_in = next((s.name for s in self._layer(spec.layer) if s.key == spec.default), None)
        if stand_in in self._arrays:
            return self._arrays[stand_in]
        return self._begun(spec, rows)

    def keep(self, arrays: Mapping[str, np.ndarray], steps: int | None = None) -> None:
        """Hold these arrays from now on, in the place of all that were held; ``steps`` lie between (None: nobody knows how many)."""
        self._arrays = dict(arrays)
        self.steps = None if steps is None or self.steps is None else self.steps + steps

    def advance(self, arrays: Mapping[str, np.ndarray], steps: int | None = None) -> None:
        """Hold the states after ``steps``. StateError, and the state stays as it was, where one is not finite."""
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                spec = self._specs[name]
                value, row, place = _first(array, ~np.isfinite(array))
                raise StateError(
                    f"{self.label(spec.layer)} ({self._types[spec.layer]}): the next state {spec.key!r} is {value} at {place} "
                    f"({array.dtype} reaches {np.finfo(array.dtype).max:.3g}); the state stays as it was before the step. "
                    f"Feed smaller values, or begin the row anew with rnn_clear_previous_state(rows=[{row}])"
                )
        self.keep(arrays, steps)

    def clear(self, rows: Rows = None) -> None:
        """Forget the state, or let the given rows begin anew. StateError for rows that are not there."""
        if rows is None:
            self._arrays, self.steps = {}, 0
            return
        index = np.atleast_1d(_array(rows, f"rows={shown(rows)}"))
        if index.size == 0:
            return
        if index.dtype.kind not in "iu" or index.ndim != 1:
            raise StateError(f"rows={shown(rows)}: expected the number of a row, a list of them, or None for all")
        batch = self.batch or 0
        bad = [int(r) for r in index if not 0 <= r < batch]
        if bad:
            there = f"the state has rows 0 to {batch - 1}" if batch else "no state is held yet"
            raise StateError(f"rows={shown(rows)}: there is no row {bad[0]}; {there}")
        for name, held in self._arrays.items():
            changed = held.copy()
            changed[index] = self._first_row(self._specs[name])
            self._arrays[name] = changed

    def get(self, layer: int | str) -> dict[str, np.ndarray]:
        """Copies of a layer's states by key, {} before the first step."""
        specs = self._stateful(layer)
        return {s.key: self._arrays[s.name].copy() for s in specs if s.name in self._arrays}

    def set(self, layer: int | str, state: Mapping[str, np.ndarray]) -> None:
        """Replace a layer's states; where nothing was held, other layers begin with as many rows.

        Raises StateError for keys, shapes or values that do not fit, and for rows that differ from those that other layers hold.
        """
        specs = self._stateful(layer)
        where = self.label(specs[0].layer)
        given = _by_key(where, state, [s.key for s in specs])
        keys = {s.key for s in specs}
        needed = {s.key for s in specs if s.default is None}
        if not needed <= given.keys() <= keys:
            raise StateError(
                f"{where}: the state has the keys {_listed(state) or 'none'}, "
                f"expected {_listed(s.key for s in specs)} (or DL4J's {_listed(ALIASES)})"
            )
        arrays = {s.name: self._checked(s, given[s.key]) for s in specs if s.key in given}
        rows = [len(a) for a in arrays.values()]
        if len(set(rows)) > 1:
            raise StateError(f"{where}: the state has {_listed(rows)} rows in {_listed(given)}; expected the same number in each")
        others = {name: held for name, held in self._arrays.items() if self._specs[name].layer != specs[0].layer}
        held = {len(a) for a in others.values()}
        if held and held != set(rows):
            raise StateError(
                f"{where}: the state has {rows[0]} rows, other layers hold {_listed(held)}; "
                "call rnn_clear_previous_state() before setting states of another batch"
            )
        self._arrays, self.steps = {**others, **arrays}, None

    def snapshot(self, model: str | None = None) -> StateSnapshot:
        """The state now, as copies, of the network whose parameters have the sha-256 ``model``."""
        return StateSnapshot({name: held.copy() for name, held in self._arrays.items()}, model, self.steps)

    def restore(self, snapshot: StateSnapshot) -> None:
        """Go back to ``snapshot``, which stays as it is. StateError for one of other layers."""
        strange = sorted(set(snapshot.states) - set(self._specs))
        missing = sorted(n for n, s in self._specs.items() if s.default is None and n not in snapshot.states)
        if strange or (snapshot.states and missing):
            raise StateError(
                f"the snapshot has the states {_listed(snapshot.states)}, "
                f"this network has {_listed(self._specs)}; it was taken of another network"
            )
        arrays = {name: self._checked(self._specs[name], value, finite=False) for name, value in snapshot.states.items()}
        if len({len(a) for a in arrays.values()}) > 1:
            raise StateError(
                f"the snapshot's states have {_listed(len(a) for a in arrays.values())} rows; a snapshot has as many rows in each"
            )
        self._arrays, self.steps = arrays, snapshot.steps if arrays else 0

    def _checked(self, spec: StateSpec, value: np.ndarray, finite: bool = True) -> np.ndarray:
        """``value`` as a new array [N, ...] of the network's type, whose range it may not leave; ``finite`` also refuses inf and NaN."""
        where = f"{self.label(spec.layer)}, state {spec.key!r}"
        array = _array(value, where)
        if array.dtype.kind not in "fiu":
            raise StateError(f"{where}: it has the type {array.dtype}, expected {self._dtype}")
        if array.ndim == 0 or array.shape[1:] != spec.shape or not len(array):
            expected = ", ".join(["N", *map(str, spec.shape)])
            raise StateError(f"{where}: it has the shape {list(array.shape)}, expected [{expected}] with a row for each stream")
        with np.errstate(over="ignore"):  # what leaves the range becomes inf, and is told below
            made = array.astype(self._dtype)
        bad = ~np.isfinite(made) if finite else ~np.isfinite(made) & np.isfinite(array)
        if bad.any():
            value, _, place = _first(array, bad)
            reach = f" ({self._dtype} reaches {np.finfo(self._dtype).max:.3g})" if np.isfinite(value) else ""
            raise StateError(f"{where}: it is {value} at {place}; every value has to be finite{reach}")
        return made

    def _layer(self, layer: int) -> list[StateSpec]:
        return [s for s in self._specs.values() if s.layer == layer]

    def _stateful(self, layer: object) -> list[StateSpec]:
        """The specs of a layer that has states, by index or name; StateError for any other."""
        index = self.index_of(layer)
        specs = self._layer(index)
        if not specs:
            there = 0 <= index < len(self._types)
            what = f"{self.label(index)} is a {self._types[index]}, which has no state" if there else f"there is no layer {shown(layer)}"
            known = sorted({s.layer for s in self._specs.values()})
            listed = _listed(known if self._names is None else (repr(self._names[k]) for k in known))
            raise StateError(f"{what}; layers with state: {listed or 'none'}")
        return specs

    def index_of(self, layer: object) -> int:
        """The index of a layer, -1 for what is none."""
        if isinstance(layer, str) and self._names is not None and layer in self._names:
            return self._names.index(layer)
        return int(layer) if isinstance(layer, (int, np.integer)) else -1

    def label(self, layer: int) -> str:
        """The layer in messages."""
        return f"layers[{layer}]" if self._names is None else f"vertex {self._names[layer]!r}"


def _first(array: np.ndarray, bad: np.ndarray) -> tuple[Any, int, str]:
    """The first value of ``array`` where ``bad`` holds, its row, and its place in words."""
    row, *unit = np.argwhere(bad)[0].tolist()
    place = f", unit {unit[0] if len(unit) == 1 else unit}" if unit else ""
    return array[(row, *unit)], row, f"row {row}{place}"


def _by_key(where: str, state: object, keys: Sequence[str]) -> dict[str, Any]:
    """``state`` under rnngraph's keys; ``where`` names the layer. StateError where it is no mapping or has something twice."""
    if not isinstance(state, Mapping):
        example = ", ".join(f"{key!r}: [N, H]" for key in keys)
        raise StateError(f"{where}: the state is {shown(state)}; expected a mapping {{{example}}}, as rnn_get_previous_state gives")
    given: dict[Any, Any] = {}
    for name, value in state.items():
        key = ALIASES.get(name, name)
        if key in given:
            raise StateError(f"{where}: the state has {key!r} twice, as {_listed(n for n in state if ALIASES.get(n, n) == key)}; give one")
        given[key] = value
    return given


def _array(value: object, where: str) -> np.ndarray:
    """``value`` as an array. StateError for what is none."""
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise StateError(f"{where}: numpy cannot make an array of {shown(value)} ({error}); expected one array of numbers") from error


def _listed(items: Iterable[object]) -> str:
    return ", ".join(str(i) for i in items)
