"""Files as the exporter writes them, of networks of several layers, beside the networks that they came from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import rnngraph as rg
from rnngraph.backends import reference
from rnngraph.exporters import export_onnx
from rnngraph.ir.types import evaluate
from rnngraph.lowering import lower
from rnngraph.runtime import StateSnapshot, StreamingSession, verify
from tests.exporters.networks import same
from tests.runtime.files import Array, feed

RNN_OUT = rg.RnnOutputLayer(n_out=4, activation="softmax", loss="mcxent")
OUT = rg.OutputLayer(n_out=4, activation="softmax", loss="mcxent")
STACKS: dict[str, list[Any]] = {
    "lstm": [rg.LSTM(n_in=3, n_out=8), RNN_OUT],
    "stack": [
        rg.GravesLSTM(n_in=3, n_out=6, activation="softsign"),
        rg.LSTM(n_out=8),
        rg.SimpleRnn(n_out=5),
        rg.DenseLayer(n_out=7, activation="relu"),
        RNN_OUT,
    ],
    "last": [rg.LSTM(n_in=3, n_out=6), rg.LastTimeStep(rg.SimpleRnn(n_out=5)), OUT],
}
X = np.random.default_rng(0).standard_normal((2, 3, 11)).astype(np.float32)
MASK = np.array([[1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1], [0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0]], np.float32)


def network(name: str, **settings: Any) -> rg.MultiLayerNetwork:
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=7, layers=STACKS[name], **settings))


def opened(folder: Path, net: rg.MultiLayerNetwork, **options: Any) -> StreamingSession:
    export_onnx(net, folder / "net.onnx", **options)
    return StreamingSession(folder / "net.onnx")


def expected(net: rg.MultiLayerNetwork, x: Array, mask: Array | None = None) -> Array:
    """What the float64 reference backend gives from zero states."""
    graph = lower(net.config, features_mask=mask is not None)
    zeros = {p.name: np.zeros([evaluate(d, {"N": len(x)}) for d in p.value.shape]) for p in graph.ports("state")}
    masks = {} if mask is None else {"features_mask": mask}
    return np.asarray(reference.run(graph, {**net.parameters(), **zeros, **masks, "x": x})["y"])


by_stack = pytest.mark.parametrize("name", STACKS)
by_options = pytest.mark.parametrize("options", [{}, {"target": "cpu"}, {"steps": 1}, {"batch": 2}], ids=str)


@pytest.mark.parametrize("masked", [False, True])
@by_options
@by_stack
def test_verify_finds_all_files_right(name: str, options: dict[str, Any], masked: bool, tmp_path: Path) -> None:
    net = network(name)
    export_onnx(net, tmp_path / "net.onnx", features_mask=masked, **options)
    report = verify(tmp_path / "net.onnx", net)
    assert report, str(report)
    told = {row.what: row.absolute for row in report.rows}
    assert told.keys() >= {"golden 0: y", "golden 1: next_state_00_h", "whole = chunked: y", "whole = stepped: state_00_h", "network: y"}
    assert ("whole = row alone: y" in told) == ("batch" not in options)
    assert {absolute for what, absolute in told.items() if what.startswith("whole")} == {0.0}


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@by_options
@by_stack
def test_files_compute_what_the_network_computes(name: str, options: dict[str, Any], mask: Array | None, tmp_path: Path) -> None:
    net = network(name)
    session = opened(tmp_path, net, features_mask=mask is not None, **options)
    x = X if mask is None else np.where(mask[:, None] == 0, np.float32(np.nan), X)
    y = session.output(x, mask)
    assert (y.dtype, y.flags.writeable) == (np.dtype("float32"), True)
    same({"y": y}, {"y": expected(net, X, mask)}, mask, 1e-6)
    same({"y": net.output(x, mask)}, {"y": y}, mask, 1e-5)
    for lengths in ([1], [3, 1, 4]):
        same({"y": feed(session, x, mask, lengths)[0]}, {"y": y}, mask)


def test_float64(tmp_path: Path) -> None:
    net = network("stack", data_type="float64")
    session = opened(tmp_path, net)
    assert session.output(X).dtype == np.float64
    np.testing.assert_allclose(session.rnn_time_step(X), expected(net, X.astype(float)), atol=1e-12)


def test_a_network_without_a_time_axis(tmp_path: Path) -> None:
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.DenseLayer(n_in=3, n_out=5, activation="tanh"), OUT]))
    session, x = opened(tmp_path, net), X[:, :, 0]
    np.testing.assert_allclose(session.output(x), net.output(x), atol=1e-6)
    np.testing.assert_array_equal(session.rnn_time_step(x), session.output(x))
    assert verify(tmp_path / "net.onnx", net)
    with pytest.raises(rg.InputError, match=r"x has shape \[2, 3, 1\], rank 3; expected \[N, 3\]"):
        session.output(x[:, :, None])


def test_the_manifest_is_what_stands_in_the_file(tmp_path: Path) -> None:
    manifest = opened(tmp_path, network("last"), features_mask=True, batch=2).manifest
    want = json.loads(next(p.value for p in onnx.load(tmp_path / "net.onnx").metadata_props if p.key == "rnngraph"))
    parameters = want.pop("parameters")
    got = json.loads(json.dumps(dataclasses.asdict(manifest)))
    assert all(port.pop("ids") is None for port in [*got["inputs"], *got["outputs"]])
    assert (got.pop("parameters_count"), got.pop("parameters_sha256")) == (parameters["count"], parameters["sha256"])
    assert got.pop("precision") is None
    assert got == want
    assert (manifest.batch, manifest.mask.input, manifest.time.output_axis) == (2, "features_mask", None)


# The state of several layers


def test_states_are_read_and_set_layer_by_layer(tmp_path: Path) -> None:
    session = opened(tmp_path, network("stack"))
    session.rnn_time_step(X[:, :, :4])
    states = [session.rnn_get_previous_state(i) for i in range(3)]
    assert [{k: v.shape for k, v in s.items()} for s in states] == [{"h": (2, 6), "c": (2, 6)}, {"h": (2, 8), "c": (2, 8)}, {"h": (2, 5)}]
    session.rnn_clear_previous_state()
    session.rnn_set_previous_state(0, {"prevAct": states[0]["h"], "prevMem": states[0]["c"]})
    for i in (1, 2):
        session.rnn_set_previous_state(i, states[i])
    np.testing.assert_array_equal(session.rnn_time_step(X[:, :, 4:]), session.output(X)[:, :, 4:])
    with pytest.raises(rg.StateError, match=r"layers\[3\] is a DenseLayer, which has no state; layers with state: 0, 1, 2"):
        session.rnn_get_previous_state(3)


def test_rows_are_cleared_in_all_layers(tmp_path: Path) -> None:
    session = opened(tmp_path, network("stack"))
    session.rnn_time_step(X[:, :, 0])
    session.rnn_clear_previous_state([1])
    y = session.rnn_time_step(X[:, :, 1])
    np.testing.assert_array_equal(y[0], session.output(X)[0, :, 1])
    np.testing.assert_array_equal(y[1], session.output(X[:, :, 1:])[1, :, 0])


@pytest.mark.parametrize("mask_mode", ["hold", "reset"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_stream_moves_between_torch_and_onnxruntime(mask_mode: str, masked: bool, tmp_path: Path) -> None:
    net = network("last", mask_mode=mask_mode)
    session = opened(tmp_path, net, features_mask=masked)
    mask = np.ones((2, 11), np.float32)
    if masked:
        mask[:, :4], mask[0, 4:8] = [[1, 0, 1, 1], [1, 1, 0, 0]], 0
    pieces = [(X[:, :, a:b], mask[:, a:b] if masked else None) for a, b in ((0, 4), (4, 8), (8, 11))]
    net.rnn_time_step(*pieces[0])
    session.restore(net.snapshot())
    there = session.rnn_time_step(*pieces[1])
    net.rnn_time_step(X)
    net.restore(session.snapshot())
    back = net.rnn_time_step(*pieces[2])
    np.testing.assert_allclose(there, net.output(X[:, :, :8], mask[:, :8]), atol=1e-5)
    np.testing.assert_allclose(back, net.output(X, mask), atol=1e-5)


def test_a_stream_moves_between_the_files_of_one_network(tmp_path: Path) -> None:
    files: list[dict[str, Any]] = [{}, {"target": "cpu"}, {"steps": 1}, {"batch": 2}, {"features_mask": True}]
    net, outputs, digests = network("stack"), [], set()
    data = StateSnapshot().to_bytes()
    for k, options in enumerate(files):
        session = opened(tmp_path, net, **options)
        assert session.manifest.steps == options.get("steps")
        digests.add(session.manifest.parameters_sha256)
        session.restore(StateSnapshot.from_bytes(data))
        outputs.append(session.rnn_time_step(X[:, :, 2 * k : 2 * k + 2]))
        data = session.snapshot().to_bytes()
    np.testing.assert_allclose(np.concatenate(outputs, 2), expected(net, X)[:, :, :10], atol=1e-6)
    assert len(digests) == 1
