"""DataSet: what it holds, what it refuses, and its rows in other groups and orders."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnngraph.data import DataSet
from rnngraph.errors import InputError

X = np.arange(5 * 2 * 3, dtype=np.float32).reshape(5, 2, 3)
Y = np.arange(5 * 4 * 3, dtype=np.float32).reshape(5, 4, 3)
XM = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 1]])
YM = np.array([[0, 0, 1]] * 5)
WHOLE = DataSet(X, Y, XM, YM)
FULL = " with at least one row, column and step"


def same(data: DataSet, rows: Any) -> None:
    """The rows of WHOLE."""
    for held, expected in ((data.features, X), (data.labels, Y), (data.features_mask, XM), (data.labels_mask, YM)):
        assert held is not None
        np.testing.assert_array_equal(held, expected[rows])


def test_holds_what_was_given() -> None:
    same(WHOLE, slice(None))
    assert WHOLE.num_examples() == 5
    assert repr(WHOLE) == "DataSet(features [5, 2, 3], labels [5, 4, 3], features_mask [5, 3], labels_mask [5, 3])"
    bare = DataSet(X[:, :, 0].tolist(), Y[:, :, 0])
    assert (bare.features_mask, bare.labels_mask) == (None, None)
    assert repr(bare) == "DataSet(features [5, 2], labels [5, 4])"


def test_is_immutable_and_copies_nothing() -> None:
    mask = np.ones((5, 3), np.float32)
    data = DataSet(X, Y, mask)
    assert data.features_mask is not None
    assert all(np.shares_memory(a, b) for a, b in ((data.features, X), (data.labels, Y), (data.features_mask, mask)))
    with pytest.raises(FrozenInstanceError):
        data.features = X  # type: ignore[misc]
    for array in (data.features, data.labels, data.features_mask):
        with pytest.raises(ValueError, match="assignment destination is read-only"):
            array[0] = 0
    assert X.flags.writeable  # the caller's own stays as it was


def test_survives_copy_and_pickle() -> None:
    same(copy.deepcopy(WHOLE), slice(None))
    same(pickle.loads(pickle.dumps(WHOLE)), slice(None))  # noqa: S301 (worker processes of loaders send DataSets so)


def test_labels_mask_of_labels_without_time() -> None:
    for mask in ([1, 0, 1, 1, 0], [[1], [0], [1], [1], [0]]):
        made = DataSet(X, Y[:, :, 0], XM, mask).labels_mask
        np.testing.assert_array_equal(made, [[1], [0], [1], [1], [0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:3]), "features have 5 rows (shape [5, 2, 3]), labels 3 (shape [3, 4, 3]); expected one row of labels for each"),
        ((X[:0], Y[:0]), f"features: an array of shape [0, 2, 3] is empty; expected [N, F, T] or [N, F]{FULL}"),
        ((X[:, :, :0], Y), f"features: an array of shape [5, 2, 0] is empty; expected [N, F, T] or [N, F]{FULL}"),
        ((X[:, 0, 0], Y), f"features: an array of shape [5] has rank 1; expected [N, F, T] or [N, F]{FULL}"),
        ((X[..., None], Y), f"features: an array of shape [5, 2, 3, 1] has rank 4; expected [N, F, T] or [N, F]{FULL}"),
        ((X, Y[:, :0]), f"labels: an array of shape [5, 0, 3] is empty; expected [N, C, T] or [N, C]{FULL}"),
        (
            (X, [0, 1, 2, 3, 0]),
            "labels: an array of shape [5] has rank 1; expected [N, C, T] or [N, C] with at least one row, column and step; "
            "class numbers become one-hot labels as np.eye(n_classes)[labels]",
        ),
        ((X, None), "labels are None; expected an array: a DataSet holds features and labels, output() takes features alone"),
        ((None, Y), "features are None; expected an array: a DataSet holds features and labels, output() takes features alone"),
        ((X, Y, XM.T), "features_mask has shape [3, 5]; expected [5, 3], which is [N, T] of the array that it masks: give features_mask.T"),
        (
            (X, Y, None, XM[:, :2]),
            "labels_mask has shape [5, 2]; expected [5, 3], which is [N, T] of the array that it masks: "
            "one value a row and step, 1 where the step exists",
        ),
        (
            (X.transpose(0, 2, 1), Y, XM),
            "features_mask has shape [5, 3]; expected [5, 2], which is [N, T] of the array that it masks: one value a row and step, "
            "1 where the step exists. If features are [N, T, F], give features.transpose(0, 2, 1)",
        ),
        (
            (X, Y.transpose(0, 2, 1), None, YM),
            "labels_mask has shape [5, 3]; expected [5, 4], which is [N, T] of the array that it masks: one value a row and step, "
            "1 where the step exists. If labels are [N, T, C], give labels.transpose(0, 2, 1)",
        ),
        (
            (np.ma.masked_less(X, 3), Y),
            "features is a masked array, whose mask would be lost; give features.filled(0), and as features_mask or labels_mask an array "
            "[N, T] that is 1 where a step exists",
        ),
        (
            (X[:, :, 0], Y, XM),
            "features of shape [5, 2] have no time axis that a features_mask could mask; expected [N, F, T], or no mask",
        ),
        (
            (X, Y, 2 * XM),
            "features_mask is 2 at row 0, step 0; a mask holds 1 where a step exists and 0 where it does not: "
            "give features_mask > threshold for a soft one",
        ),
    ],
)  # fmt: skip
def test_incoherent_arrays_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        DataSet(*arguments)


@given(
    st.one_of(st.slices(5), st.lists(st.integers(-5, 4), min_size=1), st.lists(st.booleans(), min_size=5, max_size=5), st.integers(-5, 4))
)
def test_rows_are_numpy_s(index: Any) -> None:
    expected = X[np.atleast_1d(index) if not isinstance(index, slice) else index]
    if not len(expected):
        with pytest.raises(InputError, match=r"gives row numbers of shape \[0\]; expected at least one of 5 rows, in one axis$"):
            WHOLE.rows(index)
        return
    same(WHOLE.rows(index), index if not isinstance(index, int) else [index])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (5, "rows(5): index 5 is out of bounds for axis 0 with size 5; this DataSet has 5 rows"),
        ([0, -6], "rows([0, -6]): index -6 is out of bounds for axis 0 with size 5; this DataSet has 5 rows"),
        ([0.5], "rows([0.5]): arrays used as indices must be of integer (or boolean) type; this DataSet has 5 rows"),
        (slice(5, None), "rows(slice(5, None, None)) gives row numbers of shape [0]; expected at least one of 5 rows, in one axis"),
        (
            np.full(300, 9),
            f"rows(array([{'9, ' * 23}9...): index 9 is out of bounds for axis 0 with size 5; this DataSet has 5 rows",
        ),
        ([[0, 1]], "rows([[0, 1]]) gives row numbers of shape [1, 2]; expected at least one of 5 rows, in one axis"),
    ],
)
def test_rows_that_are_not_there(index: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        WHOLE.rows(index)


@given(st.integers(1, 7))
def test_batches_hold_every_row_once_in_order(size: int) -> None:
    batches = WHOLE.batch_by(size)
    assert [b.num_examples() for b in batches] == [min(size, 5 - start) for start in range(0, 5, size)]
    np.testing.assert_array_equal(np.concatenate([b.features for b in batches]), X)
    assert all(np.shares_memory(b.features, X) for b in batches)


def test_shuffle_is_a_permutation_that_the_seed_decides() -> None:
    order = np.random.default_rng(7).permutation(5)
    same(WHOLE.shuffle(7), order)
    same(WHOLE, slice(None))
    assert not np.array_equal(order, np.random.default_rng(8).permutation(5))
    assert not np.array_equal(WHOLE.shuffle(8).features, WHOLE.shuffle(7).features)


@pytest.mark.parametrize(("first", "count"), [(1, 1), (4, 4), (0.6, 3), (0.2, 1), (np.int64(2), 2)])
def test_split(first: float, count: int) -> None:
    one, two = WHOLE.split(first)
    same(one, slice(None, count))
    same(two, slice(count, None))


@pytest.mark.parametrize("first", [0, 5, -1, 1.0, 0.0, 2.5, 0.01, 0.99, True])
def test_split_into_nothing_is_refused(first: float) -> None:
    message = f"split({first!r}) of 5 rows leaves a part empty or means nothing; expected 1 to 4 rows, or a share between 0 and 1"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        WHOLE.split(first)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_batches_of_no_size_are_refused(size: Any) -> None:
    with pytest.raises(InputError, match=rf"^batch_by\({re.escape(repr(size))}\): expected a number of rows of at least 1$"):
        WHOLE.batch_by(size)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_seed_is_a_number(seed: Any) -> None:
    with pytest.raises(InputError, match=rf"^shuffle\({seed}\): expected an integer of at least 0 as the seed$"):
        DataSet(X, Y).shuffle(seed)
