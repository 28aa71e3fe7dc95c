"""What all evaluations have in common: they count rows call by call, forget, merge, and go to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric, is_count
from rnngraph.errors import InputError
from rnngraph.evaluation.rows import Rows, counted_rows
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled


class BaseEvaluation(Spelled):
    """Base of the evaluations.

    What an evaluation says depends on the rows that it saw alone, not on how they came: in one call or in many, in any order, or in another
    evaluation that was merged into it (where it adds up numbers that are not whole, to the rounding of float64).
    """

    _noun: ClassVar[str] = "column"
    """What one column of labels is."""
    _nouns: ClassVar[str] = "columns"
    _masks_outputs: ClassVar[bool] = False
    """Whether a mask may leave out single outputs of a row."""
    _prefix: ClassVar[str] = ""
    """What stands before the number of a column without a name."""

    def __init__(self, columns: int | None, labels: Sequence[str] | None) -> None:
        self._names = None if labels is None else _names(labels)
        self._width = columns if self._names is None or columns is not None else len(self._names)
        if self._names is not None and len(self._names) != self._count:
            found = f"{len(self._names)} names ({', '.join(self._names)})"
            raise InputError(f"labels has {found}; expected one for each of {self._count} {self._nouns}")
        self._given_width = self._width
        self._clear()

    def __repr__(self) -> str:
        told = [f"{name} {value:.4f}" for name, value in self.metrics().items()]
        columns = [] if self._count is None else [f"{self._count} {self._nouns}"]
        return f"{type(self).__name__}({', '.join([*columns, f'{self.num_examples()} rows', *told[:1]])})"

    def __str__(self) -> str:
        return self.stats()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the columns, their numbers where they have none; empty before the first rows tell how many there are."""
        return self._names or tuple(f"{self._prefix}{i}" for i in range(self._count or 0))

    @property
    def _count(self) -> int | None:
        """How many things the numbers are of: the columns, None before they are known."""
        return self._width

    # Counting

    @spelled
    def eval(self, labels: ArrayLike, predictions: ArrayLike, mask: ArrayLike | None = None) -> None:
        """Count the rows of ``labels`` and ``predictions``, both [N, C] or [N, C, T], where ``mask`` is exactly 1.

        ``mask`` is one value a row or step, [N] or [N, 1], [N, T]; where the class says so also one an output, shaped as the labels. What
        is masked is not read. Raises InputError, and counts nothing, for shapes that differ from each other or from those before, for a
        mask that does not fit, and for values that the class cannot count.
        """
        self._eval(labels, predictions, mask)

    @spelled
    def eval_time_series(self, labels: ArrayLike, predictions: ArrayLike, mask: ArrayLike | None = None) -> None:
        """The same as :meth:`eval`, under DL4J's older name."""
        self._eval(labels, predictions, mask)

    def _eval(self, labels: ArrayLike, predictions: ArrayLike, mask: ArrayLike | None, mask_name: str = "mask") -> None:
        """:meth:`eval`; ``mask_name`` is what the caller calls the mask."""
        actual, predicted = as_numeric(labels, "labels"), as_numeric(predictions, "predictions")
        self._check_shapes(actual, predicted)
        rows = counted_rows(actual, predicted, mask, mask_name)
        if rows.counts is not None and not self._masks_outputs:
            raise InputError(
                f"{mask_name} has shape {list(actual.shape)}: it masks single outputs, but a class is told by whole rows; "
                "evaluate with a mask of rows or steps"
            )
        self._check(rows)
        self._take_width(actual.shape[1])
        self._add(rows)

    def reset(self) -> None:
        """Forget all rows."""
        self._width = self._given_width
        self._clear()

    def merge(self, other: Self) -> None:
        """Add what another evaluation counted. Raises InputError where that is of another class or has other settings."""
        if type(other) is not type(self):
            raise InputError(f"merge: expected another {type(self).__name__}, not {shown(other)}")
        mine = {**self._settings(), f"the number of {self._nouns}": self._width}
        for name, theirs in {**other._settings(), f"the number of {self._nouns}": other._width}.items():
            if mine[name] not in (theirs, None) and theirs is not None:
                raise InputError(
                    f"merge: {name} is {shown(theirs)} there and {shown(mine[name])} here; only evaluations of the same settings add up"
                )
        self._names = self._names or other._names
        if other._width is not None:
            self._take_width(other._width)
        self._merge(other)

    # JSON

    def to_json(self) -> str:
        """All that was counted, without loss: what :meth:`from_json` reads."""
        return json.dumps({"evaluation": type(self).__name__, "settings": self._settings(), **self._state()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The evaluation that :meth:`to_json` wrote, of this class or one derived from it. Raises InputError for anything else."""
        try:
            held = json.loads(text)
            kind = _kinds(cls).get(held["evaluation"])
            if kind is None:
                raise InputError(f"it holds {shown(held['evaluation'])}; expected {' or '.join(_kinds(cls))}")
            made: Self = kind(**held["settings"])
            made._restore(held)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise InputError(f"from_json: {shown(text)} is not what to_json writes ({type(error).__name__}: {error})") from error
        return made

    # What the classes say

    def num_examples(self) -> int:
        """The number of rows that were counted: examples, or steps of time series."""
        raise NotImplementedError

    def metrics(self) -> dict[str, float]:
        """The main numbers over all columns, by name; NaN where they are not defined."""
        raise NotImplementedError

    def stats(self) -> str:
        """The numbers as text, as DL4J writes it."""
        raise NotImplementedError

    def _clear(self) -> None:
        """Have no rows, of ``self._width`` columns."""
        raise NotImplementedError

    def _check(self, rows: Rows) -> None:
        """InputError for values that cannot be counted."""
        raise NotImplementedError

    def _add(self, rows: Rows) -> None:
        """Count rows that were checked."""
        raise NotImplementedError

    def _merge(self, other: Self) -> None:
        """Add what one of the same settings counted."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON holds them; None for what may still be anything."""
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        """What was counted, as JSON holds it."""
        raise NotImplementedError

    def _restore(self, held: Mapping[str, Any]) -> None:
        """Have what :meth:`_state` gave. InputError, KeyError or TypeError for anything else."""
        raise NotImplementedError

    # What they share

    def _empty(self) -> Self:
        """One of the same settings without rows."""
        return type(self)(**self._settings())

    def _take_width(self, columns: int) -> None:
        """Learn the number of columns, where it is not known."""
        if self._width is None:
            self._width = columns
            self._clear()

    def _check_shapes(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """InputError unless both are [N, C] or both [N, C, T], of as many columns as there are."""
        if labels.shape != predictions.shape:
            raise InputError(
                f"labels have shape {list(labels.shape)} and predictions {list(predictions.shape)}; expected the same for both"
            )
        if labels.ndim not in (2, 3) or not labels.shape[1] or labels.shape[1] != (self._width or labels.shape[1]):
            c = self._width or "C"
            what = "" if self._noun == "column" else f", one column a {self._noun}"
            raise InputError(f"labels and predictions have shape {list(labels.shape)}; expected [N, {c}] or [N, {c}, T]{what}")

    def _index(self, i: int) -> int:
        """``i`` as the number of a column. InputError for what is none."""
        count = self._count
        if count is None:
            raise InputError(f"{self._noun} {shown(i)} is not there: nothing was evaluated yet")
        if not (is_count(i, 0) and i < count):
            raise InputError(f"{self._noun} {shown(i)} is not there; expected 0 to {count - 1}")
        return int(i)


def checked_count(value: Any, name: str, expected: str, least: int = 1) -> int:
    """``value`` as an int. InputError, which says what was ``expected``, for anything but an integer of at least ``least``."""
    if not is_count(value, least):
        raise InputError(f"{name} is {shown(value)}; expected {expected}")
    return int(value)


def read_counts(held: Mapping[str, Any], name: str, shape: Sequence[int]) -> np.ndarray:
    """The counts ``name`` of what JSON held, int64. InputError for another shape, and for what are no counts."""
    array = np.array(held[name])
    whole = array.dtype.kind in "iu" or array.size == 0
    if array.shape != tuple(shape) or not whole or (array < 0).any():
        raise InputError(f"{name} is {shown(held[name])}; expected {f'{list(shape)} counts' if shape else 'a count'}")
    return array.astype(np.int64)


def _names(labels: Sequence[str]) -> tuple[str, ...]:
    if isinstance(labels, str):
        raise InputError(f"labels is {shown(labels)}; expected a list of names")
    return tuple(str(name) for name in labels)


def _kinds(cls: type[BaseEvaluation]) -> dict[str, type[Any]]:
    """The class and those derived from it by their names."""
    return {cls.__name__: cls} | {name: kind for derived in cls.__subclasses__() for name, kind in _kinds(derived).items()}
