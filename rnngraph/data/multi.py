"""MultiDataSet: features and labels of some rows for a network with several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.data.dataset import DataSet, as_array, as_mask_of, protected
from rnngraph.data.rows import Arrays, Masks, Rows, Several
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import spelled

Given = Sequence[ArrayLike]
GivenMasks = Sequence[ArrayLike | None] | None


@dataclass(frozen=True, eq=False, init=False, repr=False)
class MultiDataSet(Rows):
    """An array for each input and output of a ComputationGraph, of N rows each, with their masks; immutable.

    features and labels are lists in the order of the network's inputs and outputs, each shaped as in a :class:`DataSet`; features_masks and
    labels_masks lists of masks, None where there is none, or None where there are none at all. Arrays are kept as write-protected views.

    Raises InputError for what is no list of arrays, for lists of different lengths, and as DataSet, naming the array (``features[1]``).
    """

    features: Several
    labels: Several
    features_masks: Masks
    labels_masks: Masks

    @spelled
    def __init__(self, features: Given, labels: Given, features_masks: GivenMasks = None, labels_masks: GivenMasks = None) -> None:
        x, y = _several(features, "features"), _several(labels, "labels")
        held = {
            "features": x,
            "labels": y,
            "features_masks": _masks(features_masks, x, "features"),
            "labels_masks": _masks(labels_masks, y, "labels"),
        }
        first = len(x[0])
        for name, arrays in (("features", x), ("labels", y)):
            for k, array in enumerate(arrays):
                if len(array) != first:
                    raise InputError(
                        f"{name}[{k}] has {len(array)} rows (shape {list(array.shape)}), features[0] {first}; "
                        "expected the same number of examples in each"
                    )
        for name, several in held.items():
            object.__setattr__(self, name, tuple(None if array is None else protected(array) for array in several))

    @classmethod
    def of(cls, data: DataSet | MultiDataSet) -> MultiDataSet:
        """``data`` itself, or a DataSet as one with a single input and output."""
        return data if isinstance(data, MultiDataSet) else cls(**vars(data._arrays))

    def __repr__(self) -> str:
        held = {name: [None if a is None else list(a.shape) for a in arrays] for name, arrays in vars(self._arrays).items()}
        return f"MultiDataSet({', '.join(f'{name} {shapes}' for name, shapes in held.items() if any(shapes))})"

    @property
    def _arrays(self) -> Arrays:
        return Arrays(self.features, self.labels, self.features_masks, self.labels_masks)

    def _mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> MultiDataSet:
        """``change`` of each array that there is."""
        return MultiDataSet(
            *([None if a is None else change(a) for a in arrays] for arrays in vars(self._arrays).values())  # type: ignore[arg-type]
        )


def _several(arrays: Given, name: str) -> Several:
    if isinstance(arrays, str) or not isinstance(arrays, Sequence) or not arrays:
        raise InputError(f"{name} is {_told(arrays)}; expected a list with an array for each {_PORTS[name]} of the network")
    return tuple(as_array(array, f"{name}[{k}]") for k, array in enumerate(arrays))


def _told(value: object) -> str:
    """A value in messages; an array by its shape."""
    shape = getattr(value, "shape", None)
    return shown(value) if shape is None else f"one array of shape {list(shape)}"


_PORTS = {"features": "input", "labels": "output"}


def _masks(masks: GivenMasks, arrays: Several, name: str) -> Masks:
    if masks is None:
        return (None,) * len(arrays)
    if not isinstance(masks, Sequence) or len(masks) != len(arrays):
        count = f" of {len(masks)}" if isinstance(masks, Sequence) else ""
        raise InputError(
            f"{name}_masks is {'a list' if count else _told(masks)}{count}; expected a list of {len(arrays)}, one for each of {name}, "
            "None where there is no mask"
        )
    return tuple(
        None if mask is None else as_mask_of(mask, array, f"{name}[{k}]") for k, (mask, array) in enumerate(zip(masks, arrays, strict=True))
    )
