"""States of any shape that begin at any number: through lowering, network, file, session, snapshots and golden samples."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.conf.family import MEMBERS
from rnngraph.conf.layers.base import PlainLayer
from rnngraph.exporters import export_onnx
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import register
from rnngraph.runtime import StateSnapshot, StreamingSession, read_manifest, verify

X = np.random.default_rng(3).standard_normal((2, 4, 9)).astype(np.float32)
BEGIN = 2.5


class Delay(PlainLayer):
    """The sum of this step and the three before it, which are the state [N, F, 3]; one step at a time."""

    takes_time: ClassVar[bool | None] = True
    type: Literal["Delay"] = "Delay"


MEMBERS.remove(Delay)  # it is used by itself, not by name: other tests list the members


@register(Delay, parameters=lambda layer: ())
def lower_delay(layer: Delay, context: Context, x: Value) -> Value:
    graph = context.graph
    first, second, third = graph.add_many("split", [context.state("last3", (layer.n_in, 3), BEGIN)], parts=3)
    now = graph.add("unsqueeze", [graph.add("row", [x], index=0)], axis=-1)
    context.next_state("last3", graph.add("concat", [second, third, now], axis=-1))
    total = graph.add("squeeze", [first + second + third + now], axis=-1)
    return graph.add("unsqueeze", [total], axis=0) + graph.add("zeros", [x])


def network() -> rg.MultiLayerNetwork:
    layers = [Delay(n_in=4, n_out=4), rg.LSTM(n_out=3), rg.RnnOutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=1))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("delay") / "net.onnx"
    export_onnx(network(), file, steps=1)
    return file


def expected() -> np.ndarray:
    """What the layer behind the delay gets."""
    padded = np.concatenate([np.full((2, 4, 3), BEGIN, np.float32), X], axis=2)
    return np.stack([padded[:, :, t : t + 4].sum(2) for t in range(9)], 2)


def test_the_manifest_tells_shape_and_initial_value(path: Path) -> None:
    state = read_manifest(path).states[0]
    assert (state.input, state.shape, state.initial, state.key) == ("state_00_last3", (4, 3), BEGIN, "last3")
    assert verify(path, network())


def test_it_streams_from_the_initial_value(path: Path) -> None:
    session, net = StreamingSession(path), network()
    behind = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=4, n_out=3), rg.RnnOutputLayer(n_out=2)]))
    behind.set_parameters({f"{int(k[0]) - 1}{k[1:]}": v for k, v in net.parameters().items()})
    want = behind.output(expected())
    got = np.stack([session.rnn_time_step(X[:, :, t]) for t in range(9)], 2)
    np.testing.assert_allclose(got, want, atol=1e-6)
    np.testing.assert_array_equal(session.output(X), got)
    np.testing.assert_allclose(np.stack([net.rnn_time_step(X[:, :, t]) for t in range(9)], 2), want, atol=1e-6)
    for held in (session, net):
        np.testing.assert_array_equal(held.rnn_get_previous_state(0)["last3"], X[:, :, 6:])


def test_rows_that_are_cleared_begin_at_the_initial_value(path: Path) -> None:
    for held in (StreamingSession(path), network()):
        assert isinstance(held, (StreamingSession, rg.MultiLayerNetwork))
        first = held.rnn_time_step(X[:, :, 0])
        held.rnn_time_step(X[:, :, 1])
        held.rnn_clear_previous_state(rows=[1])
        state = held.rnn_get_previous_state(0)["last3"]
        assert (state[1] == BEGIN).all()
        np.testing.assert_array_equal(state[0], np.concatenate([np.full((4, 1), BEGIN), X[0, :, :2]], 1).astype(np.float32))
        np.testing.assert_allclose(held.rnn_time_step(X[:, :, 0])[1], first[1], atol=1e-7)


def test_snapshots_carry_it(path: Path) -> None:
    session = StreamingSession(path)
    session.rnn_time_step(X[:, :, 0])
    snapshot = StateSnapshot.from_bytes(session.snapshot().to_bytes())
    want = session.rnn_time_step(X[:, :, 1])
    other = StreamingSession(path)
    other.restore(snapshot)
    np.testing.assert_array_equal(other.rnn_time_step(X[:, :, 1]), want)
    net = network()
    net.restore(snapshot)
    np.testing.assert_allclose(net.rnn_time_step(X[:, :, 1]), want, atol=1e-6)


def test_states_that_do_not_fit(path: Path) -> None:
    session = StreamingSession(path)
    with pytest.raises(rg.StateError, match=r"layers\[0\], state 'last3': it has the shape \[2, 4\], expected \[N, 4, 3\] with a row"):
        session.rnn_set_previous_state(0, {"last3": np.zeros((2, 4))})
    bad = np.zeros((2, 4, 3))
    bad[1, 2, 0] = np.nan
    with pytest.raises(rg.StateError, match=r"it is nan at row 1, unit \[2, 0\]; every value has to be finite"):
        session.rnn_set_previous_state(0, {"last3": bad})
