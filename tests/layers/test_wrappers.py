"""LastTimeStep, MaskZeroLayer and TimeDistributed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.lowering import lower
from tests.layers.properties import GAPS, features


def bare(layer: Any, parameters: dict[str, np.ndarray] | None = None, **settings: Any) -> rg.MultiLayerNetwork:
    """The layer alone."""
    settings = {"data_type": "float64", "seed": 3, **settings}
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer], input_type=rg.InputType.recurrent(3), **settings))
    if parameters:
        net.set_parameters(parameters)
    return net


@pytest.mark.parametrize("value", [0.0, -1.0, 0.1])
@pytest.mark.parametrize("data_type", ["float32", "float64"])
def test_mask_zero_layer_is_a_features_mask_read_from_x(value: float, data_type: str) -> None:
    x = np.where(GAPS[:, None] > 0, features(), value).astype(data_type)
    x[0, 1, 0] = value  # one feature alone masks nothing
    inner = bare(rg.LSTM(n_out=4), data_type=data_type)
    ours = bare(rg.MaskZeroLayer(rg.LSTM(n_out=4), value), inner.parameters(), data_type=data_type)
    np.testing.assert_allclose(ours.output(x), inner.output(x, GAPS), rtol=0, atol=1e-6 if data_type == "float32" else 1e-14)


def test_mask_zero_layer_keeps_what_a_features_mask_leaves_out() -> None:
    x, mask = features(), np.ones_like(GAPS)
    x[:, :, 2] = 0
    mask[:, 5:] = 0
    both = mask * (np.abs(x).sum(1) > 0)
    inner = bare(rg.GRU(n_out=4))
    for value in (0.0, 7.0):
        shown = np.where((x == 0) & (mask[:, None] > 0), value, x)
        shown[:, :, 6] = np.nan
        got = bare(rg.MaskZeroLayer(rg.GRU(n_out=4), value), inner.parameters()).output(shown, mask)
        np.testing.assert_allclose(got, inner.output(x, both), rtol=0, atol=1e-14)


def test_behind_a_mask_zero_layer_there_is_no_mask() -> None:
    """A dense layer sees the 0 of masked steps, and so does the next recurrent layer."""
    x = np.where(GAPS[:, None] > 0, features(), 0.0)
    first, second = bare(rg.MaskZeroLayer(rg.LSTM(n_out=3))), bare(rg.SimpleRnn(n_out=3))
    layers = [rg.MaskZeroLayer(rg.LSTM(n_out=3)), rg.SimpleRnn(n_out=3)]
    config = rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.recurrent(3), data_type="float64", seed=3)
    net = rg.MultiLayerNetwork(config)
    net.set_parameters({**first.parameters(), **{k.replace("0.", "1."): v for k, v in second.parameters().items()}})
    for mask in (None, GAPS):
        np.testing.assert_allclose(net.output(x, mask), second.output(first.output(x)), rtol=0, atol=1e-14)


def test_last_time_step_reads_the_mask_of_a_mask_zero_layer_inside() -> None:
    x = np.where(GAPS[:, None] > 0, features(), 0.0)
    for mode in ("hold", "reset"):
        inner = bare(rg.LSTM(n_out=4), mask_mode=mode)
        steps = inner.output(x, GAPS)
        last = bare(rg.LastTimeStep(rg.MaskZeroLayer(rg.LSTM(n_out=4))), inner.parameters(), mask_mode=mode).output(x)
        want = [steps[n, :, np.flatnonzero(m)[-1]] if m.any() else np.zeros(4) for n, m in enumerate(GAPS)]
        np.testing.assert_allclose(last, want, rtol=0, atol=1e-14)


def test_last_time_step_of_a_layer_without_state_keeps_the_output_it_saw() -> None:
    """With and without a mask, and between calls with and without one."""
    net = bare(rg.LastTimeStep(rg.DenseLayer(n_out=4)))
    dense = bare(rg.DenseLayer(n_out=4), net.parameters())
    x = features()
    steps = dense.output(x)
    np.testing.assert_allclose(net.rnn_time_step(x), steps[:, :, -1], rtol=0, atol=1e-14)
    nothing = np.zeros((len(x), 2))
    np.testing.assert_allclose(net.rnn_time_step(np.full((len(x), 3, 2), np.nan), nothing), steps[:, :, -1], rtol=0, atol=1e-14)
    assert {k: v.shape for k, v in net.rnn_get_previous_state(0).items()} == {"last_output": (len(x), 4)}


def test_time_distributed_is_the_layer_on_each_step() -> None:
    net = bare(rg.TimeDistributed(rg.DenseLayer(n_out=4, activation="tanh")))
    p, x = net.parameters(), features()
    want = np.tanh(np.einsum("of,nft->not", p["0.W"], x) + p["0.b"][:, None])
    np.testing.assert_allclose(net.output(x), want, rtol=0, atol=1e-14)
    masked = net.output(np.where(GAPS[:, None] > 0, x, np.nan), GAPS)
    real = np.broadcast_to(GAPS[:, None] > 0, want.shape)
    np.testing.assert_allclose(masked[real], want[real], rtol=0, atol=1e-14)
    plain = bare(rg.DenseLayer(n_out=4, activation="tanh"))
    assert str(lower(net.config)) == str(lower(plain.config)), "steps need no rearranging"


def test_wrapped_layers_train_with_the_updater_inside() -> None:
    inner = rg.GRU(n_out=4, updater=rg.Adam(0.01), l2=0.1)
    layers = [rg.LastTimeStep(rg.MaskZeroLayer(inner)), rg.OutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.recurrent(3)))
    labels = np.eye(2)[[0, 1, 0, 1, 0]]
    before = net.score(rg.DataSet(features(), labels))
    net.fit(rg.DataSet(features(), labels), epochs=30, progress=False)
    assert net.score(rg.DataSet(features(), labels)) < before
    assert {k for k, v in net.updater_state.items() if v} == {"0.W", "0.R", "0.b", "0.bR"}


@pytest.mark.parametrize("mask", [None, GAPS], ids=["whole", "masked"])
def test_a_value_that_the_type_does_not_reach_masks_nothing(mask: np.ndarray | None) -> None:
    """1e300 is infinite in float32, and no feature is; a step that a mask leaves out is left out nonetheless."""
    inner = bare(rg.LSTM(n_out=4), data_type="float32")
    ours = bare(rg.MaskZeroLayer(rg.LSTM(n_out=4), 1e300), inner.parameters(), data_type="float32")
    x = features().astype(np.float32)
    np.testing.assert_allclose(ours.output(x, mask), inner.output(x, mask), rtol=0, atol=1e-6)
