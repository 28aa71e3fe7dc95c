"""Files as the exporter writes them, beside the networks that they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, read_manifest, verify

RNN_OUT = rg.RnnOutputLayer(n_out=4, activation="softmax", loss="mcxent")
OUT = rg.OutputLayer(n_out=4, activation="softmax", loss="mcxent")
STACKS: dict[str, list[Any]] = {
    "lstm": [rg.LSTM(n_in=3, n_out=8), RNN_OUT],
    "stack": [
        rg.GravesLSTM(n_in=3, n_out=6, activation="softsign"),
        rg.SimpleRnn(n_out=5),
        rg.DenseLayer(n_out=7, activation="relu"),
        RNN_OUT,
    ],
    "last": [rg.LSTM(n_in=3, n_out=6), rg.LastTimeStep(rg.SimpleRnn(n_out=5)), OUT],
}


def network(name: str, mask_mode: str = "hold") -> rg.MultiLayerNetwork:
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=7, layers=STACKS[name], mask_mode=mask_mode))


@pytest.mark.parametrize("options", [{}, {"features_mask": True}, {"steps": 1}, {"target": "cpu"}, {"batch": 2}], ids=str)
@pytest.mark.parametrize("name", STACKS)
def test_files_compute_what_the_network_computes(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    net, path = network(name), tmp_path / "net.onnx"
    export_onnx(net, path, **options)
    report = verify(path, net)
    assert report, str(report)
    x = np.random.default_rng(0).standard_normal((2, 3, 11)).astype(np.float32)
    session = StreamingSession(path)
    stepped = [session.rnn_time_step(x[:, :, t]) for t in range(11)]
    whole = session.output(x)
    np.testing.assert_array_equal(stepped[-1] if whole.ndim == 2 else np.stack(stepped, 2), whole)
    np.testing.assert_allclose(whole, net.output(x), atol=1e-5)


@pytest.mark.parametrize("mask_mode", ["hold", "reset"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_stream_moves_between_torch_and_onnxruntime(mask_mode: str, masked: bool, tmp_path: Path) -> None:
    net, path = network("last", mask_mode), tmp_path / "net.onnx"
    export_onnx(net, path, features_mask=masked)
    session = StreamingSession(path)
    x = np.random.default_rng(0).standard_normal((2, 3, 12)).astype(np.float32)
    net.rnn_time_step(x[:, :, :4], np.array([[1, 0, 1, 1], [1, 1, 0, 0]]) if masked else None)
    session.restore(net.snapshot())
    there = session.rnn_time_step(x[:, :, 4:8], np.array([[0] * 4, [1] * 4]) if masked else None)
    net.rnn_time_step(x)
    net.restore(session.snapshot())
    back = net.rnn_time_step(x[:, :, 8:])
    wanted = network("last", mask_mode)
    mask = np.ones((2, 12))
    if masked:
        mask[:, :4], mask[0, 4:8] = [[1, 0, 1, 1], [1, 1, 0, 0]], 0
    np.testing.assert_allclose(there, wanted.output(x[:, :, :8], mask[:, :8]), atol=1e-5)
    np.testing.assert_allclose(back, wanted.output(x, mask), atol=1e-5)


def test_a_network_without_a_time_axis(tmp_path: Path) -> None:
    config = rg.MultiLayerConfiguration(layers=[rg.DenseLayer(n_in=3, n_out=5, activation="tanh"), OUT])
    net, path = rg.MultiLayerNetwork(config), tmp_path / "net.onnx"
    export_onnx(net, path)
    session = StreamingSession(path)
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_allclose(session.output(x), net.output(x), atol=1e-6)
    np.testing.assert_array_equal(session.rnn_time_step(x), session.output(x))
    assert verify(path, net)
    with pytest.raises(rg.InputError, match=r"x has shape \[4, 3, 1\], rank 3; expected \[N, 3\]"):
        session.output(x[:, :, None])


def test_files_of_one_network_share_a_digest(tmp_path: Path) -> None:
    paths = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    export_onnx(network("lstm"), paths[0])
    export_onnx(network("lstm"), paths[1], steps=1)
    a, b = map(read_manifest, paths)
    assert a.parameters_sha256 == b.parameters_sha256
    assert (a.steps, b.steps) == (None, 1)
