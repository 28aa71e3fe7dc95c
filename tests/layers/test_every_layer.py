"""Every recurrent layer and wrapper: what must hold of all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnngraph as rg
from tests.ir.builders import masks
from tests.layers import properties

Make = Callable[[int], Any]
"""From a width, a layer."""

FORWARD: dict[str, Make] = {
    "lstm": lambda n: rg.LSTM(n_out=n),
    "lstm softsign hardsigmoid": lambda n: rg.LSTM(n_out=n, activation="softsign", gate_activation="hardsigmoid"),
    "graves": lambda n: rg.GravesLSTM(n_out=n),
    "simple": lambda n: rg.SimpleRnn(n_out=n),
    "layer norm": lambda n: rg.SimpleRnn(n_out=n, has_layer_norm=True),
    "gru": lambda n: rg.GRU(n_out=n),
    "gru before": lambda n: rg.GRU(n_out=n, reset_after=False),
    "gru softsign hardsigmoid": lambda n: rg.GRU(n_out=n, activation="softsign", gate_activation="hardsigmoid"),
    "gru before sigmoid softsign": lambda n: rg.GRU(n_out=n, activation="sigmoid", gate_activation="softsign", reset_after=False),
    "last lstm": lambda n: rg.LastTimeStep(rg.LSTM(n_out=n)),
    "last gru": lambda n: rg.LastTimeStep(rg.GRU(n_out=n)),
    "last layer norm": lambda n: rg.LastTimeStep(rg.SimpleRnn(n_out=n, has_layer_norm=True)),
    "last dense": lambda n: rg.LastTimeStep(rg.DenseLayer(n_out=n)),
    "mask zero": lambda n: rg.MaskZeroLayer(rg.LSTM(n_out=n)),
    "mask zero gru": lambda n: rg.MaskZeroLayer(rg.GRU(n_out=n), 0.1),
    "last mask zero": lambda n: rg.LastTimeStep(rg.MaskZeroLayer(rg.SimpleRnn(n_out=n))),
    "time distributed": lambda n: rg.TimeDistributed(rg.DenseLayer(n_out=n)),
}
BOTH_WAYS: dict[str, Make] = {
    "add lstm": lambda n: rg.Bidirectional("add", rg.LSTM(n_out=n)),
    "mul graves": lambda n: rg.Bidirectional("mul", rg.GravesLSTM(n_out=n)),
    "average simple": lambda n: rg.Bidirectional("average", rg.SimpleRnn(n_out=n)),
    "concat gru": lambda n: rg.Bidirectional(rg.GRU(n_out=n)),
    "concat gru before": lambda n: rg.Bidirectional(rg.GRU(n_out=n, reset_after=False)),
    "add layer norm": lambda n: rg.Bidirectional("add", rg.SimpleRnn(n_out=n, has_layer_norm=True)),
    "mask zero": lambda n: rg.Bidirectional(rg.MaskZeroLayer(rg.LSTM(n_out=n))),
    "graves": lambda n: rg.GravesBidirectionalLSTM(n_out=n),
    "last of both": lambda n: rg.LastTimeStep(rg.Bidirectional("mul", rg.GRU(n_out=n))),
    "both lasts": lambda n: rg.Bidirectional("average", rg.LastTimeStep(rg.LSTM(n_out=n))),
    "both lasts of gru": lambda n: rg.Bidirectional(rg.LastTimeStep(rg.GRU(n_out=n))),
    "last of mask zero": lambda n: rg.LastTimeStep(rg.Bidirectional(rg.MaskZeroLayer(rg.SimpleRnn(n_out=n)))),
}
LAYERS = {**{f"forward {k}": v for k, v in FORWARD.items()}, **{f"both ways {k}": v for k, v in BOTH_WAYS.items()}}


@pytest.mark.parametrize("mode", properties.MODES)
@pytest.mark.parametrize("name", LAYERS)
def test_backends_agree(name: str, mode: str, tmp_path: Path) -> None:
    properties.check_backends(LAYERS[name](4), tmp_path, mode)


@pytest.mark.parametrize("mode", properties.MODES)
@pytest.mark.parametrize("name", LAYERS)
def test_gradient_equals_central_differences(name: str, mode: str) -> None:
    properties.check_gradient(LAYERS[name](4), mode)
    if mode == "hold":
        properties.check_gradient(LAYERS[name](4), mode, masked=False)


@pytest.mark.parametrize("name", LAYERS)
def test_a_masked_step_does_not_exist(name: str) -> None:
    properties.check_a_masked_step_does_not_exist(LAYERS[name](4))


@pytest.mark.parametrize("mode", properties.MODES)
@pytest.mark.parametrize("name", FORWARD)
def test_it_streams(name: str, mode: str, tmp_path: Path) -> None:
    properties.check_streaming(FORWARD[name](5), tmp_path, mode)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_it_needs_whole_sequences(name: str, tmp_path: Path) -> None:
    properties.check_whole_sequences_only(BOTH_WAYS[name](3), tmp_path)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(LAYERS)),
    mode=st.sampled_from(properties.MODES),
    width=st.integers(1, 9),
    features=st.integers(1, 9),
    mask=masks(),
    seed=st.integers(0, 999),
)
def test_backends_agree_whatever_the_sizes_and_the_mask(name: str, mode: str, width: int, features: int, mask: Any, seed: int) -> None:
    x = properties.features(len(mask), mask.shape[1], seed=seed, width=features)
    x[:, :, 0] = 0  # masked for MaskZeroLayer
    with tempfile.TemporaryDirectory() as folder:
        properties.check_backends(LAYERS[name](width), Path(folder), mode, x, mask)


@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_network_comes_back(name: str, tmp_path: Path) -> None:
    net = properties.network(LAYERS[name](3), data_type="float32")
    net.fit(properties.dataset(net, properties.features(), properties.GAPS), progress=False)
    net.save(tmp_path / "net.rnng")
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    assert again.config == net.config
    x = properties.features().astype(np.float32)
    assert np.array_equal(again.output(x), net.output(x))
