"""Sequences in a data frame, of pandas, polars or whatever gives columns by name: one row is one time step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from rnngraph.data.record_reader import SequenceRecordReader, placed
from rnngraph.errors import InputError
from rnngraph.names import nearest, shown
from rnngraph.spelling import spelled


class Frame(Protocol):
    """What is used of a frame: its columns' names, and a column by its name, of which ``np.asarray`` makes an array."""

    @property
    def columns(self) -> Iterable[Any]:
        """Their names."""

    def __getitem__(self, name: str, /) -> Any: ...


class DataFrameSequenceRecordReader(SequenceRecordReader):
    """Reads one sequence for each value in the column ``sequence`` of a frame, in the order in which the values first appear.

    Rows with that value are its steps, in the frame's order. ``columns`` are those that are read, by default all others; label_index and
    messages count them from 0. Missing values are NaN. The numbers are copied once, as float32.

    Raises InputError for a column that is not there or holds no numbers, and for a frame without rows.
    """

    @spelled
    def __init__(self, frame: Frame, sequence: str, columns: Sequence[str] | None = None) -> None:
        if not hasattr(frame, "columns") or not hasattr(frame, "__getitem__"):
            raise InputError(f"frame is a {type(frame).__name__}; expected a data frame, which has columns by name")
        names = [str(name) for name in frame.columns]
        wanted = [name for name in names if name != sequence] if columns is None else columns
        if isinstance(wanted, str) or not wanted:
            raise InputError(f"columns is {shown(wanted)}; expected a list with the names of one column at least besides {sequence!r}")
        for name in (sequence, *wanted):
            if name not in names:
                near = f"did you mean {nearest(str(name), names)[0]!r}? " if nearest(str(name), names) else ""
                raise InputError(f"the frame has no column {name!r}; {near}it has {', '.join(names)}")
        self.columns = list(wanted)
        self._names, self._rows = _groups(np.asarray(frame[sequence]), sequence)
        self._table = np.stack([_numbers(frame[name], name) for name in wanted], axis=1)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """As the base class says."""
        return [self._table[self._rows[index]] for index in indices]

    def place(self, index: int, step: int | None = None, column: int | None = None) -> str:
        """As the base class says; a column by its name."""
        where = placed(f"sequence {self._names[index]!r} of the frame", step, None)
        return where if column is None else f"{where}, column {self.columns[column]!r}"


def _groups(keys: np.ndarray, name: str) -> tuple[list[Any], list[np.ndarray]]:
    """Each value as it first appears, and the rows that have it."""
    if not len(keys):
        raise InputError("the frame has no rows; expected one at least for each sequence")
    try:
        values, first, group = np.unique(keys, return_index=True, return_inverse=True)
    except TypeError:
        raise InputError(f"column {name!r} holds values that cannot be compared; expected numbers or text, none missing") from None
    order = np.argsort(first)
    rows = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    return values[order].tolist(), [rows[k] for k in order]


def _numbers(column: Any, name: str) -> np.ndarray:
    """A column as float32."""
    array = np.asarray(column)
    try:
        with np.errstate(over="ignore"):  # what becomes infinite is told by whoever takes it
            return array.astype(np.float32)
    except (TypeError, ValueError):
        raise InputError(
            f"column {name!r} is {array.dtype}, of which not all are numbers; expected numbers: leave it out of columns, or convert it"
        ) from None
