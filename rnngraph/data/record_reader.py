"""What gives sequences by their number: the base of readers, and one of arrays in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric
from rnngraph.errors import InputError
from rnngraph.spelling import Spelled, spelled

Tables = list[np.ndarray] | np.ndarray
"""Sequences [T_k, columns], in a list, or as one array [N, T, columns]."""


class SequenceRecordReader(Spelled):
    """Base of readers: ``len`` is the number of sequences, iterating gives them as float32 [T, columns] and starts anew each time.

    A reader of your own has ``__len__``, :meth:`read` and, for messages, :meth:`place`.
    """

    def __len__(self) -> int:
        raise NotImplementedError

    def read(self, indices: Sequence[int]) -> Tables:
        """The sequences with these numbers, counted from 0. InputError for one that cannot be read. It may be called in another thread."""
        raise NotImplementedError

    def place(self, index: int, step: int | None = None, column: int | None = None) -> str:
        """What messages call a sequence, one of its steps, or a column in that; all count from 0."""
        return placed(f"sequence {index}", step, column)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.read([index])[0] for index in range(len(self)))


class CollectionSequenceRecordReader(SequenceRecordReader):
    """Sequences in memory, a list of arrays [T, columns], one a step [T] accepted; to align them as those of files.

    Raises InputError that names the sequence which is none, or is empty.
    """

    @spelled
    def __init__(self, sequences: Sequence[ArrayLike]) -> None:
        if not hasattr(sequences, "__len__"):
            raise InputError(
                f"sequences is a {type(sequences).__name__}, which has no length; expected a list of arrays: give list(sequences)"
            )
        self._arrays = [as_table(one, f"sequences[{k}]").copy() for k, one in enumerate(sequences)]
        if not self._arrays:
            raise InputError("sequences is empty; expected at least one array [T, columns]")

    def __len__(self) -> int:
        return len(self._arrays)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """As the base class says."""
        return [self._arrays[index] for index in indices]

    def place(self, index: int, step: int | None = None, column: int | None = None) -> str:
        """As the base class says."""
        return placed(f"sequences[{index}]", step, column)


def placed(what: str, step: int | None, column: int | None) -> str:
    """``what`` with the step and the column in it."""
    return what + ("" if step is None else f", step {step}") + ("" if column is None else f", column {column}")


def are_tables(given: Tables) -> bool:
    """Whether they are float32 [T, columns] already, none of them empty."""
    if isinstance(given, np.ndarray):
        return type(given) is np.ndarray and given.dtype == np.float32 and given.ndim == 3 and given.size > 0
    return all(type(one) is np.ndarray and one.dtype == np.float32 and one.ndim == 2 and one.size > 0 for one in given)


def as_table(value: ArrayLike, name: str) -> np.ndarray:
    """An array as float32 [T, columns]. InputError for what is none, or empty."""
    array = as_numeric(value, name)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.size:
        raise InputError(f"{name} has shape {list(array.shape)}; expected [T, columns] with at least one step and one column")
    with np.errstate(over="ignore"):  # what becomes infinite is told by whoever takes it
        return array.astype(np.float32, copy=False)
