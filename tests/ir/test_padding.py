"""Which graphs read what stands at masked steps."""

from __future__ import annotations

from typing import Any

import pytest

import rnngraph as rg
from rnngraph.ir.cell import greater, linear, where
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.padding import reads_padding, reads_padding_of
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.mask_weights import mask_weights
from rnngraph.ir.types import N, T, floats
from rnngraph.lowering import lower

HEAD = rg.RnnOutputLayer(n_out=2)


def reads(*layers: Any, masked: bool = True, **settings: Any) -> bool:
    return reads_padding(lower(rg.MultiLayerConfiguration(seed=1, layers=list(layers), **settings), features_mask=masked))


@pytest.mark.parametrize("layer", [rg.LSTM, rg.GravesLSTM, rg.SimpleRnn, rg.DenseLayer])
def test_only_a_first_layer_that_ignores_masks_reads_padding(layer: Any) -> None:
    steps = rg.InputType.recurrent(3)
    assert reads(layer(n_out=4, mask_mode="ignore"), HEAD, input_type=steps)
    assert not reads(layer(n_out=4, mask_mode="hold"), HEAD, input_type=steps)
    assert not reads(layer(n_out=4, mask_mode="reset"), HEAD, input_type=steps)
    assert not reads(layer(n_out=4, mask_mode="ignore"), HEAD, input_type=steps, masked=False)


def test_what_a_layer_before_gave_is_clean() -> None:
    assert not reads(rg.LSTM(n_in=3, n_out=4), rg.LSTM(n_out=4, mask_mode="ignore"), HEAD)
    assert reads(rg.LSTM(n_in=3, n_out=4, mask_mode="ignore"), rg.LSTM(n_out=4), HEAD)
    assert reads(rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4, mask_mode="ignore")), rg.OutputLayer(n_out=2))
    assert not reads(rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4)), rg.OutputLayer(n_out=2, mask_mode="ignore"))


def test_masks_that_became_weights_leave_padding_alone() -> None:
    config = rg.MultiLayerConfiguration(seed=1, layers=[rg.LSTM(n_in=3, n_out=4), HEAD])
    fused = fuse_lstm(lower(config, features_mask=True), lambda *_: True)
    assert not reads_padding(fused)
    assert not reads_padding(mask_weights(fused))


def graph() -> tuple[Graph, Value, Value, Value]:
    """x [T, N, 3], its mask as bool, and a weight."""
    made = Graph()
    x = made.input("x", "input", floats(T, N, 3))
    mask = greater(made.input("features_mask", "mask", floats(T, N, 1)), 0.5)
    return made, x, mask, made.input("0.W", "parameter", floats(3, 3))


def test_a_choice_cleans_only_under_the_mask_and_on_its_side() -> None:
    made, x, mask, w = graph()
    linear(where(mask, made.add("concat", [x, x], axis=-1), 0.0), made.input("1.W", "parameter", floats(3, 6)))
    assert not reads_padding(made)
    linear(where(made.add("not", [mask]), 0.0, x), w)
    assert reads_padding(made)  # as far as is known: x is on the other side
    made, x, mask, w = graph()
    where(greater(x, 0.0), x, 0.0)
    assert reads_padding(made)


def test_shapes_are_no_content() -> None:
    made, x, *_ = graph()
    made.add("zeros", [x])
    assert not reads_padding(made)


def of_graph(vertices: dict[str, Any], masked: list[str]) -> list[bool]:
    """Which of the inputs a and b are read at masked steps."""
    ended = {**vertices, "b-rnn": (rg.SimpleRnn(n_out=2), "b")}
    types = {name: rg.InputType.recurrent(3) for name in "ab"}
    outputs = [name for name in ended if not any(name in other[1:] for other in ended.values())]
    config = rg.ComputationGraphConfiguration(inputs=["a", "b"], vertices=ended, outputs=outputs, input_types=types)
    made = lower(config, features_mask=masked)
    return [reads_padding_of(port, made) for port in made.ports("input")]


def test_vertices_in_front_of_a_layer_that_holds_read_no_padding() -> None:
    end = {"rnn": (rg.LSTM(n_out=2), "v")}
    for vertex in (rg.ScaleVertex(2.0), rg.ShiftVertex(1.0), rg.SubsetVertex(0, 1), rg.ReverseTimeSeriesVertex(), rg.L2NormalizeVertex()):
        assert of_graph({"v": (vertex, "a"), **end}, ["a"]) == [False, False]
    twice = {"s": (rg.ScaleVertex(2.0), "a"), "v": (rg.ElementWiseVertex("max"), "s", "a"), **end}
    assert of_graph(twice, ["a"]) == [False, False]
    assert of_graph({"v": (rg.L2NormalizeVertex(mask_mode="ignore"), "a"), **end}, ["a"]) == [True, False]


def test_the_last_real_step_is_that_of_its_own_mask() -> None:
    assert of_graph({"v": (rg.LastTimeStepVertex("a"), "a")}, ["a", "b"]) == [False, False]
    assert of_graph({"v": (rg.LastTimeStepVertex("b"), "a")}, ["a", "b"]) == [True, False]
    assert of_graph({"v": (rg.LastTimeStepVertex("b"), "a")}, ["b"]) == [False, False]
