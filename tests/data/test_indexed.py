"""Data of torch: Datasets of single examples, loaders, iterables; each is trained on as a DataSet with the same arrays is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

import rnngraph as rg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 2, 4)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, (6, 4))].transpose(0, 2, 1).copy()
MASK = (np.arange(4) < np.array([4, 2, 3, 4, 1, 4])[:, None]).astype(np.float32)
WHOLE = rg.DataSet(X, Y, MASK)


class Listed(Dataset[Any]):
    """Examples of a list; tells which were asked for."""

    def __init__(self, *examples: Any) -> None:
        self.examples, self.asked = examples, list[int]()

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return self.examples[index]


class Stream(IterableDataset[Any]):
    """Minibatches, anew each time."""

    def __iter__(self) -> Iterator[Any]:
        return (tuple(map(torch.from_numpy, (X[k : k + 2], Y[k : k + 2], MASK[k : k + 2]))) for k in (0, 2, 4))


def network() -> rg.MultiLayerNetwork:
    layers = [rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=3)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-2), layers=layers))


TENSORS = TensorDataset(*map(torch.from_numpy, (X, Y, MASK)))
KINDS: dict[str, Any] = {
    "loader": lambda: DataLoader(TENSORS, batch_size=2),
    "examples": lambda: rg.MiniBatches(TENSORS, 2, shuffle=False),
    "subset": lambda: rg.MiniBatches(Subset(TENSORS, range(6)), 2, shuffle=False),
    "iterable": Stream,
    "loader of an iterable": lambda: DataLoader(Stream(), batch_size=None),
    "generator": lambda: (one for one in Stream()),
    "list of tuples": lambda: list(Stream()),
}


@pytest.fixture(scope="module")
def trained() -> rg.MultiLayerNetwork:
    net = network()
    net.fit(WHOLE.batch_by(2), progress=False)
    return net


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_trained_on(kind: str, trained: rg.MultiLayerNetwork) -> None:
    net = network()
    net.fit(KINDS[kind](), validation=KINDS[kind](), progress=False)
    np.testing.assert_equal(net.parameters(), trained.parameters())
    assert net.score(KINDS[kind]()) == pytest.approx(trained.score(WHOLE), rel=1e-6)
    assert net.evaluate(KINDS[kind]()).accuracy() == trained.evaluate(WHOLE).accuracy()


def test_examples_are_shuffled_as_rows_are() -> None:
    ours, theirs = rg.MiniBatches(TENSORS, 4, seed=3), rg.MiniBatches(WHOLE, 4, seed=3)
    for epoch in (0, 1):
        for batches in (ours, theirs):
            batches.set_epoch(epoch)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.features, b.features)
            np.testing.assert_array_equal(np.asarray(a.features_mask), np.asarray(b.features_mask))
    assert len(ours) == len(theirs) == 2
    assert repr(ours) == "MiniBatches(TensorDataset of 6 examples, 4, shuffle=True, seed=3)"


def test_examples_are_asked_for_when_their_turn_comes() -> None:
    examples = Listed(*((X[k], Y[k]) for k in range(6)))
    batches = iter(rg.MiniBatches(examples, 2, shuffle=False))
    next(batches)
    assert examples.asked == [0, 1]


def test_truncated_bptt_and_the_bar_take_them() -> None:
    net = rg.MultiLayerNetwork(network().config.replaced(backprop=rg.TruncatedBPTT(length=2)))
    net.fit(rg.MiniBatches(TENSORS, 3), progress=True)
    assert net.iteration == 4


def test_lengths_may_differ() -> None:
    lengths = [4, 2, 3]
    examples = Listed(*((X[k, :, :t].astype(np.float64), torch.from_numpy(Y[k, :, :t])) for k, t in enumerate(lengths)))
    (data,) = rg.MiniBatches(examples, 3, shuffle=False)
    expected = rg.sequences_to_dataset(
        [X[k, :, :t].T for k, t in enumerate(lengths)], [Y[k, :, :t].argmax(0) for k, t in enumerate(lengths)], 3
    )
    assert data.features.dtype == np.float64
    for name in ("features", "labels", "features_mask", "labels_mask"):
        np.testing.assert_array_equal(getattr(data, name), getattr(expected, name), name)
    own = Listed((X[0], Y[0, :, 0], MASK[1]), (X[1, :, :2], Y[1, :, 0], np.array([[0, 1]])), (X[2], Y[2, :, 0], None, [1]))
    (data,) = rg.MiniBatches(own, 3, shuffle=False)
    np.testing.assert_array_equal(data.features_mask, [[1, 1, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_array_equal(data.labels, Y[:3, :, 0])
    np.testing.assert_array_equal(data.labels_mask, [[1], [1], [1]])


def test_examples_without_time() -> None:
    (data,) = rg.MiniBatches(Listed((X[0, 0], Y[0, :, 0]), (X[1, 0], Y[1, :, 0])), 2, shuffle=False)
    assert (data.features.shape, data.labels.shape, data.features_mask, data.labels_mask) == ((2, 4), (2, 3), None, None)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([(X[0], Y[0]), X[1]], "example 1 of the Listed is a ndarray; expected (features, labels[, features_mask[, labels_mask]]): "
         "features [F, T] or [F], labels [C, T] or [C], masks [T]"),
        ([(X[0],)], "example 0 of the Listed is a tuple; expected (features, labels["),
        ([(X[0], 2)], "labels of example 0 is 2; expected an array: a class number c becomes one-hot as np.eye(n_classes)[c], or "
         "np.array([c]) for loss='sparse_mcxent'"),
        ([(X[0], None)], "labels of example 0 is None; expected an array"),
        ([(X[0], ["a"])], "labels of example 0 is an array of <U1 of shape [1]; expected real numbers"),
        ([(X[0], Y[0]), (X[1, :1], Y[1])], "features of example 1 have shape [1, 4], those of example 0 [2, 4]; expected the same, but for "
         "the number of steps, the last of two axes"),
        ([(X[0, 0], Y[0]), (X[1, 0, :2], Y[1])], "features of example 1 have shape [2], those of example 0 [4]; expected the same"),
        ([(X[0], Y[0]), (X[1], Y[1, :, 0])], "labels of example 1 have shape [3], those of example 0 [3, 4]; expected the same"),
        ([(X[0], Y[0]), (X[1, :, :3], Y[1, :, :3], [1, 1])], "a mask of example 1 has shape [2]; expected [3], one value a step"),
    ],
)  # fmt: skip
def test_what_is_no_example_is_named(examples: list[Any], message: str) -> None:
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}"):
        list(rg.MiniBatches(Listed(*examples), 2, shuffle=False))


def test_what_has_no_examples_by_number() -> None:
    with pytest.raises(rg.InputError, match=r"^MiniBatches: the Listed is empty; expected at least one example$"):
        rg.MiniBatches(Listed(), 2)
    with pytest.raises(rg.InputError, match=r"^MiniBatches: dataset is a Stream; .*, or give what yields minibatches to fit itself$"):
        rg.MiniBatches(Stream(), 2)  # type: ignore[type-var]
