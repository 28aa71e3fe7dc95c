"""DataSet: features and labels of some rows, with their masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_labels_mask, as_mask, as_numeric, is_count
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled

RowIndex = SupportsIndex | slice | Sequence[int] | np.ndarray
"""One row, a slice, row numbers, or one boolean a row."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class DataSet(Spelled):
    """Features and labels of N rows, with their masks; immutable.

    features [N, F, T] or [N, F], ids [N, T], [N, 1, T] or [N, 1], video [N, C, H, W, T], images [N, C, H, W], labels [N, C, T] or [N, C],
    features_mask [N, T], labels_mask [N, T] ([N, 1] for labels [N, C]; [N] is accepted), or shaped as the labels where single outputs count
    or not. A mask is 1 where a step exists; None means all ones. Arrays are kept as write-protected views, not copied: who goes on writing
    into an array that was given here changes the DataSet.

    Raises InputError for arrays that are empty, not numeric, of different N, or masks that do not fit or hold anything but 0 and 1. Whether
    they fit a network is checked by the network.
    """

    features: np.ndarray
    labels: np.ndarray
    features_mask: np.ndarray | None
    labels_mask: np.ndarray | None

    @spelled
    def __init__(
        self, features: ArrayLike, labels: ArrayLike, features_mask: ArrayLike | None = None, labels_mask: ArrayLike | None = None
    ) -> None:
        x, y = _array(features, "features"), _array(labels, "labels")
        if len(x) != len(y):
            raise InputError(
                f"features have {len(x)} rows (shape {list(x.shape)}), labels {len(y)} (shape {list(y.shape)}); "
                "expected one row of labels for each"
            )
        if features_mask is not None and x.ndim == 2 and np.shape(features_mask) != x.shape:
            raise InputError(
                f"features of shape {list(x.shape)} have no time axis that a features_mask could mask; expected [N, F, T], or no mask"
            )
        held = {
            "features": x,
            "labels": y,
            "features_mask": None if features_mask is None else _mask(features_mask, x, "features"),
            "labels_mask": None if labels_mask is None else _mask(labels_mask, y, "labels"),
        }
        for name, array in held.items():
            object.__setattr__(self, name, None if array is None else _protected(array))

    def __repr__(self) -> str:
        shapes = {name: getattr(self, name) for name in ("features", "labels", "features_mask", "labels_mask")}
        return f"DataSet({', '.join(f'{name} {list(a.shape)}' for name, a in shapes.items() if a is not None)})"

    def num_examples(self) -> int:
        """N, the number of rows."""
        return len(self.features)

    def rows(self, index: RowIndex) -> DataSet:
        """A DataSet of some rows, in the order asked for: one row number, a slice, row numbers, or one boolean a row.

        Raises InputError for a row that is not there, and for an index that leaves none.
        """
        n = self.num_examples()
        try:
            where = index if isinstance(index, slice) else np.atleast_1d(np.asarray(index))
            chosen = np.arange(n)[where]
        except (IndexError, ValueError, TypeError) as error:
            raise InputError(f"rows({shown(index)}): {error}; this DataSet has {n} rows") from error
        if chosen.ndim != 1 or not chosen.size:
            raise InputError(
                f"rows({shown(index)}) gives row numbers of shape {list(chosen.shape)}; expected at least one of {n} rows, in one axis"
            )
        return self._mapped(lambda array: array[where])

    def _mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> DataSet:
        """``change`` of each array that there is."""
        masks = (None if mask is None else change(mask) for mask in (self.features_mask, self.labels_mask))
        return DataSet(change(self.features), change(self.labels), *masks)

    def split(self, first: int | float) -> tuple[DataSet, DataSet]:
        """The first rows and the rest: a number of rows (int), or their share (float between 0 and 1).

        In order: :meth:`shuffle` before where the order has a meaning. Raises InputError where one part would be empty.
        """
        n = self.num_examples()
        count = round(first * n) if isinstance(first, float) and 0 < first < 1 else first
        if not is_count(count) or count >= n:
            raise InputError(
                f"split({shown(first)}) of {n} rows leaves a part empty or means nothing; expected 1 to {n - 1} rows, "
                "or a share between 0 and 1"
            )
        return self.rows(slice(None, int(count))), self.rows(slice(int(count), None))

    def batch_by(self, batch_size: int) -> list[DataSet]:
        """Minibatches of ``batch_size`` rows in order; the last has what is left. Raises InputError for a size below 1."""
        if not is_count(batch_size):
            raise InputError(f"batch_by({shown(batch_size)}): expected a number of rows of at least 1")
        return [self.rows(slice(start, start + batch_size)) for start in range(0, self.num_examples(), batch_size)]

    def shuffle(self, seed: int) -> DataSet:
        """The same rows in another order, which the seed decides (numpy's default generator). Raises InputError for a seed below 0."""
        if not is_count(seed, 0):
            raise InputError(f"shuffle({shown(seed)}): expected an integer of at least 0 as the seed")
        return self.rows(np.random.default_rng(seed).permutation(self.num_examples()))


def _array(value: ArrayLike, name: str) -> np.ndarray:
    """Numbers in two axes or three, features in up to five, none of them empty."""
    if value is None:
        raise InputError(f"{name} are None; expected an array: a DataSet holds features and labels, output() takes features alone")
    array = as_numeric(value, name)
    if array.ndim not in ((2, 3, 4, 5) if name == "features" else (2, 3)) or not array.size:
        axes = "[N, F, T] or [N, F] (video [N, C, H, W, T], images [N, C, H, W])" if name == "features" else "[N, C, T] or [N, C]"
        what = "is empty" if not array.size else f"has rank {array.ndim}"
        remedy = (
            "; class numbers become one-hot labels as np.eye(n_classes)[labels]"
            if name == "labels" and array.ndim == 1 and array.size
            else ""
        )
        raise InputError(
            f"{name}: an array of shape {list(array.shape)} {what}; expected {axes} with at least one row, column and step{remedy}"
        )
    return array


def _mask(mask: ArrayLike, array: np.ndarray, name: str) -> np.ndarray:
    """The mask of ``array``, the features or labels; where it would fit to the other order of axes, the error says so."""
    one_step = array.ndim == 4 or (array.ndim == 2 and name == "labels")
    steps, given = 1 if one_step else array.shape[-1], as_numeric(mask, f"{name}_mask")
    try:
        return as_mask(given, len(array), steps, f"{name}_mask") if name == "features" else as_labels_mask(given, array.shape)
    except InputError as error:
        if array.ndim == 3 and array.shape[1] != steps and given.shape == array.shape[:2]:
            axes = "[N, T, F]" if name == "features" else "[N, T, C]"
            raise InputError(f"{error}. If {name} are {axes}, give {name}.transpose(0, 2, 1)") from None
        raise


def _protected(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view
