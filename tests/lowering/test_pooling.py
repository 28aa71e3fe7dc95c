"""GlobalPoolingLayer: its numbers, masks, streams and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.torch import Program
from rnngraph.exporters import export_onnx
from rnngraph.ir.graph import Graph
from rnngraph.ir.types import N, T, floats
from rnngraph.runtime import StreamingSession

KINDS: list[dict[str, Any]] = [
    *({"pooling_type": k} for k in ("max", "avg", "sum", "pnorm")),
    *({"pooling_type": "pnorm", "pnorm": p} for p in (1, 3, 6)),
]
GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((3, 4, 12)).astype(np.float32)
MASK = np.array([[1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0], [0] * 12, [1] * 12], np.float32)


def pooling(data_type: str = "float32", n_in: int = 4, **fields: Any) -> rg.MultiLayerNetwork:
    layers = [rg.GlobalPoolingLayer(n_in=n_in, **fields)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type=data_type))


def expected(x: np.ndarray, pooling_type: str, pnorm: int = 2) -> np.ndarray:
    """One row's pool [F] of its real steps x [F, T]."""
    if not x.shape[1]:
        return np.zeros(len(x))
    x = x.astype(np.float64)
    made: np.ndarray = {
        "max": lambda: x.max(1),
        "avg": lambda: x.mean(1),
        "sum": lambda: x.sum(1),
        "pnorm": lambda: (np.abs(x) ** pnorm).sum(1) ** (1 / pnorm),
    }[pooling_type]()
    return made


@pytest.mark.parametrize("fields", KINDS, ids=str)
def test_numbers(fields: dict[str, Any], tmp_path: Path) -> None:
    """A row that is masked at every step gives 0; what stands at masked steps is not read."""
    want = np.stack([expected(x[:, m > 0], **fields) for x, m in zip(X, MASK, strict=True)])
    dirty = np.where(MASK[:, None] > 0, X, np.nan)
    net = pooling(**fields)
    np.testing.assert_allclose(net.output(dirty, MASK), want, atol=2e-6)
    np.testing.assert_allclose(net.output(X), np.stack([expected(x, **fields) for x in X]), atol=2e-6)
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx").output(dirty, MASK), want, atol=2e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("fields", KINDS, ids=str)
@pytest.mark.parametrize(("n", "f"), [(1, 1), (3, 1), (2, 5), (9, 17), (4, 130)])
def test_the_last_piece_equals_the_whole_to_the_bit(fields: dict[str, Any], masked: bool, n: int, f: int, tmp_path: Path) -> None:
    net = pooling(n_in=f, **fields)
    export_onnx(net, tmp_path / "net.onnx", features_mask=masked)
    x = (GENERATOR.standard_normal((n, f, 40)) * 3).astype(np.float32)
    mask = (GENERATOR.random((n, 40)) > 0.4).astype(np.float32) if masked else None
    session = StreamingSession(tmp_path / "net.onnx")
    whole = session.output(x, mask)
    for cuts in ([7, 8, 23], list(range(1, 40))):
        session.rnn_clear_previous_state()
        pieces = zip(np.split(x, cuts, 2), np.split(mask, cuts, 1) if mask is not None else [None] * 40, strict=False)
        last = [session.rnn_time_step(a, b) for a, b in pieces][-1]
        np.testing.assert_array_equal(last, whole)
    for row in range(n):
        alone = session.output(x[row : row + 1], None if mask is None else mask[row : row + 1])
        np.testing.assert_array_equal(alone[0], whole[row])


def test_states_of_files_with_and_without_a_mask_are_the_same(tmp_path: Path) -> None:
    for fields in KINDS[:4]:
        net = pooling(**fields)
        sessions = []
        for masked in (False, True):
            export_onnx(net, tmp_path / f"{masked}.onnx", features_mask=masked)
            sessions.append(StreamingSession(tmp_path / f"{masked}.onnx"))
        plain, masking = sessions
        plain.rnn_time_step(X[:, :, :5])
        masking.restore(plain.snapshot())
        np.testing.assert_array_equal(masking.rnn_time_step(X[:, :, 5:]), plain.output(X))
        masking.rnn_clear_previous_state(rows=[0])
        np.testing.assert_array_equal(masking.rnn_time_step(X[:, :, 3])[0], plain.output(X[:1, :, 3:4])[0])


def test_a_stream_that_has_seen_nothing_gives_zero_and_goes_on(tmp_path: Path) -> None:
    net = pooling(pooling_type="max")
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    for held in (StreamingSession(tmp_path / "net.onnx"), net):
        assert isinstance(held, (StreamingSession, rg.MultiLayerNetwork))
        assert not held.rnn_time_step(X[:, :, 0], np.zeros(3)).any()
        np.testing.assert_array_equal(held.rnn_time_step(-np.abs(X[:, :, 1])), -np.abs(X[:, :, 1]))


def test_equal_maxima_share_the_gradient() -> None:
    graph = Graph("float64")
    graph.output("y", "output", graph.add("max_steps", [graph.input("x", "input", floats(T, N, 2))]))
    x = torch.tensor([[[1.0, 5.0]], [[3.0, 2.0]], [[3.0, 4.0]]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(Program(graph)({"x": x})["y"].sum(), [x])
    assert gradient.squeeze(1).tolist() == [[0.0, 1.0], [0.5, 0.0], [0.5, 0.0]]


@pytest.mark.parametrize("p", [1, 2, 3])
def test_the_gradient_of_a_norm_of_zeros_is_zero(p: int) -> None:
    layers = [rg.SimpleRnn(n_in=4, n_out=3, activation="relu"), rg.GlobalPoolingLayer("pnorm", pnorm=p), rg.LossLayer(loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, weight_init="zero"))
    _, gradient = net.gradient(rg.DataSet(X, np.eye(3)))
    assert all(np.isfinite(g).all() for g in gradient.values())
    assert not gradient["0.W"].any()


def test_mistakes() -> None:
    message = "GlobalPoolingLayer: pooling_type='mean': expected one of max, avg, sum, pnorm"
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}"):
        rg.GlobalPoolingLayer("mean")  # type: ignore[arg-type]
    message = (
        "layers[1] (GlobalPoolingLayer): backprop=TruncatedBPTT(length=20) cannot train it: it pools whole sequences, of which a segment's "
        "loss sees a part; use backprop=StandardBackprop()"
    )
    layers = [rg.LSTM(n_in=2, n_out=3), rg.GlobalPoolingLayer(), rg.OutputLayer(n_out=2)]
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.MultiLayerConfiguration(layers=layers, backprop=rg.TruncatedBPTT(20))
    message = (
        "takes a time series, but layers[0] (LastTimeStep) gives one vector per example; leave it out, or let layers[0] (LastTimeStep)"
    )
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        rg.MultiLayerConfiguration(layers=[rg.LastTimeStep(rg.LSTM(n_in=2, n_out=3)), rg.GlobalPoolingLayer()])
