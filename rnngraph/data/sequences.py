"""Sequences of different length as one DataSet: padded at the end, and masked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric, is_count
from rnngraph.data.dataset import DataSet
from rnngraph.errors import InputError
from rnngraph.names import shown


def sequences_to_dataset(
    sequences: Sequence[ArrayLike],
    labels: Sequence[ArrayLike] | np.ndarray,
    n_classes: int | None = None,
    data_type: str = "float32",
    regression: bool = False,
) -> DataSet:
    """Pad sequences [T_k, F] at the end to the longest, T.

    ``labels`` has one class number for each sequence, or for each sequence an array [T_k] of one class number a step. Classes count from 0;
    ``n_classes`` is their number, by default the largest + 1 (give it where a part of the data may lack the last class). With
    ``regression`` labels are numbers: [C] for a sequence, or [T_k, C] with those of each step; one number a sequence is [1], one a step
    [T_k, 1].

    The DataSet has features [N, F, T] with 0 in the padding, features_mask [N, T] (also where all are of one length), and labels [N, C],
    one-hot or numbers, or, with the same mask as labels_mask, [N, C, T].

    Raises InputError that names the sequence: for an empty one, another feature count, another length of its labels, a class out of range.
    """
    if not isinstance(regression, bool):
        raise InputError(f"regression is {shown(regression)}; expected True (labels are numbers) or False (classes)")
    if n_classes is not None and not is_count(n_classes):
        raise InputError(f"n_classes is {shown(n_classes)}; expected the number of classes, at least 1")
    for name, value in (("sequences", sequences), ("labels", labels)):
        if not hasattr(value, "__len__"):
            raise InputError(f"{name} is a {type(value).__name__}, which has no length; expected a list or an array: give list({name})")
    if not len(sequences):
        raise InputError("sequences_to_dataset: no sequences; expected at least one array [T, F]")
    if len(labels) != len(sequences):
        raise InputError(f"sequences_to_dataset: {len(sequences)} sequences and {len(labels)} labels; expected one for each")
    arrays = _checked_sequences(sequences)
    if regression:
        return _with_numbers(arrays, labels, n_classes, data_type)
    classes = [_class_numbers(value, k, n_classes) for k, value in enumerate(labels)]
    c = n_classes if n_classes is not None else 1 + max(int(one.max()) for one in classes)
    features, mask = _padded(arrays, data_type)
    if not classes[0].ndim:
        return DataSet(features, _whole(classes, c, data_type), mask)
    return DataSet(features, _stepwise(classes, arrays, c, mask.shape[1], data_type), mask, mask)


def _padded(arrays: list[np.ndarray], data_type: str) -> tuple[np.ndarray, np.ndarray]:
    """Sequences [T_k, F] as [N, F, T], and their mask."""
    n, f, t = len(arrays), arrays[0].shape[1], max(len(a) for a in arrays)
    padded, mask = np.zeros((n, f, t), data_type), np.zeros((n, t), data_type)
    for k, array in enumerate(arrays):
        padded[k, :, : len(array)] = array.T
        mask[k, : len(array)] = 1
    return padded, mask


def _with_numbers(arrays: list[np.ndarray], labels: Sequence[ArrayLike] | np.ndarray, columns: int | None, data_type: str) -> DataSet:
    """The DataSet with labels of regression."""
    given = [as_numeric(value, f"labels[{k}]") for k, value in enumerate(labels)]
    rank = given[0].ndim
    if not rank:
        raise InputError(
            f"labels[0] is the number {given[0]}; with regression=True expected an array: [[2.5], [3.5]] is one number a sequence"
        )
    for k, (one, array) in enumerate(zip(given, arrays, strict=True)):
        if rank not in (1, 2) or one.ndim != rank or one.shape[-1] != given[0].shape[-1] or not one.size:
            raise InputError(
                f"labels[{k}] has shape {list(one.shape)}, labels[0] {list(given[0].shape)}; with regression=True expected [C] for a "
                "sequence, or [T, C] with numbers for each step, the same for all"
            )
        if rank == 2 and len(one) != len(array):
            raise InputError(
                f"labels[{k}] has shape {list(one.shape)}, but sequences[{k}] has {len(array)} steps; expected a row for each step"
            )
    if columns not in (None, given[0].shape[-1]):
        raise InputError(f"n_classes is {columns}, but labels have {given[0].shape[-1]} columns; with regression=True it may be left out")
    features, mask = _padded(arrays, data_type)
    if rank == 1:
        return DataSet(features, np.stack(given).astype(data_type), mask)
    return DataSet(features, _padded(given, data_type)[0], mask, mask)


def _checked_sequences(sequences: Sequence[ArrayLike]) -> list[np.ndarray]:
    """All sequences as [T_k, F] with one F."""
    arrays = [as_numeric(value, f"sequences[{k}]") for k, value in enumerate(sequences)]
    for k, array in enumerate(arrays):
        if array.ndim != 2 or not array.size:
            raise InputError(f"sequences[{k}] has shape {list(array.shape)}; expected [T, F] with at least one step and one feature")
        if array.shape[1] != arrays[0].shape[1]:
            raise InputError(
                f"sequences[{k}] has {array.shape[1]} features (shape {list(array.shape)}), sequences[0] has {arrays[0].shape[1]}; "
                "expected [T, F] with the same F for all"
            )
    return arrays


def _class_numbers(value: ArrayLike, k: int, n_classes: int | None) -> np.ndarray:
    """A class number [] or one a step [T_k], as integers in range."""
    array = as_numeric(value, f"labels[{k}]")
    whole = array.astype(np.int64) if np.isfinite(array).all() else None
    if array.ndim > 1 or not array.size or whole is None or (whole != array).any():
        raise InputError(f"labels[{k}] is {shown(value)}; expected a class number, or an array [T] of one class number a step")
    wrong = (whole < 0) if n_classes is None else (whole < 0) | (whole >= n_classes)
    if wrong.any():
        limit = "at least 0" if n_classes is None else f"0 to {n_classes - 1}, because n_classes is {n_classes}"
        raise InputError(f"labels[{k}] has class {whole[wrong].flat[0]}; expected {limit}: classes count from 0")
    return whole


def _whole(classes: list[np.ndarray], c: int, data_type: str) -> np.ndarray:
    """One-hot labels [N, C] of one class a sequence."""
    for k, one in enumerate(classes):
        if one.ndim:
            raise InputError(
                f"labels[{k}] has {len(one)} class numbers, labels[0] is one for its whole sequence; expected the same kind for all"
            )
    labels = np.zeros((len(classes), c), data_type)
    labels[np.arange(len(classes)), np.stack(classes)] = 1
    return labels


def _stepwise(classes: list[np.ndarray], arrays: list[np.ndarray], c: int, t: int, data_type: str) -> np.ndarray:
    """One-hot labels [N, C, T] of one class a step, 0 in the padding."""
    labels = np.zeros((len(classes), c, t), data_type)
    for k, (one, array) in enumerate(zip(classes, arrays, strict=True)):
        if one.shape != (len(array),):
            raise InputError(
                f"labels[{k}] has shape {list(one.shape)}, but sequences[{k}] has {len(array)} steps; expected one class number a step"
            )
        labels[k, one, np.arange(len(one))] = 1
    return labels
