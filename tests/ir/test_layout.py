"""The pass that takes out what only moves values and undoes itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.passes.layout import cancel_layout
from rnngraph.ir.types import N, T, floats
from rnngraph.lowering import lower

LSTM, DENSE = rg.LSTM(n_out=3), rg.DenseLayer(n_out=2)
FRAME = (2, 3, 4)


def moves(graph: Graph) -> list[str]:
    """The nodes that only move values, behind the border."""
    return [n.outputs[0].name for n in graph.nodes if n.op in ("identity", "transpose", "reshape") and "." in n.outputs[0].name]


def config(*layers: Any, **settings: Any) -> rg.MultiLayerConfiguration:
    return rg.MultiLayerConfiguration(layers=list(layers), input_type=rg.InputType.recurrent(24), **settings)


def test_a_time_axis_that_was_never_folded_away_leaves_nothing() -> None:
    graph = lower(config(LSTM, DENSE, LSTM))
    assert "1.RnnToFeedForward: [T, N, 3] = identity 0.lstm\n" in str(graph)
    assert "2.FeedForwardToRnn: [T, N, 2] = identity 1.y\n" in str(graph)
    after = str(cancel_layout(graph))
    assert "RnnToFeedForward" not in after
    assert "FeedForwardToRnn" not in after
    assert "1.xW: [T, N, 2] = linear 0.lstm, 1.W\n" in after


def test_images_there_and_back_leave_nothing() -> None:
    """RnnToCnn and CnnToRnn around a layer that does nothing in inference."""
    nothing = rg.DropoutLayer(rg.Dropout(retain=0.5))
    settings: Any = {"preprocessors": {0: rg.RnnToCnnPreProcessor(*FRAME), 1: rg.CnnToRnnPreProcessor(*FRAME)}}
    graph = lower(config(nothing, LSTM, **settings))
    assert moves(graph) == ["0.RnnToCnn.channels_first", "0.RnnToCnn", "1.CnnToRnn.channels_first", "1.CnnToRnn"]
    text = str(graph)
    assert "0.RnnToCnn.channels_first: [T, N, 4, 2, 3] = reshape x_steps {axes=1, shape=[4, 2, 3]}" in text
    assert "0.RnnToCnn: [T, N, 2, 3, 4] = transpose 0.RnnToCnn.channels_first {order=[0, 1, 3, 4, 2]}" in text
    assert "1.CnnToRnn: [T, N, 24] = reshape 1.CnnToRnn.channels_first {axes=3, shape=[24]}" in text
    after = cancel_layout(graph)
    assert moves(after) == []
    assert "1.xW: [T, N, 12] = linear x_steps, 1.W" in str(after)


def test_what_is_needed_stays() -> None:
    graph = lower(
        rg.MultiLayerConfiguration(layers=[rg.ConvolutionLayer(2, n_out=2), LSTM], input_type=rg.InputType.convolutional(4, 3, 2))
    )
    assert moves(cancel_layout(graph)) == moves(graph) == ["1.CnnToRnn.channels_first", "1.CnnToRnn"]


def test_other_shapes_on_the_way_become_one() -> None:
    graph = Graph()
    x = graph.input("x", "input", floats(N, 2, 3, 4))
    y = graph.add("reshape", [graph.add("reshape", [x], "a", axes=2, shape=(12,))], "b", axes=1, shape=(6, 2))
    y = graph.add("transpose", [graph.add("transpose", [y], "c", order=(0, 2, 1, 3))], "d", order=(0, 1, 3, 2))
    graph.output("y", "output", y)
    after = cancel_layout(graph)
    assert [n.op for n in after.nodes] == ["reshape", "transpose"]
    assert str(after).splitlines()[-2:] == [
        "  b_2: [N, 2, 6, 2] = reshape x {axes=2, shape=[6, 2]}",
        "  d_2: [N, 6, 2, 2] = transpose b_2 {order=[0, 2, 3, 1]}",
    ]
    given = np.arange(48.0).reshape(2, 2, 3, 4)
    np.testing.assert_array_equal(run(after, {"x": given})["y"], run(graph, {"x": given})["y"])


@st.composite
def chains(draw: st.DrawFn) -> Graph:
    """Up to six moves one behind the other."""
    graph = Graph("float64")
    value: Value = graph.input("x", "input", floats(T, N, 2, 2, 2))
    for _ in range(draw(st.integers(0, 6))):
        op = draw(st.sampled_from(["identity", "transpose", "reshape"]))
        if op == "identity":
            value = graph.add(op, [value])
        elif op == "transpose":
            order = draw(st.permutations(range(2, value.type.rank)))
            value = graph.add(op, [value], order=(0, 1, *order))
        else:
            shape = draw(st.sampled_from([(8,), (2, 4), (4, 2), (2, 2, 2)]))
            value = graph.add(op, [value], axes=value.type.rank - 2, shape=shape)
    graph.output("y", "output", value)
    return graph


@given(chains())
def test_values_stay(graph: Graph) -> None:
    after = cancel_layout(graph)
    assert len(after.nodes) <= len(graph.nodes)
    assert not any(
        node.op == "identity" or any(v.producer is not None and v.producer.op == node.op for v in node.inputs) for node in after.nodes
    )
    x = np.random.default_rng(0).standard_normal((3, 2, 2, 2, 2))
    np.testing.assert_array_equal(run(after, {"x": x})["y"], run(graph, {"x": x})["y"])


@pytest.mark.parametrize("masked", [False, True])
def test_ports_stay(masked: bool) -> None:
    graph = lower(config(LSTM, DENSE, rg.RnnOutputLayer(n_out=2)), features_mask=masked, loss=True)
    after = cancel_layout(graph)
    assert [(p.name, p.role) for p in [*after.inputs, *after.outputs]] == [(p.name, p.role) for p in [*graph.inputs, *graph.outputs]]
