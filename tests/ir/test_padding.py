"""Which graphs read what stands at masked steps."""

from __future__ import annotations

from typing import Any

import pytest

import rnngraph as rg
from rnngraph.ir.cell import greater, linear, where
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.padding import reads_padding
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
