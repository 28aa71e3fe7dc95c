"""The GRU is recognised, keeps its numbers fused and masked, and becomes an op only where masks can be obeyed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from rnngraph.ir.cell import Cell, H, linear, split, trace
from rnngraph.ir.cells import gru_reset_after, gru_reset_before, lstm, simple_rnn
from rnngraph.ir.graph import Graph, Node, Value
from rnngraph.ir.passes.fuse_gru import Kind, fuse_gru, gru_kind, may_be_masked
from rnngraph.ir.passes.mask_body import mask_body
from rnngraph.ir.passes.mask_weights import mask_weights
from rnngraph.ir.types import N, T, floats
from tests.ir.builders import Case, Layer, build, cases
from tests.ir.test_passes import assert_same, ops

GRUS = ("gru", "gru_reset_before")


def everything(act: str, gate: str, reset_after: bool) -> bool:
    return True


def fusible(layer: Layer) -> bool:
    return layer.cell in GRUS and may_be_masked(Kind(layer.act, layer.gate, layer.cell == "gru_reset_after"))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_fuse_gru_keeps_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    fused = fuse_gru(graph, everything)
    assert_same(graph, fused, case)
    assert ops(fused)["gru"] == sum(map(fusible, case.layers))
    assert ops(fused)["block_rows"] == 2 * sum(layer.cell == "gru_reset_before" and not fusible(layer) for layer in case.layers)


@settings(max_examples=150, deadline=None)
@given(cases(cells=GRUS, modes=("hold", "reset")))
def test_mask_weights_keep_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    weighted = mask_weights(fuse_gru(graph, everything))
    assert_same(graph, weighted, case)
    assert all(n.attributes["mask_mode"] is None for n in weighted.nodes if n.op == "gru")


@settings(max_examples=100, deadline=None)
@given(cases(cells=GRUS, modes=("hold", "reset"), kinds=("right",)))
def test_right_padded_mask_weights_keep_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    weighted = mask_weights(fuse_gru(graph, everything), right_padded=True)
    assert_same(graph, weighted, case)
    assert ops(weighted)["pack_index"] == (case.mode == "hold" and any(layer.reverse for layer in case.layers if fusible(layer)))


@pytest.mark.parametrize(("act", "gate"), [("tanh", "sigmoid"), ("relu", "relu"), ("sigmoid", "tanh"), ("identity", "hardsigmoid")])
def test_the_kind_is_read_off_the_structure(act: str, gate: str) -> None:
    assert gru_kind(trace(gru_reset_after, act=act, gate=gate)) == Kind(act, gate, True)
    assert gru_kind(trace(gru_reset_before, act=act, gate=gate)) == Kind(act, gate, False)
    assert gru_kind(trace(lstm, act=act, gate=gate)) is None
    assert gru_kind(trace(simple_rnn, act=act)) is None
    assert gru_kind(mask_body(trace(gru_reset_after, act=act, gate=gate), "hold")) is None


def test_a_gru_whose_gates_are_swapped_is_none() -> None:
    def step(xw: Value, h: Value, R: Value, bR: Value, act: Any, gate: Any) -> tuple[Value, ...]:
        z, r, n = split(xw, 3)
        hz, hr, hn = split(linear(h, R) + bR, 3)
        r, z = gate(r + hr), gate(z + hz)
        n = act(n + r * hn)
        h = n + z * (h - n)
        return h, h

    cell = Cell("mine", step, {"xw": 3 * H}, {"h": H}, {"R": (3 * H, H), "bR": (3 * H,)}, ("act", "gate"))
    assert gru_kind(trace(cell, act="tanh", gate="sigmoid")) is None


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
@pytest.mark.parametrize(("act", "gate"), [("tanh", "softsign"), ("sigmoid", "sigmoid"), ("hardsigmoid", "sigmoid")])
def test_what_a_mask_could_not_close_is_not_fused_with_or_without_one(act: str, gate: str, mode: str | None) -> None:
    assert ops(fuse_gru(build((Layer("gru", act, gate),), mode), everything))["recurrent"] == 1


def test_the_target_decides() -> None:
    graph = build((Layer("gru"), Layer("gru_reset_before"), Layer("gru", "relu"), Layer("lstm")))
    asked: list[tuple[str, str, bool]] = []

    def accepts(act: str, gate: str, reset_after: bool) -> bool:
        asked.append((act, gate, reset_after))
        return act == "tanh" and reset_after

    counts = ops(fuse_gru(graph, accepts))
    assert asked == [("tanh", "sigmoid", True), ("tanh", "sigmoid", False), ("relu", "sigmoid", True)]
    assert (counts["gru"], counts["recurrent"]) == (1, 3)


def test_weights_that_are_no_parts_of_one_are_not_fused() -> None:
    graph = Graph()
    x, h = graph.input("x", "input", floats(T, N, 2)), graph.input("h", "state", floats(N, 2))
    w, b, r = (graph.input(k, "parameter", floats(*s)) for k, s in (("W", (6, 2)), ("b", (6,)), ("R", (6, 2))))
    other = graph.input("Rn", "parameter", floats(2, 2))
    first = graph.add("block_rows", [r], start=0, stop=2, blocks=3)
    body = trace(gru_reset_before, act="tanh", gate="sigmoid")
    for second in (other, graph.add("block_rows", [r], start=0, stop=1, blocks=3)):
        y, h = graph.add_many("recurrent", [linear(x, w) + b, h, first, second], body=body, reverse=False, mask_mode=None)
        graph.output(f"y{len(graph.outputs)}", "output", y)
    graph.output("next_h", "next_state", h)
    assert not ops(fuse_gru(graph, everything))["gru"]


def test_a_bare_recurrent_is_left_alone() -> None:
    graph = Graph()
    xw, h = graph.input("xw", "input", floats(T, N, 6)), graph.input("h", "state", floats(N, 2))
    r, b = graph.input("R", "parameter", floats(6, 2)), graph.input("bR", "parameter", floats(6))
    body = trace(gru_reset_after, act="tanh", gate="sigmoid")
    y, last = graph.add_many("recurrent", [xw, h, r, b], body=body, reverse=False, mask_mode=None)
    graph.output("y", "output", y)
    graph.output("next_h", "next_state", last)
    assert ops(fuse_gru(graph, everything)) == {"recurrent": 1}


def test_mask_weights_refuse_gates_that_stay_ajar() -> None:
    graph = fuse_gru(build((Layer("gru"),), "hold"), everything)
    (node,) = (n for n in graph.nodes if n.op == "gru")
    soft = Node("gru", node.inputs, node.outputs, {**node.attributes, "gate_activation": "softsign"})
    graph.nodes[graph.nodes.index(node)] = soft
    with pytest.raises(ValueError, match=r"'0\.recurrent': the gate activation 'softsign' never closes a gate.*fuse_lstm and fuse_gru do"):
        mask_weights(graph)


def test_right_padding_is_known_of_masks_that_are_given_alone() -> None:
    """A mask that is computed may have any pattern, whatever the caller knows of the one that is an input."""
    graph = Graph("float64")
    x = graph.add("transpose", [graph.input("x", "input", floats(N, 2, T))], order=(2, 0, 1))
    given_ = graph.add("transpose", [graph.input("features_mask", "mask", floats(N, T))], order=(1, 0))
    computed = graph.add("greater", [graph.add("sum", [x], keepdims=True), 0.0])
    masks = [graph.add("unsqueeze", [graph.add("greater", [given_, 0.5])], axis=-1), computed]
    weights = [graph.input(k, "parameter", floats(*s)) for k, s in (("W", (6, 2)), ("R", (6, 2)), ("b", (6,)), ("bR", (6,)))]
    h = graph.add("zero_state", [x], width=2)
    options = {"activation": "tanh", "gate_activation": "sigmoid", "reset_after": True, "reverse": False, "mask_mode": "hold"}
    for k, mask in enumerate(masks):
        y, _ = graph.add_many("gru", [x, *weights, h, mask], **options)
        graph.output(f"y{k}", "output", graph.add("transpose", [y], order=(1, 2, 0)))
    weighted = mask_weights(graph, right_padded=True)
    assert ops(weighted)["pack_index"] == 1
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(3, 2, 6)), "features_mask": np.tril(np.ones((3, 6)), 2)}
    arrays.update({p.name: rng.normal(size=p.value.shape) for p in graph.ports("parameter")})  # type: ignore[arg-type]
    from rnngraph.backends.reference import run

    before, after = run(graph, arrays), run(weighted, arrays)
    for name in before:
        np.testing.assert_allclose(after[name], before[name], rtol=0, atol=1e-12)
