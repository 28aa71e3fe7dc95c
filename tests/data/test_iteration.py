"""Going over data: once per epoch, and never over nothing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from rnngraph.data import DataSet, MultiDataSet, epochs_over, known_sets
from rnngraph.errors import InputError, TrainingError

ONE, TWO = (DataSet(np.full((1, 1), k), np.ones((1, 1))) for k in (1, 2))


def values(data: Any, epochs: int) -> list[list[float]]:
    """What each epoch gives, by the features' only value."""
    return [[float(batch._arrays.features[0].item()) for batch in batches] for batches in epochs_over(data, epochs)]


class Anew:
    """An iterable that is no list."""

    def __iter__(self) -> Iterator[DataSet]:
        yield from (ONE, TWO)


class Rewinding:
    """An iterator of the kind that its own iter() starts anew."""

    def __iter__(self) -> Rewinding:
        self.left = [TWO, ONE]
        return self

    def __next__(self) -> DataSet:
        if not self.left:
            raise StopIteration
        return self.left.pop()


class Spent:
    """An iterator that never starts anew, which its type does not tell."""

    def __init__(self) -> None:
        self.left = [TWO, ONE]

    def __iter__(self) -> Spent:
        return self

    def __next__(self) -> DataSet:
        if not self.left:
            raise StopIteration
        return self.left.pop()


@pytest.mark.parametrize("data", [[ONE, TWO], (ONE, TWO), Anew(), Rewinding()], ids=lambda d: type(d).__name__)
def test_every_epoch_sees_everything(data: Any) -> None:
    assert values(data, 3) == [[1, 2]] * 3


def test_one_data_set_is_a_list_of_one() -> None:
    assert values(ONE, 2) == [[1], [1]]


def test_one_epoch_may_use_up_an_iterator() -> None:
    assert values((d for d in (ONE, TWO)), 1) == [[1, 2]]


def test_epochs_are_lazy() -> None:
    seen: list[int] = []

    def source() -> Iterator[DataSet]:
        for k in itertools.count():
            seen.append(k)
            yield ONE

    next(next(epochs_over(source())))
    assert seen == [0]


@pytest.mark.parametrize(
    "data",
    [(d for d in [ONE]), map(ONE.rows, [0]), zip([ONE], [TWO], strict=True), iter([ONE]), itertools.chain([ONE])],
    ids=lambda d: type(d).__name__,
)
def test_python_s_iterators_are_refused_before_anything_is_used(data: Any) -> None:
    kind, remedy = type(data).__name__, "pass a list, or an object whose __iter__ starts anew"
    message = f"data is a {kind}, which is spent after one pass, and epochs is 2; {remedy}"
    with pytest.raises(TrainingError, match=f"^{re.escape(message)}$"):
        epochs_over(data, 2)
    assert next(data) is not None


def test_spent_iterator_is_found_in_the_second_epoch() -> None:
    epochs = epochs_over(Spent(), 2)
    assert len(list(next(epochs))) == 2
    message = (
        "data (Spent) yielded DataSets in the first epoch and none in epoch 2: it is spent after one pass; "
        "pass a list, or an object whose __iter__ starts anew"
    )
    with pytest.raises(TrainingError, match=f"^{re.escape(message)}$"):
        list(next(epochs))


@pytest.mark.parametrize("data", [[], (), iter([]), {}], ids=lambda d: type(d).__name__)
def test_nothing_is_an_error(data: Any) -> None:
    message = (
        f"data ({type(data).__name__}) yields no DataSet: it is empty, or an iterator that was used up before; "
        "pass a list, or an object whose __iter__ starts anew"
    )
    with pytest.raises(TrainingError, match=f"^{re.escape(message)}$"):
        list(next(epochs_over(data, 1)))


def test_tuples_and_loaders_of_torch() -> None:
    x, y = torch.arange(6.0).reshape(3, 2, 1), torch.ones(3, 1, 1)
    loader: Any = DataLoader(TensorDataset(x, y), batch_size=2)
    (batches,) = epochs_over(loader)
    np.testing.assert_array_equal(np.concatenate([b.features for b in batches]), x.numpy())
    (batches,) = epochs_over([(x, y, None, np.zeros((3, 1)))])
    (one,) = batches
    assert isinstance(one, DataSet)
    assert one.features_mask is None
    np.testing.assert_array_equal(one.labels_mask, np.zeros((3, 1)))


def test_tuples_of_lists_of_arrays_are_of_several_inputs() -> None:
    x, y = torch.arange(6.0).reshape(3, 2, 1), torch.ones(3, 1, 1)
    mask = np.zeros((3, 1))
    batch: Any = [(x, x[:, :1]), [y], [None, mask], [mask]]
    (batches,) = epochs_over([([x], (y,)), batch])
    one, two = batches
    assert isinstance(one, MultiDataSet)
    assert isinstance(two, MultiDataSet)
    np.testing.assert_array_equal(two.features[1], x[:, :1].numpy())
    assert (two.features_masks[0], one.labels_masks) == (None, (None,))
    np.testing.assert_array_equal(np.asarray(two.features_masks[1]), mask)
    np.testing.assert_array_equal(np.asarray(two.labels_masks[0]), mask)


def test_lists_of_numbers_are_one_array() -> None:
    rows = [[1.0, 2.0], list(np.array([3.0, 4.0]))]
    for features in (rows, list(map(tuple, rows)), np.array(rows)):
        (batches,) = epochs_over([(features, [[np.float64(1)], [np.float64(0)]])])
        (one,) = batches
        assert isinstance(one, DataSet)
        np.testing.assert_array_equal(one.features, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (7, "data is a int; expected a DataSet or an iterable of DataSets"),
        (None, "data is a NoneType; expected a DataSet or an iterable of DataSets"),
        (TensorDataset(torch.ones(2, 3)), "data is a TensorDataset; expected a DataSet or an iterable of DataSets: "
         "rg.MiniBatches(data, batch_size) makes them of its single examples"),
        (np.ones((2, 3)), "data is a ndarray of shape [2, 3], one array; features and labels make a DataSet: give rg.DataSet(x, y)"),
        (torch.ones(2, 3), "data is a Tensor of shape [2, 3], one array; features and labels make a DataSet: give rg.DataSet(x, y)"),
        ((np.ones((2, 3)), np.ones((2, 1))), "element 0 of data is a ndarray of shape [2, 3]; expected a DataSet or (features, labels["),
        ([ONE, "text"], "element 1 of data is a str; expected a DataSet or (features, labels[, features_mask[, labels_mask]]). "
         "Two arrays make one DataSet: DataSet(features, labels)"),
        ([(ONE,)], "element 0 of data is a tuple of 1; expected a DataSet or (features, labels["),
        ([([np.ones((2, 3)), np.ones((1, 3))], [np.ones((2, 1))])],
         "element 0 of data: features[1] has 1 rows (shape [1, 3]), features[0] 2"),
        ([ONE, (np.ones((2, 3)), np.ones((1, 1)))], "element 1 of data: features have 2 rows (shape [2, 3]), labels 1 (shape [1, 1])"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_named(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        values(data, 1)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, None])
def test_epochs_are_a_number(epochs: Any) -> None:
    with pytest.raises(TrainingError, match=rf"^epochs is {epochs}; expected an integer of at least 1$"):
        epochs_over([ONE], epochs)


def test_an_array_in_the_place_of_epochs_is_shown_short() -> None:
    with pytest.raises(TrainingError, match=r"^epochs is array\(.{,80}; expected an integer of at least 1$"):
        epochs_over([ONE], np.zeros((40, 40)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (7, "validation is a int; expected a DataSet or an iterable of DataSets"),
        (iter([ONE]), "validation is a list_iterator, which is spent after one pass, and epochs is 2; pass a list"),
    ],
)
def test_messages_name_the_data_as_the_caller_does(data: Any, message: str) -> None:
    with pytest.raises((InputError, TrainingError), match=f"^{re.escape(message)}"):
        epochs_over(data, 2, "validation")


def test_what_can_be_looked_at_beforehand() -> None:
    assert list(known_sets(ONE)) == [("data", ONE)]
    assert list(known_sets([ONE, TWO], "validation")) == [("element 0 of validation", ONE), ("element 1 of validation", TWO)]
    ((_, made),) = known_sets(((ONE.features, ONE.labels),))
    np.testing.assert_array_equal(made.features, ONE.features)
    spent = iter([ONE])
    assert list(known_sets(spent)) == list(known_sets(Anew())) == []
    assert next(spent) is ONE, "untouched"
    with pytest.raises(TrainingError, match=r"^validation \(list\) yields no DataSet: it is empty"):
        list(known_sets([], "validation"))
