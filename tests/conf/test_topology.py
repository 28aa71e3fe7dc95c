"""The order of a graph: Kahn's algorithm, first in, first out."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.conf.topology import topological_order

Edges = dict[str, list[str]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], Edges]:
    """Inputs and vertices of an acyclic graph, the vertices in any order."""
    inputs = [f"in{k}" for k in range(draw(st.integers(1, 3)))]
    known, edges = list(inputs), dict[str, list[str]]()
    for k in range(draw(st.integers(1, 9))):
        edges[f"v{k}"] = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
        known.append(f"v{k}")
    return inputs, {name: edges[name] for name in draw(st.permutations(list(edges)))}


def by_levels(inputs: list[str], edges: Edges) -> list[str]:
    """Kahn's algorithm as its author tells it: take the first that is ready, strike out its connections, append who is ready then."""
    open_edges = [(source, name) for name, sources in edges.items() for source in set(sources)]
    ready, order = list(inputs), list[str]()
    while ready:
        node = ready.pop(0)
        order.append(node)
        struck = [name for name in edges if (node, name) in open_edges]
        open_edges = [edge for edge in open_edges if edge[0] != node]
        ready += [name for name in struck if all(end != name for _, end in open_edges)]
    return [name for name in order if name in edges]


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_the_order_is_that_of_kahn_and_ordering_again_changes_nothing(graph: tuple[list[str], Edges]) -> None:
    inputs, edges = graph
    order = topological_order(inputs, edges)
    assert order == by_levels(inputs, edges)
    assert topological_order(inputs, {name: edges[name] for name in order}) == order
    for place, name in enumerate(order):
        assert all(source in inputs or source in order[:place] for source in edges[name])


@settings(max_examples=50, deadline=None)
@given(graphs(), st.data())
def test_a_cycle_is_told_by_its_vertices(graph: tuple[list[str], Edges], data: st.DataObject) -> None:
    inputs, edges = graph
    order = topological_order(inputs, edges)
    last = data.draw(st.sampled_from(order))
    before = {last}
    for name in reversed(order):
        before |= set(edges[name]) - set(inputs) if name in before else set()
    first = data.draw(st.sampled_from(sorted(before)))
    with pytest.raises(rg.ConfigurationError, match=r"each needs what the other gives; leave out one of these connections$") as told:
        topological_order(inputs, {**edges, first: [*edges[first], last]})
    cycle = re.findall(r"'(\w+)'", str(told.value))
    assert cycle[0] == cycle[-1]
    edges[first] = [*edges[first], last]
    assert all(source in edges[name] for source, name in itertools.pairwise(cycle))


@pytest.mark.parametrize(
    ("inputs", "edges", "message"),
    [
        (["in"], {"a": ["inn"]}, "vertex 'a': its input 'inn' is neither an input of the network nor a vertex; did you mean 'in'?"),
        (["in"], {"a": ["what"]}, "vertex 'a': its input 'what' is neither an input of the network nor a vertex; there are in, a"),
        (["in", "in"], {"a": ["in"]}, "the name 'in' stands for two things; inputs and vertices have names of their own"),
        (["a"], {"a": ["a"]}, "the name 'a' stands for two things; inputs and vertices have names of their own"),
        (
            ["in"],
            {"a": ["in", "b"], "b": ["a"]},
            "vertices 'a' -> 'b' -> 'a': each needs what the other gives; leave out one of these connections",
        ),
    ],
)
def test_what_has_no_order(inputs: list[str], edges: Edges, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        topological_order(inputs, edges)
