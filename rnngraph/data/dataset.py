"""DataSet: features and labels of some rows, with their masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_labels_mask, as_mask, as_numeric
from rnngraph.data.rows import Arrays, Rows
from rnngraph.errors import InputError
from rnngraph.spelling import spelled


@dataclass(frozen=True, eq=False, init=False, repr=False)
class DataSet(Rows):
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
        x, y = as_array(features, "features"), as_array(labels, "labels")
        if len(x) != len(y):
            raise InputError(
                f"features have {len(x)} rows (shape {list(x.shape)}), labels {len(y)} (shape {list(y.shape)}); "
                "expected one row of labels for each"
            )
        held = {
            "features": x,
            "labels": y,
            "features_mask": None if features_mask is None else as_mask_of(features_mask, x, "features"),
            "labels_mask": None if labels_mask is None else as_mask_of(labels_mask, y, "labels"),
        }
        for name, array in held.items():
            object.__setattr__(self, name, None if array is None else protected(array))

    def __repr__(self) -> str:
        shapes = {name: getattr(self, name) for name in ("features", "labels", "features_mask", "labels_mask")}
        return f"DataSet({', '.join(f'{name} {list(a.shape)}' for name, a in shapes.items() if a is not None)})"

    @property
    def _arrays(self) -> Arrays:
        return Arrays((self.features,), (self.labels,), (self.features_mask,), (self.labels_mask,))

    def _mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> DataSet:
        """``change`` of each array that there is."""
        masks = (None if mask is None else change(mask) for mask in (self.features_mask, self.labels_mask))
        return DataSet(change(self.features), change(self.labels), *masks)


def as_array(value: ArrayLike, name: str) -> np.ndarray:
    """Numbers in two axes or three, features in up to five, none of them empty; ``name`` begins with which of the two they are."""
    features = name.startswith("features")
    if value is None:
        raise InputError(f"{name} are None; expected an array: a DataSet holds features and labels, output() takes features alone")
    array = as_numeric(value, name)
    if array.ndim not in ((2, 3, 4, 5) if features else (2, 3)) or not array.size:
        axes = "[N, F, T] or [N, F] (video [N, C, H, W, T], images [N, C, H, W])" if features else "[N, C, T] or [N, C]"
        what = "is empty" if not array.size else f"has rank {array.ndim}"
        remedy = (
            "; class numbers become one-hot labels as np.eye(n_classes)[labels]" if not features and array.ndim == 1 and array.size else ""
        )
        raise InputError(
            f"{name}: an array of shape {list(array.shape)} {what}; expected {axes} with at least one row, column and step{remedy}"
        )
    return array


def as_mask_of(mask: ArrayLike, array: np.ndarray, name: str) -> np.ndarray:
    """The mask of ``array``, the features or labels; where it would fit to the other order of axes, the error says so."""
    features = name.startswith("features")
    if features and array.ndim == 2 and np.shape(mask) != array.shape:
        raise InputError(
            f"{name} of shape {list(array.shape)} have no time axis that a features_mask could mask; expected [N, F, T], or no mask"
        )
    one_step = array.ndim == 4 or (array.ndim == 2 and not features)
    steps, given = 1 if one_step else array.shape[-1], as_numeric(mask, _mask_name(name))
    try:
        where = _mask_name(name)
        return as_mask(given, len(array), steps, where) if features else as_labels_mask(given, array.shape, name=where)
    except InputError as error:
        if array.ndim == 3 and array.shape[1] != steps and given.shape == array.shape[:2]:
            axes = "[N, T, F]" if features else "[N, T, C]"
            raise InputError(f"{error}. If {name} are {axes}, give {name}.transpose(0, 2, 1)") from None
        raise


def protected(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


def _mask_name(name: str) -> str:
    """features_mask, features_masks[1] of features[1]."""
    kind, bracket, index = name.partition("[")
    return f"{kind}_masks[{index}" if bracket else f"{kind}_mask"
