"""EvaluativeListener: what it finds is what evaluating the network then finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from tests.graph_networks import multi, two_heads
from tests.training.small import batch, network

DATA, TEST = [batch(k) for k in range(3)], batch(5)


class Confusions(rg.TrainingListener):
    """The confusion matrix after each iteration and each epoch, by hand."""

    def __init__(self) -> None:
        self.iterations: list[np.ndarray] = []
        self.epochs: list[np.ndarray] = []

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        self.iterations.append(network.evaluate(TEST).confusion)

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        self.epochs.append(network.evaluate(TEST).confusion)


def test_it_evaluates_when_it_is_time() -> None:
    told: list[str] = []
    by_hand, plain, net = Confusions(), network(updater=rg.Adam(0.3)), network(updater=rg.Adam(0.3))
    each = rg.EvaluativeListener(TEST, out=told.append)
    second = rg.EvaluativeListener(TEST, 2, out=lambda text: None)
    fourth = rg.EvaluativeListener(TEST, 4, "iteration", out=lambda text: None)
    plain.fit(DATA, epochs=4, progress=False)
    net.fit(DATA, epochs=4, listeners=[by_hand, each, second, fourth], progress=False)
    np.testing.assert_equal(net.parameters(), plain.parameters())  # it disturbs nothing

    def seen(listener: rg.EvaluativeListener) -> list[Any]:
        return [(one.iteration, one.epoch, one.evaluations[0].confusion.tolist()) for one in listener.results]

    epochs, iterations = by_hand.epochs, by_hand.iterations
    assert seen(each) == [(3 * k + 3, k + 1, c.tolist()) for k, c in enumerate(epochs)]
    assert seen(second) == [(6, 2, epochs[1].tolist()), (12, 4, epochs[3].tolist())]
    assert seen(fourth) == [(4, 1, iterations[3].tolist()), (8, 2, iterations[7].tolist()), (12, 3, iterations[11].tolist())]
    assert len({str(c) for c in iterations}) > 1
    evaluation = each.results[1].evaluations[0]
    assert told[1] == f"Evaluation after 6 iterations and 2 epochs:\n{evaluation.stats()}"


def test_evaluations_of_one_s_own_are_filled_from_empty_copies() -> None:
    net, mine = network(), [rg.Evaluation(2, ["no", "yes"]), rg.Evaluation(2, top_n=2)]
    listener = rg.EvaluativeListener(TEST, evaluations=mine, out=lambda text: None)
    net.fit(DATA, epochs=2, listeners=listener, progress=False)
    assert [one.num_examples() for one in mine] == [0, 0]
    for result in listener.results:
        assert [one.num_examples() for one in result.evaluations] == [15, 15]
        assert "Precision" in str(result)
    first, second = listener.results[-1].evaluations
    assert (first.labels, second.top_n_accuracy()) == (("no", "yes"), 1.0)
    np.testing.assert_array_equal(first.confusion, net.evaluate(TEST).confusion)


def test_one_output_of_a_graph() -> None:
    net = two_heads()
    listener = rg.EvaluativeListener(multi(3), output="steps", out=lambda text: None)
    net.fit([multi(0)], listeners=listener, progress=False)
    np.testing.assert_array_equal(listener.results[0].evaluations[0].confusion, net.evaluate(multi(3), output="steps").confusion)


def test_settings_are_checked() -> None:
    with pytest.raises(rg.ConfigurationError, match=r'^EvaluativeListener: unit is \'batch\'; expected "epoch" or "iteration"$'):
        rg.EvaluativeListener(TEST, unit="batch")  # type: ignore[arg-type]
    with pytest.raises(rg.ConfigurationError, match=r"^EvaluativeListener: every is 0; expected a number of epochs of at least 1$"):
        rg.EvaluativeListener(TEST, 0)
