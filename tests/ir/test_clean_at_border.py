"""Masked steps of the input are cleaned before it is turned around, with the same numbers."""

from __future__ import annotations

from hypothesis import given, settings

from rnngraph.ir.graph import Graph
from rnngraph.ir.passes.clean_at_border import clean_at_border
from tests.ir.builders import Case, Layer, build, cases
from tests.ir.test_passes import assert_same, ops


@settings(max_examples=60, deadline=None)
@given(cases())
def test_it_keeps_the_numbers(case: Case) -> None:
    graph = build(case.layers, case.mode)
    assert_same(graph, clean_at_border(graph), case)


def test_the_choice_stands_in_front_of_the_transposition() -> None:
    graph = clean_at_border(build((Layer(),), "hold"))
    (where,) = (n for n in graph.nodes if n.op == "where")
    assert where.inputs[1] is graph.inputs[0].value
    assert [str(d) for d in where.inputs[0].shape] == ["N", "1", "T"]
    assert ops(graph)["transpose"] == 3  # x, the mask for the cell, y


def test_other_choices_stay() -> None:
    graph = Graph("float64")
    source = build((Layer(), Layer("simple_rnn")))
    assert ops(clean_at_border(source)) == ops(source)
    assert ops(clean_at_border(graph)) == {}
