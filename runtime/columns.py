"""What callers give a pool: for each stream a step or a chunk, checked and put together, one column for each input of the file."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnngraph.checks import as_numeric, ready
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.runtime.engine import Array
from rnngraph.runtime.manifest import FullPort, Manifest
from rnngraph.several import one_for_each

Keys = Sequence[Hashable]


@dataclass(frozen=True)
class Chunks:
    """Chunks of several streams: ``arrays`` by input, of a series [..., S] with one chunk behind the other, else [n, ...].

    ``lengths`` says how many steps each stream has.
    """

    arrays: Mapping[str, Array]
    lengths: Array


class Columns:
    """All inputs of the file ``path``. Each method raises InputError, which names the stream, for what does not fit."""

    def __init__(self, manifest: Manifest, path: str) -> None:
        ports = manifest.ports("input")
        self._path = path
        self._names = [p.name for p in ports]
        self._columns = [Column(p, f"input {p.name!r}" if manifest.is_graph else "x") for p in ports]
        self._graph = manifest.is_graph

    def steps(self, keys: Keys, values: Sequence[Any], given: Mapping[str, Array]) -> None:
        """Write one step of each stream into the first rows of ``given``."""
        for column, some in zip(self._columns, self._split(keys, values), strict=True):
            column.steps(keys, some, given[column.name][: len(keys)])

    def chunks(self, keys: Keys, values: Sequence[Any]) -> Chunks:
        """The chunks of all streams."""
        arrays: dict[str, Array] = {}
        first: tuple[str, Array] | None = None
        for column, some in zip(self._columns, self._split(keys, values), strict=True):
            if not column.timed:
                arrays[column.name] = np.empty((len(keys), *column.shape), column.data_type)
                column.steps(keys, some, arrays[column.name])
                continue
            arrays[column.name], lengths = column.chunks(keys, some)
            first = first or (column.label, lengths)
            differ = np.flatnonzero(lengths != first[1])
            if differ.size:
                k = differ[0]
                raise InputError(
                    f"stream {shown(keys[k])}: {first[0]} has {first[1][k]} time steps, {column.label} {lengths[k]}; a chunk has equally "
                    "many of each"
                )
        if first is None:
            raise InputError(f"{self._path} has no input with a time axis, so that there are no chunks; use step")
        return Chunks(arrays, first[1])

    def _split(self, keys: Keys, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The values of each input."""
        if not self._graph:
            return [values]
        each = [one_for_each(value, self._names, f"stream {shown(key)}: x", self._path) for key, value in zip(keys, values, strict=True)]
        return list(zip(*each, strict=True))


class Column:
    """One input of the file, which messages call ``label``.

    ``shape`` is that of one step of one stream: (F,), of images (C, H, W), of ids ().
    """

    def __init__(self, port: FullPort, label: str) -> None:
        self.name, self.label, self.data_type, self.ids = port.name, label, port.data_type, port.ids
        self.timed = port.time_axis is not None
        shape = port.shape[1:-1] if self.timed else port.shape[1:]
        self.shape: tuple[int, ...] = () if port.ids is not None else tuple(d for d in shape if isinstance(d, int))
        self._forms = {self.shape, (math.prod(self.shape),)}
        """In which shapes a step may be given: images and ids as one axis too."""

    def steps(self, keys: Keys, values: Sequence[Any], rows: Array) -> None:
        """Write one step of each stream into ``rows``, in their order."""
        rows = rows.reshape(len(keys), *self.shape)  # a view, without the time axis
        if not self._together(values, rows):
            for k, (key, value) in enumerate(zip(keys, values, strict=True)):
                rows[k] = self._one(key, value, step=True)
        good = self._good(rows)
        if np.count_nonzero(good) != good.size:
            k, *place = np.argwhere(~good)[0].tolist()
            raise InputError(self._bad(keys[k], rows[(k, *place)], place))

    def chunks(self, keys: Keys, values: Sequence[Any]) -> tuple[Array, Array]:
        """The chunks one behind the other [..., S], and the length of each."""
        arrays = [self._one(key, value, step=False) for key, value in zip(keys, values, strict=True)]
        lengths = np.array([array.shape[-1] for array in arrays], np.intp)
        joined: Array = np.concatenate(arrays, -1)
        good = self._good(joined)
        if np.count_nonzero(good) != good.size:
            *place, step = np.argwhere(~good)[0].tolist()
            k = int(np.searchsorted(np.cumsum(lengths), step, "right"))
            value = joined[(*place, step)]
            raise InputError(self._bad(keys[k], value, place, step - int(lengths[:k].sum())))
        return joined, lengths

    def _together(self, values: Sequence[Any], rows: Array) -> bool:
        """Write arrays that are as they should be all at once; False where they have to be looked at one by one."""
        if self.ids is not None:
            array = np.array(values) if {type(v) for v in values} <= {int, np.int64} else np.empty(0)
            if array.shape != rows.shape or array.dtype != np.int64:
                return False
            rows[...] = array
            return True
        if set(map(type, values)) != {np.ndarray} or {v.shape for v in values} != {self.shape}:
            return False
        into = rows.reshape(-1, *self.shape[1:])
        with suppress(TypeError):
            np.concatenate(values, out=into, casting="equiv")
            return True
        with suppress(TypeError), np.errstate(over="ignore"):  # what is beyond the range becomes inf, which is told
            np.concatenate(values, out=into, casting="same_kind")
            return True
        return False

    def _one(self, key: Hashable, value: Any, step: bool) -> Array:
        """The step or chunk of one stream in the shape and type of the file; its values are not looked at, but for ids."""
        name = f"stream {shown(key)}: {self.label}"
        array = as_numeric(value, name)
        if array.ndim < (not step) or not array.size or (array.shape if step else array.shape[:-1]) not in self._forms:
            raise InputError(self._shape_message(name, array.shape, step))
        if self.ids is not None:
            array = self._as_ids(key, array)
        array = ready(array, self.data_type)
        return array.reshape(self.shape if step else (*self.shape, -1))

    def _as_ids(self, key: Hashable, array: Array) -> Array:
        """Ids as integers. InputError for numbers that are none."""
        with np.errstate(invalid="ignore"):
            ids = array.astype(np.int64)
        if not np.array_equal(ids, array):
            value = array[ids != array].flat[0]
            raise InputError(self._bad(key, value, []))
        return ids

    def _good(self, array: Array) -> Array:
        """Where values are what the network can take."""
        good: Array = np.isfinite(array) if self.ids is None else (array >= 0) & (array < self.ids)
        return good

    def _bad(self, key: Hashable, value: Any, place: Sequence[int], step: int | None = None) -> str:
        where = [f"step {step}"] * (step is not None)
        if self.ids is not None:
            at = f" at {where[0]}" if where else ""
            return (
                f"stream {shown(key)}: {self.label} is {value}{at}; the network's embedding has the ids 0 to {self.ids - 1}, whole numbers"
            )
        axes = ("feature",) if len(place) == 1 else ("channel", "line", "column")
        where = [f"{axis} {k}" for axis, k in zip(axes, place, strict=True)] + where
        reach = "" if np.isnan(value) else f" ({self.data_type} reaches {np.finfo(self.data_type).max:.3g})"
        told = f"stream {shown(key)}: {self.label} is {value}{reach} at {', '.join(where)}"
        return f"{told}; every value has to be finite: leave a stream out where it has no data"

    def _shape_message(self, name: str, given: tuple[int, ...], step: bool) -> str:
        wanted = [*map(str, self.shape), *["T"] * (not step)]
        what = f"[{', '.join(wanted)}]" if wanted else "a number"
        if self.ids is not None:
            what += ", an id" if step else " of ids"
        message = f"{name} has shape {list(given)}; expected {what}"
        if step:
            return f"{message}, one step of one stream" + ("; push takes several" if self.timed else "")
        if len(self.shape) == 1 and given[1:] == self.shape:
            return f"{message}. If it is [T, F], give its transpose"
        return f"{message}, at least one step of one stream"
