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


def gathered(
    data: Data, features: Sequence[Empty[C] | None], labels: Sequence[Empty[C] | None], *, kind: type[Rows] = Rows
) -> tuple[Found[C], Found[C]]:
    """The statistics of each input and of each output in one pass over ``data``; None where there is nothing to start with.

    Without any ``labels`` those are not looked at. ``kind`` is what may come.
    Errors as :meth:`rnngraph.data.normalizer.Normalizer.fit` has them.
    """
    x, y = _gatherings("features", features), _gatherings("labels", labels)
    for k, one in enumerate(next(epochs_over(data))):
        try:
            _take_in(one, kind, x, y)
        except InputError as error:
            raise error if isinstance(data, Rows) else InputError(f"element {k} of data: {error}") from None
    made_x, made_y = ([None if one is None else one.result() for one in side] for side in (x, y))
    return made_x, made_y


def _gatherings(name: str, empty: Sequence[Empty[C] | None]) -> list[_Gathering[C] | None]:
    names = [name] if len(empty) == 1 else [f"{name}[{k}]" for k in range(len(empty))]
    return [None if one is None else _Gathering(label, one) for label, one in zip(names, empty, strict=True)]


def _take_in(one: Rows, kind: type[Rows], x: Sequence[_Gathering[C] | None], y: Sequence[_Gathering[C] | None]) -> None:
    arrays = one._arrays
    check_kind(one, kind)
    check_count(one, len(x), len(y))
    for held, array, mask in zip(x, arrays.features, arrays.features_masks, strict=True):
        if held is not None:
            held.add(array, mask)
    for k, held in enumerate(y):
        if held is not None:
            held.add(arrays.labels[k], labels_mask_of(one, k))


def check_kind(one: object, kind: type[Rows]) -> None:
    """InputError where ``one`` is none of ``kind``; a MultiNormalizer takes what has several inputs and outputs."""
    if isinstance(one, kind):
        return
    remedy = (
        "rg.MultiNormalizer(features=[...], labels=[...]) takes these"
        if isinstance(one, Rows)
        else "of several each is normalised by itself, arrays by transform_features, transform_labels and their opposites"
    )
    raise InputError(f"expected a {kind.__name__}, not a {type(one).__name__}; {remedy}")


def check_count(one: Rows, inputs: int, outputs: int) -> None:
    """InputError where ``one`` has others than so many inputs and outputs; 0 outputs are any."""
    held = one._arrays
    for name, count, wanted in (("features", len(held.features), inputs), ("labels", len(held.labels), outputs or len(held.labels))):
        if count != wanted:
            raise InputError(
                f"{one!r} has {count} arrays of {name}, but the normalizer is for {wanted}; "
                "rg.MultiNormalizer(features=[...], labels=[...]) has a normalizer, or None, for each"
            )


def labels_mask_of(one: Rows, k: int = 0) -> np.ndarray | None:
    """By which labels number ``k`` count: their own mask, in a time series without one that of the inputs with its steps.

    InputError where these inputs differ: which of them the loss goes by is told by the network alone.
    """
    arrays = one._arrays
    labels, own = arrays.labels[k], arrays.labels_masks[k]
    if own is not None or labels.ndim != 3:
        return own
    inputs = [(x, m) for x, m in zip(arrays.features, arrays.features_masks, strict=True) if _steps(x, m) == labels.shape[2]]
    if all(mask is None for _, mask in inputs):
        return None
    first, *others = [np.ones((len(x), labels.shape[2])) if mask is None else mask for x, mask in inputs]
    if any((mask != first).any() for mask in others):
        raise InputError(
            f"labels[{k}] have no mask of their own, and the inputs with their {labels.shape[2]} time steps are masked differently; "
            "give labels_masks=[...], which say the steps whose labels count"
        )
    return first


def _steps(x: np.ndarray, mask: np.ndarray | None) -> int | None:
    """How many steps an input has; None of one without a time axis."""
    return mask.shape[1] if mask is not None else x.shape[-1] if x.ndim in (3, 5) else None


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
