"""Sequences of different length: against torch's padding, and back again."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnngraph.data import sequences_to_dataset
from rnngraph.errors import InputError

A, B = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([[7.0, 8.0]])


def test_one_label_a_sequence() -> None:
    data = sequences_to_dataset([A, B], [2, 0])
    np.testing.assert_array_equal(data.features, np.array([[[1, 3, 5], [2, 4, 6]], [[7, 0, 0], [8, 0, 0]]], np.float32))
    np.testing.assert_array_equal(data.features_mask, np.array([[1, 1, 1], [1, 0, 0]], np.float32))
    np.testing.assert_array_equal(data.labels, np.array([[0, 0, 1], [1, 0, 0]], np.float32))
    assert data.labels_mask is None
    assert data.features.dtype == data.labels.dtype == np.float32


def test_one_label_a_step() -> None:
    data = sequences_to_dataset([A, B], [np.array([1, 0, 1]), [0]], n_classes=3, data_type="float64")
    np.testing.assert_array_equal(data.labels, [[[0, 1, 0], [1, 0, 1], [0, 0, 0]], [[1, 0, 0], [0, 0, 0], [0, 0, 0]]])
    np.testing.assert_array_equal(data.labels_mask, [[1, 1, 1], [1, 0, 0]])
    assert data.features.dtype == data.labels.dtype == np.float64


def test_numbers_for_a_sequence_and_for_each_step() -> None:
    whole = sequences_to_dataset([A, B], [[1.5, -2.0], [0.25, 3.0]], regression=True)
    np.testing.assert_array_equal(whole.labels, [[1.5, -2.0], [0.25, 3.0]])
    assert whole.labels_mask is None
    stepwise = sequences_to_dataset([A, B], [A[:, :1] * 2, B[:, :1]], 1, "float64", regression=True)
    np.testing.assert_array_equal(stepwise.labels, [[[2, 6, 10]], [[7, 0, 0]]])
    np.testing.assert_array_equal(stepwise.labels_mask, [[1, 1, 1], [1, 0, 0]])
    assert (whole.labels.dtype.name, stepwise.labels.dtype.name) == ("float32", "float64")


NUMBERS = "; with regression=True expected [C] for a sequence, or [T, C] with numbers for each step, the same for all"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1.0, 2.0], "labels[0] is the number 1.0; with regression=True expected an array: [[2.5], [3.5]] is one number a sequence"),
        ([[1.0], [1.0, 2.0]], f"labels[1] has shape [2], labels[0] [1]{NUMBERS}"),
        ([A, [1.0, 2.0]], f"labels[1] has shape [2], labels[0] [3, 2]{NUMBERS}"),
        ([A, A], "labels[1] has shape [3, 2], but sequences[1] has 1 steps; expected a row for each step"),
        ([A, B], "n_classes is 3, but labels have 2 columns; with regression=True it may be left out"),
    ],
)
def test_mistakes_in_numbers(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        sequences_to_dataset([A, B], labels, 3, regression=True)
    with pytest.raises(InputError, match=r"^regression is 1; expected True \(labels are numbers\) or False \(classes\)$"):
        sequences_to_dataset([A, B], labels, regression=1)  # type: ignore[arg-type]


@given(st.data(), st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 3), st.integers(1, 4))
def test_padding_is_torch_s(data: st.DataObject, lengths: list[int], f: int, c: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    sequences = [rng.normal(size=(t, f)).astype(np.float32) for t in lengths]
    classes = [rng.integers(0, c, size=t) for t in lengths]
    made = sequences_to_dataset(sequences, classes, n_classes=c)
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(s) for s in sequences], batch_first=True)
    np.testing.assert_array_equal(made.features, padded.numpy().transpose(0, 2, 1))
    numbers = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(k) for k in classes], batch_first=True, padding_value=-1)
    one_hot = torch.nn.functional.one_hot(numbers.clamp(min=0), c) * (numbers >= 0)[:, :, None]
    np.testing.assert_array_equal(made.labels, one_hot.numpy().transpose(0, 2, 1))
    np.testing.assert_array_equal(made.features_mask, (numbers >= 0).numpy())
    assert made.labels_mask is not None
    np.testing.assert_array_equal(made.labels_mask, made.features_mask)


def test_many_classes_take_no_more_than_their_labels() -> None:
    """A table of all classes, as np.eye(n_classes) is, would be of 10 gigabytes."""
    tracemalloc.start()
    labels = sequences_to_dataset([A, B], [0, 49_999]).labels
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels.shape == (2, 50_000)
    assert np.argwhere(labels == 1).tolist() == [[0, 0], [1, 49_999]]
    assert peak < 4 * labels.nbytes


def test_class_numbers_of_any_type() -> None:
    for labels in ([1.0, 0.0], np.array([1, 0], np.int8), (True, False)):
        np.testing.assert_array_equal(sequences_to_dataset([A, B], labels).labels, [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "sequences_to_dataset: no sequences; expected at least one array [T, F]"),
        (([A, B], [0]), "sequences_to_dataset: 2 sequences and 1 labels; expected one for each"),
        (([A, A[:0]], [0, 0]), "sequences[1] has shape [0, 2]; expected [T, F] with at least one step and one feature"),
        (([A, B[0]], [0, 0]), "sequences[1] has shape [2]; expected [T, F] with at least one step and one feature"),
        (
            ([A, B.T], [0, 0]),
            "sequences[1] has 1 features (shape [2, 1]), sequences[0] has 2; expected [T, F] with the same F for all",
        ),
        (([A, [["a"]]], [0, 0]), "sequences[1] is an array of <U1 of shape [1, 1]; expected real numbers: convert it, "
         'as np.asarray(sequences[1], dtype="float32") does where that is possible'),
        (([A, B], [0, 0.5]), "labels[1] is 0.5; expected a class number, or an array [T] of one class number a step"),
        (([A, B], [0, float("nan")]), "labels[1] is nan; expected a class number, or an array [T] of one class number a step"),
        (([A, B], [0, [[1]]]), "labels[1] is [[1]]; expected a class number, or an array [T] of one class number a step"),
        (([A, B], [0, -1]), "labels[1] has class -1; expected at least 0: classes count from 0"),
        (([A, B], [0, 2], 2), "labels[1] has class 2; expected 0 to 1, because n_classes is 2: classes count from 0"),
        (([A, B], [0, 1], 0), "n_classes is 0; expected the number of classes, at least 1"),
        (([A, B], [0, [1]]), "labels[1] has 1 class numbers, labels[0] is one for its whole sequence; expected the same kind for all"),
        (([A, B], [[0, 1, 0], 1]), "labels[1] has shape [], but sequences[1] has 1 steps; expected one class number a step"),
        (([A, B], [[0, 1], [1]]), "labels[0] has shape [2], but sequences[0] has 3 steps; expected one class number a step"),
    ],
)  # fmt: skip
def test_mistakes_name_the_sequence(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        sequences_to_dataset(*arguments)


def test_what_has_no_length_is_refused() -> None:
    message = r"^{} is a {}, which has no length; expected a list or an array: give list\({}\)$"
    with pytest.raises(InputError, match=message.format("sequences", "generator", "sequences")):
        sequences_to_dataset((one for one in [np.ones((2, 3))]), [0])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message.format("labels", "map", "labels")):
        sequences_to_dataset([np.ones((2, 3))], map(int, "0"))  # type: ignore[arg-type]
