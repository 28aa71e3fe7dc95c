"""DropoutLayer and ActivationLayer: noise in training only, drawn by seed, iteration and layer."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.lowering import lower
from rnngraph.training.noise import draw


def network(seed: int = 0, retain: float = 0.8, **settings: Any) -> rg.MultiLayerNetwork:
    layers = [rg.DropoutLayer(dropout=rg.Dropout(retain=retain), n_in=5), rg.DropoutLayer(rg.Dropout(retain=0.5)), rg.OutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=seed, **settings))


def noise(net: rg.MultiLayerNetwork, iteration: int = 0) -> dict[str, np.ndarray]:
    return {k: v.numpy() for k, v in draw(lower(net.config, loss=True), {"N": 2000}, net.config.seed, iteration).items()}


def test_nothing_happens_outside_training() -> None:
    net, x = network(), np.random.default_rng(0).standard_normal((4, 5))
    w, b = net.parameters()["2.W"], net.parameters()["2.b"]
    z = np.exp(x @ w.T + b)
    np.testing.assert_allclose(net.output(x), z / z.sum(1, keepdims=True), atol=1e-6)
    graph = lower(net.config)
    assert not graph.ports("noise")
    labels = np.eye(2)[[0, 1, 0, 1]]
    np.testing.assert_allclose(net.score(rg.DataSet(x, labels)), -np.log(net.output(x)[labels > 0]).sum() / 4, rtol=1e-5)


def test_noise_is_of_seed_iteration_and_layer() -> None:
    first = noise(network())
    assert list(first) == ["noise_00_drop", "noise_01_drop"]
    assert {a.shape for a in first.values()} == {(2000, 5)}
    for name, again in noise(network()).items():
        np.testing.assert_array_equal(again, first[name])
    for other in (noise(network(seed=1)), noise(network(), 1)):
        assert all((other[name] != first[name]).any() for name in first)
    assert (first["noise_00_drop"] != first["noise_01_drop"]).any()


@pytest.mark.parametrize("retain", [0.3, 0.8, 1.0])
def test_what_is_kept_is_divided_by_its_share(retain: float) -> None:
    layers = [rg.DropoutLayer(dropout=rg.Dropout(retain=retain), n_in=4), rg.LossLayer(activation="identity", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))
    graph = lower(net.config, training=True)
    drawn = {k: v.numpy() for k, v in draw(graph, {"N": 5000}, 0, 0).items()}
    y = run(graph, {"x": np.full((5000, 4), 3.0), **drawn})["y"]
    assert set(np.unique(y.round(12))) <= {0.0, round(3.0 / retain, 12)}
    assert abs((y > 0).mean() - retain) < 0.02


def test_the_gradient_is_that_of_the_next_update() -> None:
    """With plain steps of size 1: what an update changed is the gradient, with the noise of that iteration."""
    net = network(updater=rg.Sgd(1.0), data_type="float64")
    data = rg.DataSet(np.random.default_rng(0).standard_normal((4, 5)), np.eye(2)[[0, 1, 0, 1]])
    gradients = []
    for _ in range(2):
        _, gradient = net.gradient(data)
        before = net.parameters()
        net.fit(data, progress=False)
        for name, array in net.parameters().items():
            np.testing.assert_allclose(before[name] - array, gradient[name] / 4, rtol=1e-9, atol=1e-12)
        gradients.append(gradient["2.W"])
    assert (gradients[0] != gradients[1]).any()


def test_a_bare_number_is_refused() -> None:
    message = (
        "DropoutLayer: dropout=0.8: a bare number has two readings: Deeplearning4j counts the units kept (0.8 keeps 80%), torch the units "
        "dropped (0.8 drops 80%); write rg.Dropout(retain=0.8) for the first, rg.Dropout(retain=0.2) for the second"
    )
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.DropoutLayer(dropout=0.8)  # type: ignore[arg-type]
    with pytest.raises(rg.ConfigurationError, match=r"Dropout: retain=0\.0: expected a number greater than 0"):
        rg.Dropout(retain=0.0)
    with pytest.raises(rg.ConfigurationError, match=r"Dropout: retain=1\.5: expected a number of at most 1"):
        rg.Dropout(retain=1.5)
    with pytest.raises(rg.ConfigurationError, match=r"DropoutLayer: dropout is missing"):
        rg.DropoutLayer()  # type: ignore[call-arg]


def test_json() -> None:
    config = network().config
    assert rg.MultiLayerConfiguration.from_json(config.to_json()) == config
    assert rg.MultiLayerConfiguration.from_yaml(config.to_yaml()) == config


def test_an_activation_of_each_step() -> None:
    layers = [rg.SimpleRnn(n_in=5, n_out=3, activation="identity"), rg.ActivationLayer("softmax")]
    y = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)).output(np.random.default_rng(0).standard_normal((2, 5, 4)))
    np.testing.assert_allclose(y.sum(1), np.ones((2, 4)), atol=1e-6)
    with pytest.raises(rg.ConfigurationError, match=r"n_out=4, but 3 values come in and the layer changes no width; leave n_out out"):
        rg.MultiLayerConfiguration(layers=[layers[0], rg.ActivationLayer("relu", n_out=4)])
