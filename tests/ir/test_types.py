"""Sizes with symbols, whole parts among them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rnngraph.ir.graph import Graph
from rnngraph.ir.steps import steps_of, time_axis
from rnngraph.ir.types import Dim, N, T, evaluate, floats, floor_divide, is_known


@given(
    st.lists(st.tuples(st.sampled_from(["+", "*", "//"]), st.integers(1, 5)), max_size=5),
    st.integers(0, 40),
    st.lists(st.integers(-9, 9), min_size=5, max_size=5),
)
def test_sizes_stand_for_numbers(operations: list[tuple[str, int]], t: int, shifts: list[int]) -> None:
    """An expression of T is, for each T, the number that Python computes."""
    size: Dim = T
    number = t
    for (operation, k), shift in zip(operations, shifts, strict=False):
        if operation == "+":
            size, number = size + shift, number + shift
        elif operation == "*":
            size, number = size * k, number * k
        else:
            size, number = floor_divide(size, k), number // k
    assert evaluate(size, {"T": t}) == number
    assert is_known(size, {"T": t})


def test_how_they_print() -> None:
    assert [str(d) for d in (T + -2, T + 3, 2 * T, N + T)] == ["T - 2", "T + 3", "2T", "N + T"]
    assert str(floor_divide(T, 2)) == "floor(T / 2)"
    assert str(floor_divide(T + 3, 2)) == "floor((T + 1) / 2) + 1"
    assert floor_divide(2 * T + 4, 2) == T + 2
    assert floor_divide(7, 2) == 3
    assert (floor_divide(T, 2) + 1).free == {"T"}  # type: ignore[union-attr]
    assert not is_known(floor_divide(T, 2), {"N": 3})


def test_steps_of_a_graph() -> None:
    graph = Graph()
    x = graph.input("x", "input", floats(T, N, 2))
    windows = {"stride": (2,), "padding": ((0, 0),), "dilation": (1,)}
    y = graph.add("pool", [graph.add("pool", [x], kind="max", kernel=(3,), **windows)], kind="max", kernel=(2,), **windows)
    graph.output("y", "output", graph.add("transpose", [y], order=(1, 2, 0)))
    rule = steps_of(graph)
    assert rule.least == 5
    assert [rule.after(t) for t in (5, 8, 9)] == [1, 1, 2]
    assert time_axis((N, 2, T)) == 2
    assert time_axis((N, 2)) is None
