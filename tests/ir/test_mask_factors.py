"""Which cells may obey a mask by products, and that this gives the numbers that a choice gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from rnngraph.backends.reference import run
from rnngraph.ir.cell import trace
from rnngraph.ir.cells import graves_lstm, layer_norm_rnn, simple_rnn
from rnngraph.ir.graph import Graph
from rnngraph.ir.passes.mask_body import mask_body, mask_body_by_factors
from rnngraph.ir.passes.mask_factors import BOUNDED, mask_factors
from rnngraph.ir.rewrite import Rewriter
from rnngraph.ir.types import floats
from tests.ir.builders import Case, Layer, build, cases
from tests.ir.test_passes import assert_same, ops


def marked(graph: Graph) -> list[bool]:
    """Which of the masked loops have become loops over factors."""
    return [n.attributes["mask_mode"] is None for n in mask_factors(graph).nodes if n.op == "recurrent"]


@settings(max_examples=100, deadline=None)
@given(cases(cells=("simple_rnn", "layer_norm_rnn", "lstm"), modes=("hold", "reset")))
def test_products_give_the_numbers_of_choices(case: Case) -> None:
    graph = build(case.layers, case.mode)
    assert_same(graph, mask_factors(graph), case)


@pytest.mark.parametrize("cell", ["simple_rnn", "layer_norm_rnn"])
@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_bounded_cells_over_clean_sequences_are_marked(cell: str, mode: str) -> None:
    assert marked(build((Layer(cell), Layer(cell, "softsign")), mode)) == [True, True]


def test_others_are_not() -> None:
    for layer in (Layer("simple_rnn", "relu"), Layer("lstm"), Layer("graves_lstm"), Layer("gru")):
        assert marked(build((layer,), "hold")) == [False]
    unmasked = build((Layer("simple_rnn"),))
    assert str(mask_factors(unmasked)) == str(unmasked)


def test_the_factors_of_a_mask_are_made_once() -> None:
    graph = mask_factors(build((Layer("simple_rnn"), Layer("layer_norm_rnn", reverse=True)), "hold"))
    assert (ops(graph)["cast"], ops(graph)["sub"]) == (1, 1)
    assert {p.value.name for p in graph.outputs} >= {"0.recurrent_2", "1.recurrent_2"}, "names stay"


def test_a_sequence_that_may_hold_anything_at_masked_steps_is_not() -> None:
    """The x of the second network was not cleaned: NaN would pass a product."""
    graph = build((Layer("simple_rnn"),), "hold")
    new = Rewriter(graph)
    for node in graph.nodes:
        if node.op == "where":
            new.replace(node, [new[node.inputs[1]]])
        else:
            new.copy(node)
    assert marked(new.finish()) == [False]


def test_bounded_activations_are_finite_everywhere() -> None:
    for name in BOUNDED:
        graph = Graph("float64")
        x = graph.input("x", "input", floats(2, 3))
        graph.output("y", "output", graph.add("activation", [x], name=name))
        assert np.isfinite(run(graph, {"x": np.array([[-1e300, 0.0, 1e300], [-5.0, 1e9, 2.0]])})["y"]).all(), name


def test_bodies_by_factors_have_two_more_sequences_or_one() -> None:
    body = trace(simple_rnn, act="tanh")
    assert [v.name for v in mask_body_by_factors(body, "hold").sequences] == ["xw", "m", "rest"]
    assert [v.name for v in mask_body_by_factors(body, "reset").sequences] == ["xw", "m"]
    assert mask_body_by_factors(body, "hold") is mask_body_by_factors(body, "hold")
    assert [v.name for v in mask_body(trace(layer_norm_rnn, act="tanh"), "hold").sequences] == ["xw", "m"]
    with pytest.raises(ValueError, match="mode 'ignore'; expected 'hold' or 'reset'"):
        mask_body_by_factors(trace(graves_lstm, act="tanh", gate="sigmoid"), "ignore")
