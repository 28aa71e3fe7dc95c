"""Initial states that are learned or given: what must hold of every recurrent layer holds from them, against reference and differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.lowering import lower
from tests.layers import properties
from tests.layers.properties import GAPS, features, network

ROW = [0.4, -0.7, 1.5]
FORWARD: dict[str, Callable[[], Any]] = {
    "lstm": lambda: rg.LSTM(n_out=3, initial_state="learned"),
    "graves": lambda: rg.GravesLSTM(n_out=3, initial_state={"h": "learned", "c": ROW}),
    "gru": lambda: rg.GRU(n_out=3, initial_state={"h": "learned"}),
    "simple": lambda: rg.SimpleRnn(n_out=3, initial_state=-0.8),
    "last": lambda: rg.LastTimeStep(rg.GRU(n_out=3, reset_after=False, initial_state="learned")),
    "mask zero": lambda: rg.MaskZeroLayer(rg.SimpleRnn(n_out=3, has_layer_norm=True, initial_state="learned")),
}
BOTH: dict[str, Callable[[], Any]] = {
    "both ways": lambda: rg.Bidirectional(rg.LSTM(n_out=3, initial_state={"h": ROW, "c": "learned"})),
    "both ways of gru": lambda: rg.Bidirectional("add", rg.GRU(n_out=3, initial_state="learned")),
    "graves both ways": lambda: rg.GravesBidirectionalLSTM(n_out=3, initial_state="learned"),
    "graves both ways, given": lambda: rg.GravesBidirectionalLSTM(n_out=3, initial_state={"h": ROW, "c": -0.5}),
    "both lasts": lambda: rg.Bidirectional(rg.LastTimeStep(rg.LSTM(n_out=3, initial_state="learned"))),
}
FORMS = {**FORWARD, **BOTH}
CASES = [*((form, "hold") for form in FORMS), ("lstm", "reset"), ("simple", "reset"), ("both ways of gru", "reset"), ("gru", "ignore")]


@pytest.mark.parametrize(("form", "mode"), CASES)
def test_backends_agree(form: str, mode: str, tmp_path: Path) -> None:
    properties.check_backends(FORMS[form](), tmp_path, mode)


@pytest.mark.parametrize(("form", "mode"), CASES)
def test_the_gradient_is_that_of_the_references_differences(form: str, mode: str) -> None:
    properties.check_gradient(FORMS[form](), mode)


@pytest.mark.parametrize("form", ["lstm", "mask zero", "both ways", "both lasts"])
def test_a_masked_step_does_not_exist(form: str) -> None:
    properties.check_a_masked_step_does_not_exist(FORMS[form]())


@pytest.mark.parametrize("form", ["lstm", "graves", "last"])
def test_it_streams_with_equal_bits(form: str, tmp_path: Path) -> None:
    properties.check_streaming(FORWARD[form](), tmp_path)


def test_the_first_step_by_hand() -> None:
    """h = tanh(W x + R h0 + b), and the same h0 in every row."""
    net = network(rg.SimpleRnn(n_out=3, initial_state="learned"))
    p, x = net.parameters(), features(t=1)
    h = np.tanh(x[:, :, 0] @ p["0.W"].T + p["0.R"] @ p["0.h0"] + p["0.b"])
    assert np.abs(p["0.R"] @ p["0.h0"]).min() > 0.01
    np.testing.assert_allclose(net.output(x)[:, :, 0], np.tanh(h @ p["1.W"].T + p["1.b"]), rtol=0, atol=1e-14)


@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_what_a_wholly_masked_row_gives_last_is_what_it_begins_with(mode: str) -> None:
    net = network(rg.LastTimeStep(rg.LSTM(n_out=3, initial_state={"h": ROW})), mode)
    p = net.parameters()
    want = np.tanh(p["1.W"] @ np.array(ROW) + p["1.b"])
    assert not GAPS[2].any()
    np.testing.assert_allclose(net.output(features(), GAPS)[2], want, rtol=0, atol=1e-14)
    np.testing.assert_allclose(net.rnn_time_step(features(), GAPS)[2], want, rtol=0, atol=1e-14)


def test_names_shapes_and_start() -> None:
    config = rg.MultiLayerConfiguration(
        layers=[
            rg.LSTM(n_in=2, n_out=3, initial_state="learned"),
            rg.Bidirectional(rg.GRU(n_out=4, initial_state="learned")),
            rg.SimpleRnn(n_out=2, initial_state=[1, 2]),
        ]
    )
    net = rg.MultiLayerNetwork(config)
    starts = {name: array for name, array in net.parameters().items() if name.endswith("0")}
    assert {name: a.shape for name, a in starts.items()} == {"0.h0": (3,), "0.c0": (3,), "1.forward.h0": (4,), "1.backward.h0": (4,)}
    assert not any(a.any() for a in starts.values())
    np.testing.assert_array_equal(net.buffers()["2.h0"], np.array([1, 2], np.float32))
    plain = config.replaced(layers=[rg.LSTM(n_in=2, n_out=3), rg.Bidirectional(rg.GRU(n_out=4)), rg.SimpleRnn(n_out=2)])
    for name, array in rg.MultiLayerNetwork(plain).parameters().items():
        np.testing.assert_array_equal(net.parameters()[name], array)  # the draws of the others are what they were
    counted = [int(line.split()[-2].replace(",", "")) for line in net.summary().splitlines()[2:5]]
    assert counted == [4 * 3 * (2 + 3 + 1) + 6, 2 * (3 * 4 * (3 + 4 + 2) + 4), 2 * (8 + 2 + 1)]


def test_noise_on_weights_leaves_them_alone() -> None:
    for layer in (rg.GRU, rg.GravesBidirectionalLSTM):
        noisy: Any = layer(n_out=3, initial_state="learned", weight_noise=rg.DropConnect(retain=0.5, apply_to_biases=True))
        noise = [p.name for p in lower(network(noisy).config, loss=True).ports("noise")]
        assert any("weights.R" in name or "weights.b" in name for name in noise)
        assert not [name for name in noise if "h0" in name or "c0" in name]
