"""MultiDataSet: what it holds, what it refuses, and its rows in other groups and orders."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.data import DataSet, MultiDataSet
from rnngraph.errors import InputError

generator = np.random.default_rng(0)
X, W = generator.standard_normal((5, 3, 4)), generator.standard_normal((5, 2))
Y, V = generator.standard_normal((5, 2, 4)), generator.standard_normal((5, 3))
XM = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 0]])
VM = np.array([[1], [0], [1], [1], [0]])
WHOLE = MultiDataSet([X, W], [Y, V], [XM, None], [None, VM])


def same(data: MultiDataSet, rows: Any) -> None:
    """The rows of WHOLE."""
    for held, expected in (
        (data.features, (X, W)), (data.labels, (Y, V)), (data.features_masks, (XM, None)), (data.labels_masks, (None, VM))
    ):  # fmt: skip
        assert len(held) == len(expected)
        for array, wanted in zip(held, expected, strict=True):
            if wanted is None:
                assert array is None
            else:
                assert array is not None
                np.testing.assert_array_equal(array, wanted[rows])


def test_holds_what_was_given() -> None:
    same(WHOLE, slice(None))
    assert WHOLE.num_examples() == 5
    assert repr(WHOLE) == (
        "MultiDataSet(features [[5, 3, 4], [5, 2]], labels [[5, 2, 4], [5, 3]], features_masks [[5, 4], None], labels_masks [None, [5, 1]])"
    )
    bare = MultiDataSet((X.tolist(),), [V])
    assert (bare.features_masks, bare.labels_masks) == ((None,), (None,))
    assert repr(bare) == "MultiDataSet(features [[5, 3, 4]], labels [[5, 3]])"
    each = MultiDataSet([X], [Y, V], None, [np.ones((5, 2, 4)), VM[:, 0]])
    assert [None if m is None else m.shape for m in each.labels_masks] == [(5, 2, 4), (5, 1)]


def test_is_immutable_and_copies_nothing() -> None:
    assert np.shares_memory(WHOLE.features[0], X)
    with pytest.raises(FrozenInstanceError):
        WHOLE.features = (X,)  # type: ignore[misc]
    for array in (*WHOLE.features, *WHOLE.labels, WHOLE.features_masks[0], WHOLE.labels_masks[1]):
        assert array is not None
        with pytest.raises(ValueError, match="assignment destination is read-only"):
            array[0] = 0
    assert X.flags.writeable
    same(copy.deepcopy(WHOLE), slice(None))
    same(pickle.loads(pickle.dumps(WHOLE)), slice(None))  # noqa: S301 (worker processes of loaders send MultiDataSets so)


def test_rows_in_other_groups_and_orders() -> None:
    for index, rows in ((3, [3]), ([4, 0, 4], [4, 0, 4]), (slice(1, 3), [1, 2]), (np.array([True, False] * 2 + [True]), [0, 2, 4])):
        same(WHOLE.rows(index), rows)
    first, rest = WHOLE.split(0.4)
    same(first, [0, 1])
    same(rest, [2, 3, 4])
    for k, batch in enumerate(WHOLE.batch_by(2)):
        same(batch, slice(2 * k, 2 * k + 2))
    same(WHOLE.shuffle(7), np.random.default_rng(7).permutation(5))


def test_minibatches_of_several_arrays() -> None:
    seen = list(rg.MiniBatches(WHOLE, 2, seed=3))
    assert [batch.num_examples() for batch in seen] == [2, 2, 1]
    order = [int(np.flatnonzero((row == W).all(axis=1))[0]) for batch in seen for row in batch.features[1]]
    assert sorted(order) == list(range(5))
    for k, batch in enumerate(seen):
        same(batch, order[2 * k : 2 * k + 2])


def test_of_a_data_set() -> None:
    made = MultiDataSet.of(DataSet(X, Y, XM))
    assert MultiDataSet.of(made) is made
    np.testing.assert_array_equal(made.features[0], X)
    np.testing.assert_array_equal(made.labels[0], Y)
    np.testing.assert_array_equal(np.asarray(made.features_masks[0]), XM)
    assert made.labels_masks == (None,)


INPUTS = "expected a list with an array for each input of the network"
STEP = "which is [N, T] of the array that it masks: one value a row and step, 1 where the step exists"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, [Y]), f"features is one array of shape [5, 3, 4]; {INPUTS}"),
        (([], [Y]), f"features is []; {INPUTS}"),
        (("x", [Y]), f"features is 'x'; {INPUTS}"),
        (([X], Y), "labels is one array of shape [5, 2, 4]; expected a list with an array for each output of the network"),
        (
            ([X, W[:3]], [Y]),
            "features[1] has 3 rows (shape [3, 2]), features[0] 5; expected the same number of examples in each",
        ),
        (
            ([X], [Y[:3]]),
            "labels[0] has 3 rows (shape [3, 2, 4]), features[0] 5; expected the same number of examples in each",
        ),
        (
            ([X, None], [Y]),
            "features[1] are None; expected an array: a DataSet holds features and labels, output() takes features alone",
        ),
        (
            ([X], [V[:, 0]]),
            "labels[0]: an array of shape [5] has rank 1; expected [N, C, T] or [N, C] with at least one row, column and step; "
            "class numbers become one-hot labels as np.eye(n_classes)[labels]",
        ),
        (
            ([X], [Y], XM),
            "features_masks is one array of shape [5, 4]; expected a list of 1, one for each of features, None where there is no mask",
        ),
        (
            ([X, W], [Y], [XM]),
            "features_masks is a list of 1; expected a list of 2, one for each of features, None where there is no mask",
        ),
        (([X, W], [Y], 3), "features_masks is 3; expected a list of 2, one for each of features, None where there is no mask"),
        (
            ([X, W], [Y], [None, XM]),
            "features[1] of shape [5, 2] have no time axis that a features_mask could mask; expected [N, F, T], or no mask",
        ),
        (([X], [Y], [XM[:, :2]]), f"features_masks[0] has shape [5, 2]; expected [5, 4], {STEP}"),
        (
            ([X.transpose(0, 2, 1)], [Y], [XM]),
            f"features_masks[0] has shape [5, 4]; expected [5, 3], {STEP}. "
            "If features[0] are [N, T, F], give features[0].transpose(0, 2, 1)",
        ),
        (
            ([X], [Y], [2 * XM]),
            "features_masks[0] is 2 at row 0, step 0; a mask holds 1 where a step exists and 0 where it does not: "
            "give features_masks[0] > threshold for a soft one",
        ),
        (
            ([X], [Y, V], None, [None, XM]),
            "labels_masks[1] has shape [5, 4]; expected [5, 1], one value a row, or [5, 3], one an output",
        ),
    ],
)
def test_arrays_that_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        MultiDataSet(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WHOLE.rows(9), "rows(9): index 9 is out of bounds for axis 0 with size 5; this MultiDataSet has 5 rows"),
        (
            lambda: WHOLE.split(5),
            "split(5) of 5 rows leaves a part empty or means nothing; expected 1 to 4 rows, or a share between 0 and 1",
        ),
        (lambda: WHOLE.batch_by(0), "batch_by(0): expected a number of rows of at least 1"),
        (lambda: WHOLE.shuffle(-1), "shuffle(-1): expected an integer of at least 0 as the seed"),
    ],
)
def test_rows_that_are_not_there(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        call()
