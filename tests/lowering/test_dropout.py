"""Noise in layers, of dropout and of rrelu: what it does in training, and that inference sees none of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.lowering import lower

DROPOUT = rg.Dropout(retain=0.75)
LAYERS: dict[str, Any] = {
    "dense": rg.DenseLayer(n_in=3, n_out=4, dropout=DROPOUT),
    "lstm": rg.LSTM(n_in=3, n_out=4, dropout=DROPOUT),
    "inside": rg.MaskZeroLayer(rg.GRU(n_in=3, n_out=4, dropout=DROPOUT)),
    "both ways": rg.Bidirectional(rg.SimpleRnn(n_in=3, n_out=4, dropout=DROPOUT)),
}


def configuration(layer: Any, **fields: Any) -> rg.MultiLayerConfiguration:
    return rg.MultiLayerConfiguration(
        seed=3, layers=[layer, rg.RnnOutputLayer(n_out=2)], input_type=rg.InputType.recurrent(3), data_type="float64", **fields
    )


@pytest.mark.parametrize("name", LAYERS)
def test_inference_sees_none_of_it(name: str) -> None:
    config = configuration(LAYERS[name])
    assert not lower(config).ports("noise")
    assert not lower(config, loss=True, training=False).ports("noise")
    noise = [p.name for p in lower(config, loss=True).ports("noise")]
    assert noise == (["noise_00_forward.drop", "noise_00_backward.drop"] if name == "both ways" else ["noise_00_drop"])


def test_training_keeps_a_share_and_divides_by_it() -> None:
    """The loss of the training graph is that of the graph without dropout on the x that the noise leaves."""
    config = configuration(rg.LSTM(n_in=3, n_out=4, dropout=DROPOUT))
    plain = configuration(rg.LSTM(n_in=3, n_out=4))
    net, rng = rg.MultiLayerNetwork(config), np.random.default_rng(0)
    x, labels = rng.standard_normal((2, 3, 5)), np.eye(2)[rng.integers(0, 2, (2, 5))].transpose(0, 2, 1)
    noise = rng.random((5, 2, 3))
    states = {f"state_00_{k}": np.zeros((2, 4)) for k in "hc"}
    feeds = {**net.parameters(), **states, "labels": labels}
    dropped = np.where(noise.transpose(1, 2, 0) < 0.75, x / 0.75, 0.0)
    got = run(lower(config, loss=True), {**feeds, "x": x, "noise_00_drop": noise})["loss"]
    np.testing.assert_allclose(got, run(lower(plain, loss=True), {**feeds, "x": dropped})["loss"], rtol=1e-12)


def test_both_directions_drop_on_their_own() -> None:
    net = rg.MultiLayerNetwork(configuration(LAYERS["both ways"], updater=rg.Adam(0.01)))
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((4, 3, 6)), np.eye(2)[rng.integers(0, 2, (4, 6))].transpose(0, 2, 1)
    before = net.output(x)
    net.fit(rg.DataSet(x, labels), epochs=3)
    assert np.isfinite(net.output(x)).all()
    assert not np.array_equal(before, net.output(x))


def test_rrelu_draws_a_slope_for_each_value_in_training() -> None:
    layers = [rg.DenseLayer(n_in=3, n_out=4, activation=rg.RReLU(lower=0.2, upper=0.4)), rg.OutputLayer(n_out=2)]
    config = rg.MultiLayerConfiguration(layers=layers, data_type="float64", updater=rg.Adam(0.01))
    net, rng = rg.MultiLayerNetwork(config), np.random.default_rng(2)
    x, labels, noise = rng.standard_normal((5, 3)), np.eye(2)[rng.integers(0, 2, 5)], rng.random((5, 4))
    p = net.parameters()
    z = x @ p["0.W"].T + p["0.b"]
    out = {}
    for name, slope in (("training", 0.2 + 0.2 * noise), ("inference", 0.3)):
        logits = np.where(z > 0, z, z * slope) @ p["1.W"].T + p["1.b"]
        out[name] = -(labels * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum()
    got = run(lower(config, loss=True), {**p, "x": x, "labels": labels, "noise_00_slope": noise})["loss"]
    np.testing.assert_allclose(got, out["training"], rtol=1e-12)
    np.testing.assert_allclose(net.score(rg.DataSet(x, labels)) * 5, out["inference"], rtol=1e-12)
    net.fit(rg.DataSet(x, labels), epochs=2)
    assert not np.array_equal(net.parameters()["0.W"], p["0.W"])
