"""The text form: what a reader sees of a graph."""

from __future__ import annotations

import pytest

import rnngraph as rg
from rnngraph.ir.cell import Cell, trace
from rnngraph.ir.cells import graves_lstm, lstm
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.mask_body import mask_body
from rnngraph.ir.passes.mask_weights import mask_weights
from rnngraph.ir.text import body_text, canonical, graph_text
from rnngraph.ir.types import N, floats
from rnngraph.lowering import lower
from tests.ir.builders import Layer, build

BODY = """\
cell lstm(act=tanh, gate=sigmoid) of xw: [N, 4H]; h: [N, H], c: [N, H]; R: [4H, H]
  linear: [N, 4H] = linear h, R
  add: [N, 4H] = add xw, linear
  split: [N, H], split_2: [N, H], split_3: [N, H], split_4: [N, H] = split add {parts=4}
  sigmoid: [N, H] = activation split_2 {name=sigmoid}
  mul: [N, H] = mul sigmoid, c
  sigmoid_2: [N, H] = activation split {name=sigmoid}
  tanh: [N, H] = activation split_3 {name=tanh}
  mul_2: [N, H] = mul sigmoid_2, tanh
  add_2: [N, H] = add mul, mul_2
  sigmoid_3: [N, H] = activation split_4 {name=sigmoid}
  tanh_2: [N, H] = activation add_2 {name=tanh}
  mul_3: [N, H] = mul sigmoid_3, tanh_2
  return mul_3, mul_3, add_2"""

GRAPH = """\
graph float64
  input      x: [N, 3, T]
  parameter  0.W: [16, 3], 0.R: [16, 4], 0.b: [16]
  state      state_00_h: [N, 4], state_00_c: [N, 4]
  next_state next_state_00_h = 0.recurrent_2, next_state_00_c = 0.recurrent_3
  output     y = transpose_2
  transpose: [T, N, 3] = transpose x {order=[2, 0, 1]}
  0.linear: [T, N, 16] = linear transpose, 0.W
  0.add: [T, N, 16] = add 0.linear, 0.b
  0.recurrent: [T, N, 4], 0.recurrent_2: [N, 4], 0.recurrent_3: [N, 4] = recurrent 0.add, state_00_h, state_00_c, 0.R
      {body=lstm(act=tanh, gate=sigmoid), reverse=True}
  transpose_2: [N, 4, T] = transpose 0.recurrent {order=[1, 2, 0]}

"""


def test_a_body_as_text() -> None:
    assert body_text(trace(lstm, act="tanh", gate="sigmoid")) == BODY


def test_a_graph_as_text() -> None:
    graph = build((Layer(reverse=True),))
    assert str(graph) == graph_text(graph) == GRAPH + BODY


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
def test_two_layers_fit_a_screen(mode: str | None) -> None:
    graph = build((Layer(), Layer()), mode)
    fused = fuse_lstm(graph, lambda *_: True)
    for text in map(graph_text, (graph, fused, mask_weights(fused))):
        lines = text.splitlines()
        assert len(lines) <= 50
        assert max(map(len, lines)) <= 120


def test_each_structure_is_printed_once() -> None:
    text = graph_text(build((Layer(), Layer(reverse=True), Layer(cell="graves_lstm"), Layer(act="relu"))))
    headers = [line.partition(" of ")[0] for line in text.splitlines() if line.startswith("cell ")]
    assert headers == ["cell lstm(act=tanh, gate=sigmoid)", "cell graves_lstm(act=tanh, gate=sigmoid)", "cell lstm(act=relu, gate=sigmoid)"]


def test_two_structures_under_one_label_are_told_apart() -> None:
    graph = build((Layer(), Layer()), "hold")
    node = next(n for n in graph.nodes if n.op == "recurrent")
    body = node.attributes["body"]
    mask = node.inputs[-1]
    operands = [node.inputs[0], mask, *node.inputs[1:-1]]
    graph.add_many("recurrent", list(operands), body=mask_body(body, "hold"), reverse=False, mask_mode=None)
    text = graph_text(graph)
    assert "{body=lstm(act=tanh, gate=sigmoid) #2}" in text
    assert "cell lstm(act=tanh, gate=sigmoid) #2 of xw: [N, 4H], m: bool[N, 1]; h: [N, H], c: [N, H]; R: [4H, H]" in text


def test_constants_stand_where_they_are_used() -> None:
    graph = build((Layer(),))
    x = graph.inputs[0].value
    graph.output("z", "output", 1e-10 + 2.5 * x)
    text = graph_text(graph)
    assert "mul: [N, 3, T] = mul 2.5, x" in text
    assert "add: [N, 3, T] = add 1e-10, mul" in text
    assert "constant" not in text


def test_the_canonical_text_sees_structure_only() -> None:
    body = trace(lstm, act="tanh", gate="sigmoid")
    renamed = trace(Cell("other", lstm.step, lstm.sequences, lstm.states, lstm.weights, lstm.activations), act="tanh", gate="sigmoid")
    assert renamed is not body
    assert canonical(body) == canonical(renamed)
    others = [
        trace(lstm, act="sigmoid", gate="tanh"),
        trace(graves_lstm, act="tanh", gate="sigmoid"),
        mask_body(body, "hold"),
        mask_body(body, "reset"),
    ]
    assert len({canonical(b) for b in [body, *others]}) == 5


def test_scalar_and_integer_types_are_shown() -> None:
    graph = build((Layer(),), "hold")
    mask = next(n for n in graph.nodes if n.op == "unsqueeze").outputs[0]
    graph.output("last", "output", graph.add("last_index", [mask]))
    graph.output("loss", "loss", graph.add("sum_all", [graph.input("labels", "label", floats(N, 2))]))
    text = graph_text(graph)
    assert "last_index: int64[N] = last_index unsqueeze" in text
    assert "sum_all: [] = sum_all labels" in text


def test_noise_is_shown_with_its_law_and_a_rate_with_its_schedule() -> None:
    layer = rg.LSTM(n_in=3, n_out=4, dropout=rg.GaussianNoise(rg.ExponentialSchedule("epoch", 0.5, 0.9)))
    text = graph_text(lower(rg.MultiLayerConfiguration(layers=[layer, rg.RnnOutputLayer(n_out=2)]), loss=True))
    assert "noise      noise_00_drop: [T, N, 3] ~ normal (0, 1)" in text
    assert "rate       rate_00_std: ExponentialSchedule(schedule_type='epoch', initial_value=0.5, gamma=0.9)" in text
