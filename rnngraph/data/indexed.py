"""Single examples by number, such as a torch Dataset has, put together as DataSets: padded at the end and masked where lengths differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from rnngraph.checks import as_numeric
from rnngraph.data.alignment import Aligned, aligned
from rnngraph.data.dataset import DataSet
from rnngraph.errors import InputError

Masks = list[np.ndarray | None]


class Examples(Protocol):
    """A map-style Dataset: each example is (features, labels[, features_mask[, labels_mask]]), shaped as a row of a DataSet."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def has_examples(value: object) -> bool:
    """Whether ``value`` has single examples by number, and is no array, list or mapping."""
    plain = isinstance(value, (list, tuple, str, bytes, Mapping)) or hasattr(value, "__array__")
    return not plain and all(hasattr(type(value), name) for name in ("__len__", "__getitem__"))


class IndexedExamples:
    """What :class:`MiniBatches` cuts of ``source``: rows are asked for one by one, when they are needed."""

    def __init__(self, source: Examples) -> None:
        self._source = source
        if not len(source):
            raise InputError(f"MiniBatches: the {type(source).__name__} is empty; expected at least one example")

    def __repr__(self) -> str:
        return f"{type(self._source).__name__} of {self.num_examples()} examples"

    def num_examples(self) -> int:
        """N, the number of examples."""
        return len(self._source)

    def rows(self, index: slice | np.ndarray) -> DataSet:
        """Some examples as a DataSet. InputError that names the example which is none, or does not go with the first of them."""
        numbers = np.arange(self.num_examples())[index].tolist()
        examples = [self._example(k) for k in numbers]
        names = [f"example {k}" for k in numbers]
        features, labels = ([one[k] for one in examples] for k in (0, 1))
        for what, arrays in (("features", features), ("labels", labels)):
            _check_alike(arrays, names, what)
        joined = _joined([features, labels])
        masks = [_mask([one[k] for one in examples], names, joined[k - 2]) for k in (2, 3)]
        return DataSet(joined[0][0], joined[1][0], masks[0], masks[1])

    def _example(self, k: int) -> list[Any]:
        """Features, labels and both masks, None where there is none."""
        one = self._source[k]
        if not isinstance(one, (tuple, list)) or not 2 <= len(one) <= 4:
            raise InputError(
                f"example {k} of the {type(self._source).__name__} is a {type(one).__name__}; expected (features, labels[, features_mask"
                "[, labels_mask]]): features [F, T] or [F], labels [C, T] or [C], masks [T]"
            )
        named = zip((*one, None, None), ("features", "labels", "features_mask", "labels_mask"), strict=False)
        arrays = [None if value is None else as_numeric(value, f"{name} of example {k}") for value, name in named]
        for array, name in zip(arrays[:2], ("features", "labels"), strict=True):
            if array is None or not array.ndim:
                raise InputError(
                    f"{name} of example {k} is {array}; expected an array: a class number c becomes one-hot as np.eye(n_classes)[c], or "
                    "np.array([c]) for loss='sparse_mcxent'"
                )
        return arrays


def _is_series(arrays: Sequence[np.ndarray]) -> bool:
    return arrays[0].ndim == 2


def _check_alike(arrays: Sequence[np.ndarray], names: Sequence[str], what: str) -> None:
    """InputError unless all have one shape, or that but for the number of steps."""
    sizes = [array.shape[: 1 if _is_series(arrays) else None] for array in arrays]
    for array, size, name in zip(arrays, sizes, names, strict=True):
        if array.ndim != arrays[0].ndim or size != sizes[0]:
            raise InputError(
                f"{what} of {name} have shape {list(array.shape)}, those of {names[0]} {list(arrays[0].shape)}; expected the same, but for "
                "the number of steps, the last of two axes"
            )


def _joined(kinds: Sequence[Sequence[np.ndarray]]) -> list[Aligned]:
    """Each kind as one array, and its mask where something is padded."""
    series = [[array.T for array in kind] for kind in kinds if _is_series(kind)]
    types = [np.result_type(*kind).name for kind in kinds if _is_series(kind)]
    laid = iter(aligned(series, "align_start", types) if series else ())
    return [next(laid) if _is_series(kind) else (np.stack(kind), None) for kind in kinds]


def _mask(given: Masks, names: Sequence[str], joined: Aligned) -> np.ndarray | None:
    """The mask of the padding, with the masks that examples have."""
    array, padding = joined
    if all(one is None for one in given):
        return padding
    steps = array.shape[2] if array.ndim == 3 else 1
    mask = np.ones((len(array), steps), np.float32) if padding is None else padding.copy()
    for row, one, name in zip(mask, given, names, strict=True):
        length = steps if padding is None else int(row.sum())
        if one is not None and one.size != length:
            raise InputError(f"a mask of {name} has shape {list(one.shape)}; expected [{length}], one value a step")
        if one is not None:
            row[:length] = one.reshape(length)
    return mask
