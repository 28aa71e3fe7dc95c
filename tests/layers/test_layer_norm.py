"""SimpleRnn with layer normalisation, against a plain loop and torch's LayerNorm."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.training.regularisation import penalties
from tests.layers.properties import features


def net_of(n_out: int = 5, **settings: object) -> rg.MultiLayerNetwork:
    layer = rg.SimpleRnn(n_in=3, n_out=n_out, has_layer_norm=True)
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer], data_type="float64", **settings))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    net.set_parameters({k: v + rng.standard_normal(v.shape) for k, v in net.parameters().items()})
    return net


def test_both_products_are_normalised_apart() -> None:
    net, x = net_of(), features()
    p = net.parameters()
    normed = torch.nn.LayerNorm(5, elementwise_affine=False, dtype=torch.float64)
    h = torch.zeros(len(x), 5, dtype=torch.float64)
    y = net.output(x)
    w, r, b, (g, g_r) = (torch.from_numpy(p[k]) for k in ("0.W", "0.R", "0.b", "0.g"))
    for t in range(x.shape[2]):
        h = torch.tanh(normed(torch.from_numpy(x[:, :, t]) @ w.T) * g + normed(h @ r.T) * g_r + b)
        np.testing.assert_allclose(y[:, :, t], h.numpy(), rtol=0, atol=1e-8)  # the epsilons differ by a float32's rounding


def test_without_a_stored_state_there_is_no_recurrent_term() -> None:
    net, x = net_of(), features()
    first = net.rnn_time_step(x[:, :, 0])
    changed = net.parameters()
    changed["0.R"] = changed["0.R"] * 3 + 1
    net.set_parameters(changed)
    net.rnn_clear_previous_state()
    np.testing.assert_array_equal(net.rnn_time_step(x[:, :, 0]), first)
    assert (net.rnn_time_step(x[:, :, 1]) != first).all()


def test_parameters_and_their_start() -> None:
    layer = rg.SimpleRnn(n_in=3, n_out=4, has_layer_norm=True, gain_init=2.0, bias_init=0.5)
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer, rg.RnnOutputLayer(n_out=2)], l2=0.5))
    got = net.parameters()
    assert {k: v.shape for k, v in got.items() if k[0] == "0"} == {"0.W": (4, 3), "0.R": (4, 4), "0.b": (4,), "0.g": (2, 4)}
    assert set(got["0.g"].flat) == {2.0}
    assert set(got["0.b"].flat) == {0.5}
    assert set(penalties(net)) == {"0.W", "0.R", "0.g", "1.W"}


@pytest.mark.parametrize("n_out", [1, 2, 5])
def test_equal_values_and_zeros_give_finite_numbers_and_gradients(n_out: int) -> None:
    """DL4J divides by the deviation as it is; where all values are equal that is 0 / 0."""
    layer = rg.SimpleRnn(n_in=3, n_out=n_out, has_layer_norm=True, weight_init="ones")
    layers = [layer, rg.RnnOutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))
    x = features()
    x[0] = 0
    labels = np.zeros((len(x), 2, x.shape[2]))
    labels[:, 0] = 1
    score, gradient = net.gradient(rg.DataSet(x, labels))
    assert np.isfinite(score)
    assert all(np.isfinite(g).all() for g in gradient.values())
