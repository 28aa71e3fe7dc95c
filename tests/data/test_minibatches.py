from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnngraph as rg

ROWS = rg.DataSet(np.arange(7.0).reshape(7, 1, 1), np.zeros((7, 2, 1)), None, np.ones((7, 1)))


def order(batches: rg.MiniBatches[rg.DataSet]) -> list[float]:
    return [float(v) for batch in batches for v in batch.features.ravel()]


def test_an_epochs_order_follows_from_seed_and_epoch_alone() -> None:
    batches = rg.MiniBatches(ROWS, 3, seed=4)
    assert len(batches) == 3
    assert [batch.num_examples() for batch in batches] == [3, 3, 1]
    first = order(batches)
    assert first == order(batches)
    assert sorted(first) == list(range(7))
    batches.set_epoch(5)
    later = order(batches)
    assert later != first
    again = rg.MiniBatches(ROWS, 3, seed=4)
    again.set_epoch(5)
    assert order(again) == later
    for other in ([4, 5], [4, 2, 5], 4):  # what a user may draw numbers of the data from
        assert later != list(np.random.default_rng(other).permutation(7))
    assert order(rg.MiniBatches(ROWS, 3, seed=5)) != first


def test_without_shuffling_minibatches_are_views_in_order() -> None:
    batches = rg.MiniBatches(ROWS, 4, shuffle=False)
    batches.set_epoch(3)
    assert order(batches) == list(range(7))
    assert all(np.shares_memory(batch.features, ROWS.features) for batch in batches)
    assert repr(batches) == "MiniBatches(DataSet(features [7, 1, 1], labels [7, 2, 1], labels_mask [7, 1]), 4, shuffle=False, seed=0)"


def test_score_and_evaluation_go_over_them() -> None:
    layers = [rg.LSTM(n_in=1, n_out=2), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    assert net.score(rg.MiniBatches(ROWS, 3)) == pytest.approx(net.score(ROWS), rel=1e-6)
    with pytest.raises(rg.InputError, match=r"^data: labels have shape \[7, 2, 1\]"):
        rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layers[0], rg.RnnOutputLayer(n_out=3)])).fit(rg.MiniBatches(ROWS, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([ROWS], 3), r"^MiniBatches: dataset is a list; expected a DataSet: give rg\.DataSet\(features, labels\), or give what yields "
         r"minibatches to fit itself$"),
        ((5, 3), r"^MiniBatches: dataset is a int; expected a DataSet: give rg\.DataSet\(features, labels\)$"),
        ((ROWS.features, 3), r"^MiniBatches: dataset is a ndarray; expected a DataSet: give rg\.DataSet\(features, labels\), or give what"),
        ((ROWS, 0), r"^MiniBatches: batch_size is 0; expected a number of rows of at least 1$"),
        ((ROWS, 2, "yes"), r"^MiniBatches: shuffle is 'yes'; expected True or False$"),
        ((ROWS, 2, True, -1), r"^MiniBatches: seed is -1; expected an integer of at least 0$"),
    ],
)  # fmt: skip
def test_mistakes(arguments: Any, message: str) -> None:
    with pytest.raises(rg.InputError, match=message):
        rg.MiniBatches(*arguments)
    with pytest.raises(rg.InputError, match=r"^set_epoch: epoch is 1\.5; expected an integer of at least 0$"):
        rg.MiniBatches(ROWS, 2).set_epoch(1.5)  # type: ignore[arg-type]
