"""ComputationGraph piece by piece: truncated BPTT, streams, fits that go on from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from tests.graph_networks import F, Net, R, graph, multi, one_hot, padded, two_heads

# Truncated BPTT


@pytest.mark.parametrize("t", [2, 9])
def test_truncated_bptt_keeps_a_static_input_whole(t: int) -> None:
    """It is trained as one that is given at each step, as wide as the series is long or not."""
    head = {"rnn": (rg.LSTM(n_out=4), "x", "each"), "y": (rg.RnnOutputLayer(n_out=2), "rnn")}
    settings = {"backprop": rg.TruncatedBPTT(1 if t == 2 else 4), "data_type": "float64"}
    static = graph({"each": (rg.DuplicateToTimeSeriesVertex("x"), "who"), **head}, {"x": R(3), "who": F(2)}, "y", **settings)
    series = graph(head, {"x": R(3), "each": R(2)}, "y", **settings)
    series.set_parameters(static.parameters())
    generator, one = np.random.default_rng(1), padded(t=t)
    who = generator.standard_normal((5, 2))
    static.fit(rg.MultiDataSet([one.features, who], [one.labels], [one.features_mask, None]), epochs=2, progress=False)
    again = [one.features, np.repeat(who[:, :, None], t, axis=2)]
    series.fit(rg.MultiDataSet(again, [one.labels], [one.features_mask, one.features_mask]), epochs=2, progress=False)
    assert static.iteration == series.iteration == (4 if t == 2 else 6)
    for name, array in static.parameters().items():
        np.testing.assert_allclose(series.parameters()[name], array, rtol=0, atol=1e-12)


def test_truncated_bptt_cuts_two_series_of_ids() -> None:
    vertices = {
        "a": (rg.EmbeddingSequenceLayer(n_in=5, n_out=3), "left"),
        "b": (rg.EmbeddingSequenceLayer(n_in=4, n_out=3), "right"),
        "rnn": (rg.LSTM(n_out=4), "a", "b"),
        "y": (rg.RnnOutputLayer(n_out=2), "rnn"),
    }
    net = graph(vertices, {"left": R(5), "right": R(4)}, "y", backprop=rg.TruncatedBPTT(4))
    generator = np.random.default_rng(0)
    ids = [generator.integers(0, 5, (3, 10)), generator.integers(0, 4, (3, 10))]
    net.fit(rg.MultiDataSet(ids, [one_hot(generator, 3, 10)]), progress=False)
    assert net.iteration == 3


def test_what_truncated_bptt_cannot_cut() -> None:
    vertices = {"a": (rg.RnnOutputLayer(n_out=2), "x"), "b": (rg.RnnOutputLayer(n_out=2), "z")}
    net = graph(vertices, {"x": R(3), "z": R(3)}, ["a", "b"], backprop=rg.TruncatedBPTT(4))
    one = padded()
    message = "backprop=TruncatedBPTT(length=4) cuts sequences, but its inputs need not be equally long; use backprop=StandardBackprop()"
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        net.fit(rg.MultiDataSet([one.features] * 2, [one.labels] * 2), progress=False)


# Streams


def streaming() -> Net:
    """Two series and a static input, outputs with and without time."""
    vertices = {
        "each": (rg.DuplicateToTimeSeriesVertex("x"), "who"),
        "rnn": (rg.LSTM(n_out=4), "x", "z", "each"),
        "y": (rg.RnnOutputLayer(n_out=2), "rnn"),
        "last": (rg.LastTimeStepVertex("x"), "rnn"),
        "whole": (rg.OutputLayer(n_out=3), "last"),
    }
    return graph(vertices, {"x": R(3), "z": R(1), "who": F(2)}, ["y", "whole"])


def test_whole_chunks_and_steps_are_one() -> None:
    net, generator = streaming(), np.random.default_rng(0)
    x, z, who = generator.standard_normal((4, 3, 8)), generator.standard_normal((4, 1, 8)), generator.standard_normal((4, 2))
    whole = net.output([x, z, who])
    chunks = [net.rnn_time_step([x[:, :, a:b], z[:, :, a:b], who]) for a, b in ((0, 3), (3, 4), (4, 8))]
    np.testing.assert_allclose(np.concatenate([y for y, _ in chunks], axis=2), whole[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(chunks[-1][1], whole[1], rtol=0, atol=1e-6)
    net.rnn_clear_previous_state()
    steps = []
    for t in range(8):
        y, last = net.rnn_time_step({"x": x[:, :, t], "z": z[:, :, t], "who": who})
        assert (y.shape, last.shape) == ((4, 2), (4, 3))
        steps.append(y)
        if t == 4:
            kept = net.snapshot()
    np.testing.assert_allclose(np.stack(steps, axis=2), whole[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(last, whole[1], rtol=0, atol=1e-6)
    net.restore(rg.StateSnapshot.from_bytes(kept.to_bytes()))
    again = net.rnn_time_step([x[:, :, 5:], z[:, :, 5:], who])
    np.testing.assert_allclose(again[0], whole[0][:, :, 5:], rtol=0, atol=1e-6)


def test_states_are_got_and_set_by_the_name_of_the_vertex() -> None:
    net, generator = streaming(), np.random.default_rng(0)
    given = [generator.standard_normal((4, 3)), generator.standard_normal((4, 1)), generator.standard_normal((4, 2))]
    net.rnn_time_step(given)
    state = net.rnn_get_previous_state("rnn")
    assert {name: array.shape for name, array in state.items()} == {"h": (4, 4), "c": (4, 4)}
    second = net.rnn_time_step(given)
    net.rnn_clear_previous_state()
    net.rnn_set_previous_state("rnn", state)
    np.testing.assert_array_equal(net.rnn_time_step(given)[0], second[0])
    with pytest.raises(rg.StateError, match=r"'encoder'"):
        net.rnn_get_previous_state("encoder")


def test_a_masked_step_keeps_the_state_of_a_row() -> None:
    net, generator = streaming(), np.random.default_rng(0)
    x, z, who = generator.standard_normal((2, 3, 4)), generator.standard_normal((2, 1, 4)), generator.standard_normal((2, 2))
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])
    net.rnn_time_step([x, z, who], [mask, mask, None])
    padded_state = net.rnn_get_previous_state("rnn")
    net.rnn_clear_previous_state()
    net.rnn_time_step([x[:, :, :2], z[:, :, :2], who])
    np.testing.assert_allclose(padded_state["h"][0], net.rnn_get_previous_state("rnn")["h"][0], rtol=0, atol=1e-6)


def test_series_with_and_without_a_time_axis_are_not_mixed() -> None:
    """The two share a time axis, whose lengths differ then; what has no rank of a series is told by its shape."""
    net, x = streaming(), np.zeros((2, 3, 4))
    z, who = np.zeros((2, 1, 4)), np.zeros((2, 2))
    message = (
        "input 'x' is one step without a time axis, input 'z' has one; give one step of every series without a time axis, or each with one"
    )
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}$"):
        net.rnn_time_step([x[..., 0], z, who])
    with pytest.raises(rg.InputError, match=r"^features\[1\] \('z'\) has shape \[2\], rank 1; expected \[N, 1, T\]"):
        net.rnn_time_step([x[..., 0], z[:, 0, 0], who])


def test_why_a_graph_does_not_stream() -> None:
    vertices = {"back": (rg.ReverseTimeSeriesVertex("x"), "x"), "y": (rg.RnnOutputLayer(n_out=2), "back")}
    net = graph(vertices, {"x": R(3)}, "y")
    with pytest.raises(
        rg.StreamingError, match=r"^the network cannot be fed step by step: .*'back'.*; output\(x\) computes whole sequences$"
    ):
        net.rnn_time_step([np.zeros((1, 3))])


# Files


@pytest.mark.parametrize("stop", [1, 3, 8])
@pytest.mark.parametrize("truncated", [False, True])
def test_going_on_after_any_iteration_equals_never_having_stopped(stop: int, truncated: bool, tmp_path: Path) -> None:
    vertices = {
        "each": (rg.DuplicateToTimeSeriesVertex("x"), "who"),
        "rnn": (rg.LSTM(n_out=4, dropout=rg.Dropout(retain=0.8)), "x", "each"),
        "norm": (rg.BatchNormalization(), "rnn"),
        "y": (rg.RnnOutputLayer(n_out=2), "norm"),
    }

    def made() -> Net:
        kind = {"backprop": rg.TruncatedBPTT(5)} if truncated else {}
        return graph(vertices, {"x": R(3), "who": F(2)}, "y", **kind)

    full = multi()
    data = rg.MiniBatches(rg.MultiDataSet(full.features, full.labels[:1], full.features_masks), 2, seed=3)
    wanted = made()
    wanted.fit(data, epochs=3, progress=False)

    class Stop(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            if network.iteration == stop:
                network.save(tmp_path / "net.rnng")

    made().fit(data, epochs=3, listeners=Stop(), progress=False)
    again = Net.load(tmp_path / "net.rnng")
    assert again.iteration == stop
    again.fit(data, epochs=3, resume=True, progress=False)
    assert (again.iteration, again.epoch) == (wanted.iteration, wanted.epoch)
    for name, array in {**wanted.parameters(), **wanted.buffers()}.items():
        np.testing.assert_array_equal({**again.parameters(), **again.buffers()}[name], array, err_msg=name)


def test_a_file_holds_the_configuration(tmp_path: Path) -> None:
    net = two_heads()
    net.fit(multi(), progress=False)
    net.save(tmp_path / "net.rnng")
    again = Net.load(tmp_path / "net.rnng")
    assert again.config == net.config
    assert repr(again) == repr(net) == "ComputationGraph(x, who -> steps, whole; 6 vertices, iteration 1, epoch 1)"
    for one, other in zip(again.output(multi().features), net.output(multi().features), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(rg.ModelFileError, match="ComputationGraph"):
        rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
