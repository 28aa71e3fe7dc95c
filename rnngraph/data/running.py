"""Statistics of columns, gathered minibatch by minibatch in float64; no minibatch is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from rnngraph.checks import check_finite
from rnngraph.data.columns import Columns, Range, Standard, in_columns, real_of
from rnngraph.data.iteration import Data, epochs_over
from rnngraph.data.rows import Rows
from rnngraph.errors import InputError

C = TypeVar("C", bound=Columns, covariant=True)
Real = np.ndarray | np.bool_
"""Where values are real: booleans that broadcast with them."""


class Running(Protocol[C]):
    """Statistics that grow."""

    count: np.ndarray

    def add(self, x: np.ndarray, real: Real) -> None:
        """Take in x [N, F, T] or [N, F], where ``real`` says so."""

    def result(self) -> C:
        """The statistics of all that was taken in, at least one value in each column."""


class Moments:
    """Mean and population variance: of each minibatch in two passes, joined as Chan, Golub and LeVeque (1983) do."""

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns, np.int64)
        self._mean, self._squares = np.zeros(columns), np.zeros(columns)

    def add(self, x: np.ndarray, real: Real) -> None:
        """As :class:`Running` says."""
        axes = _all_but_columns(x)
        count = _count(x, real)
        mean = np.where(real, x, 0.0).sum(axes) / np.maximum(count, 1)
        deviation = np.where(real, x - mean.reshape(-1, *[1] * (x.ndim - 2)), 0.0)
        total = np.maximum(self.count + count, 1)
        apart = mean - self._mean
        self._squares += (deviation**2).sum(axes) + apart**2 * (self.count * (count / total))
        self._mean += apart * (count / total)
        self.count += count

    def result(self) -> Standard:
        """As :class:`Running` says."""
        return Standard.of(self._mean, np.sqrt(self._squares / self.count))


class Extremes:
    """The least and the largest value, for the range from ``low`` to ``high``."""

    def __init__(self, columns: int, low: float, high: float) -> None:
        self.count = np.zeros(columns, np.int64)
        self._least, self._largest = np.full(columns, np.inf), np.full(columns, -np.inf)
        self._low, self._high = low, high

    def add(self, x: np.ndarray, real: Real) -> None:
        """As :class:`Running` says."""
        axes = _all_but_columns(x)
        self.count += _count(x, real)
        self._least = np.minimum(self._least, np.where(real, x, np.inf).min(axes))
        self._largest = np.maximum(self._largest, np.where(real, x, -np.inf).max(axes))

    def result(self) -> Range:
        """As :class:`Running` says."""
        return Range.of(self._least, self._largest, self._low, self._high)


Empty = Callable[[int], Running[C]]
"""Gives empty statistics of so many columns."""
Found = list[C | None]


def gathered(data: Data, features: Sequence[Empty[C] | None], labels: Sequence[Empty[C] | None]) -> tuple[Found[C], Found[C]]:
    """The statistics of each input and of each output in one pass over ``data``; None where there is nothing to start with.

    Without any ``labels`` those are not looked at. Errors as :meth:`rnngraph.data.normalizer.Normalizer.fit` has them.
    """
    x, y = _gatherings("features", features), _gatherings("labels", labels)
    for k, one in enumerate(next(epochs_over(data))):
        try:
            _take_in(one, x, y)
        except InputError as error:
            raise error if isinstance(data, Rows) else InputError(f"element {k} of data: {error}") from None
    made_x, made_y = ([None if one is None else one.result() for one in side] for side in (x, y))
    return made_x, made_y


def _gatherings(name: str, empty: Sequence[Empty[C] | None]) -> list[_Gathering[C] | None]:
    names = [name] if len(empty) == 1 else [f"{name}[{k}]" for k in range(len(empty))]
    return [None if one is None else _Gathering(label, one) for label, one in zip(names, empty, strict=True)]


def _take_in(one: Rows, x: Sequence[_Gathering[C] | None], y: Sequence[_Gathering[C] | None]) -> None:
    arrays = one._arrays
    check_count(one, len(x), len(y))
    for held, array, mask in zip(x, arrays.features, arrays.features_masks, strict=True):
        if held is not None:
            held.add(array, mask)
    for held, array, mask in zip(y, arrays.labels, labels_masks_of(one), strict=False):
        if held is not None:
            held.add(array, mask)


def check_count(one: Rows, inputs: int, outputs: int) -> None:
    """InputError where ``one`` has others than so many inputs and outputs; 0 outputs are any."""
    held = one._arrays
    for name, count, wanted in (("features", len(held.features), inputs), ("labels", len(held.labels), outputs or len(held.labels))):
        if count != wanted:
            raise InputError(
                f"{one!r} has {count} arrays of {name}, but the normalizer is for {wanted}; "
                "rg.MultiNormalizer(features=[...], labels=[...]) has a normalizer, or None, for each"
            )


def labels_masks_of(one: Rows) -> list[np.ndarray | None]:
    """By which labels count: their own masks, without one the mask of the only input where they have its steps."""
    arrays = one._arrays
    given = arrays.features_masks[0] if len(arrays.features_masks) == 1 else None

    def mask_of(labels: np.ndarray, own: np.ndarray | None) -> np.ndarray | None:
        fits = given is not None and labels.ndim == 3 and labels.shape[2] == given.shape[1]
        return given if own is None and fits else own

    return [mask_of(labels, own) for labels, own in zip(arrays.labels, arrays.labels_masks, strict=True)]


class _Gathering(Generic[C]):
    """The statistics of one of the arrays of all DataSets."""

    def __init__(self, name: str, empty: Empty[C]) -> None:
        self._name, self._empty = name, empty
        self._running: Running[C] | None = None

    def add(self, values: np.ndarray, mask: np.ndarray | None) -> None:
        """Take in an array. InputError for one that does not fit."""
        array = in_columns(values, self._name)
        if self._running is None:
            self._running = self._empty(array.shape[1])
        if array.shape[1] != len(self._running.count):
            raise InputError(
                f"{self._name} have {array.shape[1]} columns (shape {list(array.shape)}), those before had {len(self._running.count)}; "
                "expected the same for all"
            )
        real = real_of(array, mask, self._name)
        check_finite(array, real, self._name, "output" if self._name.startswith("labels") else "feature")
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is told by the result
            self._running.add(array.astype(np.float64), np.True_ if real is None else real)

    def result(self) -> C:
        """The statistics. InputError where a column has no values."""
        assert self._running is not None  # of one DataSet at least
        empty = self._running.count == 0
        if empty.any():
            which = "every step" if empty.all() else f"every step of column {empty.argmax()}"
            raise InputError(f"fit: {which} of {self._name} is masked, so there is nothing to fit; a mask is 1 where a step exists")
        with np.errstate(over="ignore", invalid="ignore"):
            return self._running.result()


def _all_but_columns(x: np.ndarray) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _count(x: np.ndarray, real: Real) -> np.ndarray:
    """How many values of each column are real."""
    count: np.ndarray = np.broadcast_to(real, x.shape).sum(_all_but_columns(x))
    return count
