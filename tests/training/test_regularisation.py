"""L1, L2 and weight decay against their formulas: in the score, and in updates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.training.regularisation import penalties
from tests.training.small import ROWS, assert_close, averaged, batch, network

COEFFICIENTS = {
    "l1": 0.01,
    "l2": 0.02,
    "l1_bias": 0.03,
    "l2_bias": 0.04,
    "weight_decay": 0.05,
    "weight_decay_bias": 0.06,
}
BIASES = {"b", "bR"}


def by_hand(name: str, kind: str) -> float:
    """The coefficient of a parameter; gamma and beta have none."""
    key = name.split(".")[-1]
    if key in ("gamma", "beta"):
        return 0.0
    return COEFFICIENTS[f"{kind}_bias" if key in BIASES else kind]


def everything(**settings: Any) -> rg.MultiLayerNetwork:
    """A network with every kind of parameter, none of them 0."""
    layers = [
        rg.Bidirectional("add", rg.GravesLSTM(n_in=2, n_out=3)),
        rg.SimpleRnn(n_out=3, has_layer_norm=True),
        rg.BatchNormalization(),
        rg.GRU(n_out=3),
        rg.DenseLayer(n_out=3, has_layer_norm=True),
    ]
    net = network(*layers, **settings)
    rng = np.random.default_rng(5)
    net.set_parameters({name: w + 0.3 * rng.standard_normal(w.shape) for name, w in net.parameters().items()})
    return net


def penalty(net: rg.MultiLayerNetwork) -> float:
    """What the score counts, value by value."""
    total = 0.0
    for name, w in net.parameters().items():
        for one in w.flat:
            total += by_hand(name, "l1") * abs(one) + (by_hand(name, "l2") + by_hand(name, "weight_decay")) * one * one / 2
    return total


def test_the_score_counts_all_penalties_everywhere() -> None:
    plain, net, data = everything(), everything(**COEFFICIENTS), batch()
    assert net.gradient(data)[0] == pytest.approx(plain.gradient(data)[0] + penalty(net), rel=1e-12)
    assert net.score(data) == pytest.approx(plain.score(data) + penalty(net), rel=1e-12)
    assert net.score([data, batch(1)]) == pytest.approx(plain.score([data, batch(1)]) + penalty(net), rel=1e-12)
    told = rg.CollectScoresListener()
    before = penalty(net)
    net.fit(data, listeners=told, progress=False)
    assert told.scores[0][1] == pytest.approx(plain.gradient(data)[0] + before, rel=1e-12)
    np.testing.assert_equal(net.gradient(data)[1].keys(), plain.parameters().keys())


def test_gradients_are_those_of_the_loss_alone() -> None:
    ours, plain = (net.gradient(batch())[1] for net in (everything(**COEFFICIENTS), everything()))
    np.testing.assert_equal(ours, plain)


@pytest.mark.parametrize("apply_lr", [True, False])
def test_an_update_adds_l1_and_l2_before_the_updater_and_decays_behind_it(apply_lr: bool) -> None:
    """RmsProp, which l1 and l2 pass through and the decay does not: w -= lr g / (sqrt(G) + eps) + c lr w."""
    settings = {**COEFFICIENTS, "weight_decay_apply_lr": apply_lr, "weight_decay_bias_apply_lr": not apply_lr}
    lr, d, epsilon = 0.1, 0.75, 1e-3
    net = everything(updater=rg.RmsProp(lr, d, epsilon), **settings)
    gradients, before = averaged(net, batch()), net.parameters()
    net.fit(batch(), progress=False)
    wanted = {}
    for name, w in before.items():
        g = gradients[name] + by_hand(name, "l1") * np.sign(w) + by_hand(name, "l2") * w
        times_lr = apply_lr is (name.split(".")[-1] not in BIASES)
        wanted[name] = w - lr * g / (np.sqrt(d * epsilon + (1 - d) * g * g) + epsilon)
        wanted[name] -= by_hand(name, "weight_decay") * (lr if times_lr else 1.0) * w
    assert_close(net.parameters(), wanted)


def test_a_decay_follows_the_learning_rate_of_its_parameters_now() -> None:
    """Each updater's own, and 1 where there is none, as in DL4J."""
    schedule = rg.MapSchedule("iteration", {0: 0.5, 1: 0.25})
    net = network(updater=rg.Sgd(schedule), bias_updater=rg.NoOp(), weight_decay=0.125, weight_decay_bias=0.25)
    for lr in (0.5, 0.25):
        gradients, before = averaged(net, batch()), net.parameters()
        net.fit(batch(), progress=False)
        wanted = {
            name: w - gradients[name] - 0.25 * w if name.endswith("b") else w - lr * gradients[name] - 0.125 * lr * w
            for name, w in before.items()
        }
        assert_close(net.parameters(), wanted)


def test_penalties_are_not_divided_by_the_minibatch_and_do_not_ask_whether_gradients_are() -> None:
    net = network(updater=rg.Sgd(1.0), l2=0.5, mini_batch=False)
    gradients, before = net.gradient(batch())[1], net.parameters()
    plain = network(mini_batch=False)
    assert net.score(batch()) == pytest.approx(plain.score(batch()) + 0.25 * sum((before[n] ** 2).sum() for n in ("0.W", "0.R", "1.W")))
    assert plain.score(batch()) == pytest.approx(network().score(batch()) * ROWS)
    net.fit(batch(), progress=False)
    wanted = {name: w - gradients[name] - (0.5 * w if name[-1] != "b" else 0) for name, w in before.items()}
    assert_close(net.parameters(), wanted)


def test_embeddings_are_penalised_whole() -> None:
    """Rows that the minibatch has no ids of, too, as in DL4J."""
    net = network(rg.EmbeddingSequenceLayer(n_in=5, n_out=3, has_bias=True), updater=rg.Sgd(1.0), l2=0.5)
    before = net.parameters()["0.W"]
    net.fit(rg.DataSet(np.zeros((ROWS, 5), int), batch().labels), progress=False)
    np.testing.assert_allclose(net.parameters()["0.W"][1:], 0.5 * before[1:])


def test_what_has_no_coefficient_has_no_penalty() -> None:
    assert penalties(everything()) == {}
    assert set(penalties(everything(l1_bias=0.1))) == {"0.forward.b", "0.backward.b", "1.b", "3.b", "3.bR", "4.b", "5.b"}
    gained = {"1.g", "4.g"}
    assert gained < set(penalties(everything(weight_decay=0.1)))
    assert not any(name.startswith("2.") for name in penalties(everything(**COEFFICIENTS)))
