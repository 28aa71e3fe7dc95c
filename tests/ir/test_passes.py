"""Passes keep the numbers, and give the ops that they promise."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings

from rnngraph.backends.reference import run
from rnngraph.errors import GraphError
from rnngraph.ir.cell import Cell, H, greater, linear, split, trace, where
from rnngraph.ir.cells import graves_lstm, lstm, simple_rnn
from rnngraph.ir.graph import Graph, Node, Port, Value
from rnngraph.ir.passes.fuse_lstm import Kind, fuse_lstm, lstm_kind
from rnngraph.ir.passes.mask_body import mask_body
from rnngraph.ir.passes.mask_weights import mask_weights
from rnngraph.ir.passes.prune import prune
from rnngraph.ir.rewrite import Rewriter
from rnngraph.ir.text import canonical, graph_text
from rnngraph.ir.types import N, T, floats
from tests.ir.builders import Array, Case, Layer, build, cases, feeds

few = settings(max_examples=60, deadline=None)


def everything(act: str, gate: str, peephole: bool) -> bool:
    return True


def ops(graph: Graph) -> Counter[str]:
    return Counter(n.op for n in graph.nodes)


def assert_same(before: Graph, after: Graph, case: Case) -> None:
    """Both graphs have the same ports and, on the case's arrays, the same outputs."""
    arrays = feeds(before, case)
    old, new = run(before, arrays), run(after, arrays)
    assert [(p.name, p.role, p.layer, p.value.type) for p in before.inputs] == [
        (p.name, p.role, p.layer, p.value.type) for p in after.inputs
    ]
    assert list(old) == list(new)
    for name, expected in old.items():
        assert np.isfinite(expected).all(), name
        np.testing.assert_allclose(new[name], expected, rtol=0, atol=1e-12 * max(1.0, abs(expected).max()), err_msg=name)


@few
@given(cases())
def test_fuse_lstm_keeps_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    fused = fuse_lstm(graph, everything)
    assert_same(graph, fused, case)
    lstms = sum(layer.cell in ("lstm", "graves_lstm") for layer in case.layers)
    assert ops(fused)["lstm"] == lstms
    assert ops(fused)["linear"] == len(case.layers) - lstms


@settings(max_examples=150, deadline=None)
@given(cases(cells=("lstm", "graves_lstm"), modes=("hold", "reset")))
def test_mask_weights_keeps_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    weighted = mask_weights(fuse_lstm(graph, everything))
    assert_same(graph, weighted, case)
    assert all(n.attributes["mask_mode"] is None for n in weighted.nodes if n.op == "lstm")


@settings(max_examples=100, deadline=None)
@given(cases(cells=("lstm", "graves_lstm"), modes=("hold", "reset"), kinds=("right",)))
def test_right_padded_mask_weights_keep_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    weighted = mask_weights(fuse_lstm(graph, everything), right_padded=True)
    assert_same(graph, weighted, case)
    moved = case.mode == "hold" and any(layer.reverse and not layer.zero_start for layer in case.layers)
    assert ops(weighted)["pack_index"] == moved


@few
@given(cases(modes=("hold", "reset")))
def test_mask_body_keeps_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    assert_same(graph, mask_bodies(graph), case)


def mask_bodies(graph: Graph) -> Graph:
    """Each masked recurrent node as an unmasked one over the masked body, as loops without masks run it."""
    new = Rewriter(graph)
    for node in graph.nodes:
        if node.op != "recurrent":
            new.copy(node)
            continue
        body = mask_body(node.attributes["body"], node.attributes["mask_mode"])
        sequences = len(body.sequences) - 1
        *operands, mask = (new[v] for v in node.inputs)
        attributes = {"body": body, "reverse": node.attributes["reverse"], "mask_mode": None}
        y, *states = new.at(node).add_many("recurrent", [*operands[:sequences], mask, *operands[sequences:]], **attributes)
        new.replace(node, [where(mask, y, 0.0), *states])
    return new.finish()


def test_masks_of_several_layers_are_packed_once_per_direction() -> None:
    layers = (Layer(), Layer(reverse=True), Layer(), Layer(reverse=True))
    counts = ops(mask_weights(fuse_lstm(build(layers, "hold"), everything)))
    assert (counts["pack_index"], counts["not"], counts["lstm"]) == (2, 1, 4)
    assert counts["where"] == 1 + 4  # x once; each layer's output, which is then known to be clean


def test_reset_moves_nothing() -> None:
    counts = ops(mask_weights(fuse_lstm(build((Layer(), Layer(reverse=True)), "reset"), everything)))
    assert not counts["pack_index"]
    assert not counts["gather_steps"]
    assert counts["mask_columns"] == 2


def test_mask_weights_clean_what_may_hold_nan_at_masked_steps() -> None:
    """A masked lstm ignores x at masked steps, whatever stands there: so must the weighted one, though nothing cleaned x before."""
    graph = fuse_lstm(build((Layer(),), "hold"), everything)
    new = Rewriter(graph)
    for node in graph.nodes:
        if node.op == "where":
            new.replace(node, [new[node.inputs[1]]])
        else:
            new.copy(node)
    dirty = new.finish()
    case = Case((), "hold", np.array([[1.0, 0, 1, 0], [0, 0, 0, 1]]), nan=True)
    assert_same(dirty, mask_weights(dirty), case)


def two_masks(nan: bool) -> tuple[Graph, dict[str, Array]]:
    """Two layers with a mask each; x is cleaned by the first layer's mask, and that layer's output goes straight into the second."""
    graph = Graph("float64")
    x = graph.input("x", "input", floats(T, N, 2))
    masks = [greater(graph.input(f"mask_{k}", "mask", floats(T, N, 1)), 0.5) for k in (0, 1)]
    x, body = where(masks[0], x, 0.0), trace(lstm, act="tanh", gate="sigmoid")
    w, r, b = (graph.input(k, "parameter", floats(*shape)) for k, shape in (("W", (8, 2)), ("R", (8, 2)), ("b", (8,))))
    h = graph.add("zeros", [graph.input("start", "input", floats(N, 2))])
    for name, mask in (("y_0", masks[1]), ("y_1", masks[0])):
        x, *_ = graph.add_many("recurrent", [linear(x, w) + b, h, h, r, mask], body=body, reverse=False, mask_mode="hold")
        graph.output(name, "output", x)
    rng = np.random.default_rng(7)
    sizes = {N: 1, T: 4}
    arrays = {p.name: rng.normal(size=[d if isinstance(d, int) else sizes[d] for d in p.value.shape]) for p in graph.inputs}
    arrays["mask_0"], arrays["mask_1"] = (np.array(m, float).reshape(4, 1, 1) for m in ([1, 1, 0, 1], [0, 1, 1, 1]))
    if nan:
        arrays["x"][0] = np.nan
    return graph, arrays


def test_what_one_mask_cleans_is_not_clean_for_another() -> None:
    graph, arrays = two_masks(nan=True)
    weighted = mask_weights(fuse_lstm(graph, everything))
    assert ops(weighted)["where"] == 1 + 2 * 2  # x; each layer's input and output
    expected, given_ = run(graph, arrays), run(weighted, arrays)
    for name, value in expected.items():
        assert np.isfinite(value).all()
        np.testing.assert_allclose(given_[name], value, rtol=0, atol=1e-12)


def test_a_sum_that_is_no_projection_is_not_fused() -> None:
    """``x · W + z`` where z differs from step to step: nothing that an lstm node could hold as its bias."""
    graph = Graph()
    x, z = graph.input("x", "input", floats(T, N, 2)), graph.input("z", "input", floats(T, N, 8))
    w, r = graph.input("W", "parameter", floats(8, 2)), graph.input("R", "parameter", floats(8, 2))
    h, c = (graph.input(k, "input", floats(N, 2)) for k in "hc")
    body = trace(lstm, act="tanh", gate="sigmoid")
    y, *_ = graph.add_many("recurrent", [linear(x, w) + z, h, c, r], body=body, reverse=False, mask_mode=None)
    graph.output("y", "output", y)
    assert not ops(fuse_lstm(graph, everything))["lstm"]


def test_mask_weights_refuse_gates_that_stay_ajar() -> None:
    graph = fuse_lstm(build((Layer(),), "hold"), everything)
    (node,) = (n for n in graph.nodes if n.op == "lstm")
    soft = Node("lstm", node.inputs, node.outputs, {**node.attributes, "gate_activation": "softsign"})
    graph.nodes[graph.nodes.index(node)] = soft
    with pytest.raises(
        GraphError, match=r"'0\.recurrent': the gate activation 'softsign' never closes a gate entirely.*keep such a layer a rec"
    ):
        mask_weights(graph)


def test_mask_weights_refuse_an_unknown_mode() -> None:
    graph = fuse_lstm(build((Layer(),), "hold"), everything)
    (node,) = (n for n in graph.nodes if n.op == "lstm")
    graph.nodes[graph.nodes.index(node)] = Node("lstm", node.inputs, node.outputs, {**node.attributes, "mask_mode": "skip"})
    with pytest.raises(GraphError, match=r"'0\.recurrent': mask_mode 'skip'; expected 'hold', 'reset' or None"):
        mask_weights(graph)


@pytest.mark.parametrize("mode", [None, "hold"])
def test_only_gates_that_saturate_are_fused(mode: str | None) -> None:
    assert ops(fuse_lstm(build((Layer(gate="softsign"),), mode), everything))["recurrent"] == 1


def test_the_target_decides() -> None:
    graph = build((Layer(), Layer(cell="graves_lstm"), Layer(act="relu")))
    asked: list[tuple[str, str, bool]] = []

    def accepts(act: str, gate: str, peephole: bool) -> bool:
        asked.append((act, gate, peephole))
        return act == "tanh" and not peephole

    counts = ops(fuse_lstm(graph, accepts))
    assert asked == [("tanh", "sigmoid", False), ("tanh", "sigmoid", True), ("relu", "sigmoid", False)]
    assert (counts["lstm"], counts["recurrent"]) == (1, 2)


def test_a_projection_that_is_used_elsewhere_stays() -> None:
    graph = build((Layer(),))
    (linear_,) = (n.outputs[0] for n in graph.nodes if n.op == "linear")
    graph.output("projection", "output", linear_)
    fused = fuse_lstm(graph, everything)
    assert (ops(fused)["lstm"], ops(fused)["linear"], ops(fused)["add"]) == (1, 1, 0)
    assert_same(graph, fused, Case(()))


def test_a_bare_recurrent_is_left_alone() -> None:
    graph = Graph()
    operands = [graph.input("xw", "input", floats(T, N, 8)), *(graph.input(k, "input", floats(N, 2)) for k in "hc")]
    r = graph.input("R", "parameter", floats(8, 2))
    body = trace(lstm, act="tanh", gate="sigmoid")
    graph.output("y", "output", graph.add_many("recurrent", [*operands, r], body=body, reverse=False, mask_mode=None)[0])
    assert ops(fuse_lstm(graph, everything)) == {"recurrent": 1}


@pytest.mark.parametrize(("act", "gate"), [("tanh", "sigmoid"), ("relu", "relu"), ("sigmoid", "tanh"), ("identity", "hardsigmoid")])
def test_the_kind_is_read_off_the_structure(act: str, gate: str) -> None:
    assert lstm_kind(trace(lstm, act=act, gate=gate)) == Kind(act, gate, False)
    assert lstm_kind(trace(graves_lstm, act=act, gate=gate)) == Kind(act, gate, True)
    assert lstm_kind(trace(simple_rnn, act=act)) is None
    assert lstm_kind(mask_body(trace(lstm, act=act, gate=gate), "hold")) is None


def test_an_lstm_by_another_name_is_one_and_swapped_gates_are_none() -> None:
    def step(order: str, **v: Value) -> tuple[Value, ...]:
        pieces = dict(zip(order, split(v["z"] + linear(v["out"], v["weights"]), 4), strict=True))
        cell = sigmoid(pieces["f"]) * v["cell"] + sigmoid(pieces["i"]) * tanh(pieces["g"])
        out = sigmoid(pieces["o"]) * tanh(cell)
        return out, out, cell

    def sigmoid(x: Value) -> Value:
        return x.block.add("activation", [x], name="sigmoid")

    def tanh(x: Value) -> Value:
        return x.block.add("activation", [x], name="tanh")

    def cell(order: str) -> Cell:
        return Cell("mine", partial(step, order), {"z": 4 * H}, {"out": H, "cell": H}, {"weights": (4 * H, H)})

    assert lstm_kind(trace(cell("ifgo"))) == Kind("tanh", "sigmoid", False)
    assert lstm_kind(trace(cell("iofg"))) is None


def test_prune_drops_what_reaches_no_output() -> None:
    graph = build((Layer(), Layer()))
    graph.add("zeros", [graph.inputs[0].value])
    for k, port in enumerate(graph.outputs[1:], start=1):  # of all that is computed, keeps the first layer's next h
        kept = next(p.value for p in graph.inputs if p.name == port.name.removeprefix("next_")) if port.role == "next_state" else port.value
        graph.outputs[k], graph.results[k] = Port(port.name, port.role, kept, port.layer), kept
    del graph.outputs[-1], graph.results[-1]
    pruned = prune(graph)
    assert [n.op for n in pruned.nodes] == ["transpose", "linear", "add", "recurrent"]
    assert [p.name for p in pruned.inputs] == [p.name for p in graph.inputs]


def test_passes_do_not_change_their_argument() -> None:
    graph = build((Layer(), Layer(reverse=True)), "hold")
    text = graph_text(graph)
    fused = fuse_lstm(graph, everything)
    fused_text = graph_text(fused)
    mask_weights(fused)
    assert graph_text(graph) == text
    assert graph_text(fused) == fused_text


def test_copies_keep_names_and_new_values_tell_the_layer() -> None:
    graph = build((Layer(cell="simple_rnn", act="tanh"), Layer()), "hold")
    weighted = mask_weights(fuse_lstm(graph, everything))
    old = {v.name for n in graph.nodes for v in n.outputs}
    names = [v.name for n in weighted.nodes for v in n.outputs]
    assert {n for n in names if n.startswith("0.")} <= old
    assert {"0.recurrent", "1.masked_lstm", "1.pack_index"} <= set(names)


def test_a_replacement_of_another_type_is_refused() -> None:
    graph = build((Layer(),))
    new = Rewriter(graph)
    with pytest.raises(GraphError, match=r"'transpose' is \[T, N, 3\], its replacement 'x' is \[N, 3, T\]; a rewrite must keep the type"):
        new.replace(graph.nodes[0], [new[graph.inputs[0].value]])


def test_masked_bodies_are_made_once() -> None:
    body = trace(lstm, act="tanh", gate="sigmoid")
    masked = mask_body(body, "hold")
    assert masked is mask_body(body, "hold")
    assert [v.name for v in masked.sequences] == ["xw", "m"]
    assert canonical(masked) != canonical(mask_body(body, "reset"))
    with pytest.raises(GraphError, match="mode 'ignore'; expected 'hold' or 'reset'"):
        mask_body(body, "ignore")
