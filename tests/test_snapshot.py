"""A stream that moves between a network in torch and sessions of its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rnngraph as rg
from rnngraph.errors import StateError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StateSnapshot, StreamingSession

Array = npt.NDArray[Any]
N, F, T = 2, 3, 6
X = np.random.default_rng(0).standard_normal((N, F, T)).astype(np.float32)


def network(seed: int = 3, data_type: str = "float32", kind: str = "steps") -> rg.MultiLayerNetwork:
    """Sequence to sequence ("steps") or to one label ("last")."""
    middle = rg.GravesLSTM(n_out=5)
    end = [middle, rg.RnnOutputLayer(n_out=2)] if kind == "steps" else [rg.LastTimeStep(middle), rg.OutputLayer(n_out=2)]
    layers = [rg.LSTM(n_in=F, n_out=4), *end]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=seed, data_type=data_type, updater=rg.Adam(0.1)))


def trained(net: rg.MultiLayerNetwork) -> rg.MultiLayerNetwork:
    labels = np.zeros((N, 2, T), np.float32)
    labels[:, 0] = 1
    net.fit(rg.DataSet(X, labels), progress=False)
    return net


def exported(net: rg.MultiLayerNetwork, folder: Path, **options: Any) -> StreamingSession:
    export_onnx(net, folder / "net.onnx", **options)
    return StreamingSession(folder / "net.onnx")


def test_there_is_one_class() -> None:
    assert rg.StateSnapshot is StateSnapshot
    assert type(network().snapshot()) is StateSnapshot


@pytest.mark.parametrize("data_type", ["float32", "float64"])
def test_the_digest_is_that_of_the_file(data_type: str, tmp_path: Path) -> None:
    net = trained(network(data_type=data_type))
    assert net.snapshot().model == exported(net, tmp_path).manifest.parameters_sha256


@pytest.mark.parametrize("kind", ["steps", "last"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_stream_moves_to_a_session_and_back(kind: str, masked: bool, tmp_path: Path) -> None:
    net = network(kind=kind)
    session = exported(net, tmp_path, features_mask=masked)
    net.rnn_time_step(X[:, :, :2])
    session.restore(StateSnapshot.from_bytes(net.snapshot().to_bytes()))
    there = session.rnn_time_step(X[:, :, 2:4])
    np.testing.assert_allclose(there, net.rnn_time_step(X[:, :, 2:4]), atol=1e-6)
    net.rnn_clear_previous_state()
    net.restore(StateSnapshot.from_bytes(session.snapshot().to_bytes()))
    np.testing.assert_allclose(net.rnn_time_step(X[:, :, 4:]), session.rnn_time_step(X[:, :, 4:]), atol=1e-6)


def test_a_snapshot_of_other_parameters_is_refused_on_both_sides(tmp_path: Path) -> None:
    net, other = network(), network(seed=4)
    session = exported(net, tmp_path)
    other.rnn_time_step(X)
    session.rnn_time_step(X[:, :, 0])
    net.rnn_time_step(X[:, :, 0])
    snapshot, ours = other.snapshot(), net.snapshot().model
    before = session.rnn_get_previous_state(0), net.rnn_get_previous_state(0)
    told = rf"the snapshot was taken of a network whose parameters have the sha-256 {snapshot.model}, those of {{}} have {ours}; {{}}"
    with pytest.raises(StateError, match=told.format(re.escape(session.path), "restore it into a session of the file")):
        session.restore(snapshot)
    with pytest.raises(StateError, match=told.format("this network", r"take it anew; restore\(StateSnapshot\(snapshot.states\)\)")):
        net.restore(snapshot)
    np.testing.assert_equal((session.rnn_get_previous_state(0), net.rnn_get_previous_state(0)), before)
    net.restore(StateSnapshot(snapshot.states))
    np.testing.assert_equal(net.rnn_get_previous_state(0), other.rnn_get_previous_state(0))


def test_training_and_setting_parameters_make_another_model_and_loading_does_not(tmp_path: Path) -> None:
    net = network()
    first = net.snapshot()
    start = net.parameters()
    trained(net)
    second = net.snapshot()
    assert second.model != first.model
    with pytest.raises(StateError, match="the snapshot was taken of a network whose parameters"):
        net.restore(first)
    net.save(tmp_path / "net.rnng")
    assert rg.MultiLayerNetwork.load(tmp_path / "net.rnng").snapshot().model == second.model
    net.set_parameters(start)
    assert net.snapshot().model == first.model


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "restore: expected a StateSnapshot, got None; give what snapshot() returned"),
        ({}, "restore: expected a StateSnapshot, got {}; give what snapshot() returned"),
        (b"abc", "restore: expected a StateSnapshot, got b'abc'; StateSnapshot.from_bytes reads bytes"),
    ],
)
def test_what_is_no_snapshot_is_refused(value: Any, message: str, tmp_path: Path) -> None:
    net = network()
    for one in (net, exported(net, tmp_path)):
        one.rnn_time_step(X[:, :, 0])
        before = one.rnn_get_previous_state(0)
        with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
            one.restore(value)
        np.testing.assert_equal(one.rnn_get_previous_state(0), before)


def test_a_snapshot_holds_a_mapping() -> None:
    message = "StateSnapshot: states is 5; expected a mapping from the states' names to arrays [N, H]"
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        StateSnapshot(5)  # type: ignore[arg-type]


def overflowing() -> rg.MultiLayerNetwork:
    """A SimpleRnn whose state grows tenfold at each step of ones, without end."""
    layers = [rg.SimpleRnn(n_in=1, n_out=1, activation="relu"), rg.RnnOutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    net.set_parameters({**net.parameters(), "0.W": np.full((1, 1), 1e30), "0.R": np.full((1, 1), 10)})
    return net


def test_a_network_never_holds_a_state_that_overflowed() -> None:
    net, one = overflowing(), np.ones((1, 1), np.float32)
    message = r"layers\[0\] \(SimpleRnn\): the next state 'h' is inf at row 0, unit 0 .* begin the row anew with rnn_clear_previous_state"
    while net.rnn_get_previous_state(0).get("h", np.zeros(1)).max() < 1e38:
        net.rnn_time_step(one)
    before = net.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=message):
        net.rnn_time_step(one)
    np.testing.assert_equal(net.rnn_get_previous_state(0), before)
    assert np.isfinite(before["h"]).all()
    net.restore(net.snapshot())
    net.rnn_clear_previous_state([0])
    assert net.rnn_time_step(one).shape == (1, 2)


def test_a_session_takes_back_what_it_gave_even_after_an_overflow(tmp_path: Path) -> None:
    net = overflowing()
    session = exported(net, tmp_path)
    for _ in range(20):
        session.rnn_time_step(np.ones((1, 1), np.float32))
    snapshot = StateSnapshot.from_bytes(session.snapshot().to_bytes())
    assert np.isinf(snapshot.states["state_00_h"]).all()
    session.rnn_clear_previous_state()
    session.restore(snapshot)
    net.restore(snapshot)
    for one in (session, net):
        np.testing.assert_equal(one.rnn_get_previous_state(0)["h"], snapshot.states["state_00_h"])
        with pytest.raises(StateError, match=r"layers\[0\], state 'h': it is inf at row 0, unit 0; every value has to be finite$"):
            one.rnn_set_previous_state(0, {"h": snapshot.states["state_00_h"]})
        one.rnn_clear_previous_state([0])
        assert np.isfinite(one.rnn_time_step(np.ones((1, 1), np.float32))).all()


@pytest.mark.parametrize("batch", [None, N])
def test_states_that_are_none_are_refused_by_a_session(batch: int | None, tmp_path: Path) -> None:
    session = exported(network(), tmp_path, batch=batch)
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    cases: list[tuple[Any, str]] = [
        (None, r"layers\[0\]: the state is None; expected a mapping"),
        ({"h": [[1, 2], [3]], "c": before["c"]}, r"state 'h': numpy cannot make an array of \[\[1, 2\], \[3\]\]"),
        ({"h": np.float32(1), "c": before["c"]}, r"state 'h': it has the shape \[\], expected \[N, 4\]"),
        ({"h": np.zeros((3, 4)).tolist(), "c": np.zeros((3, 4))}, r"has 3 rows, (but|other layers hold 2)"),
    ]
    for value, message in cases:
        with pytest.raises(StateError, match=message):
            session.rnn_set_previous_state(0, value)
    np.testing.assert_equal(session.rnn_get_previous_state(0), before)
