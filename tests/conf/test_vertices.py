"""Vertices as configured: what they give for what they get, and what they refuse."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf import GraphVertex

untyped: Any = rg
R, F = rg.InputType.recurrent, rg.InputType.feed_forward
IMAGE, VIDEO = (rg.InputType.convolutional(4, 5, c) for c in (2, 3))
KINDS = "which are of different kinds; "
MIXED = KINDS + "DuplicateToTimeSeriesVertex makes a series of a vector, LastTimeStepVertex a vector of a series"


@pytest.mark.parametrize(
    ("vertex", "flows", "gives"),
    [
        (rg.MergeVertex(), [R(3), R(4)], R(7)),
        (rg.MergeVertex(), [F(3), F(4), F(1)], F(8)),
        (rg.MergeVertex(), [IMAGE, VIDEO], rg.InputType.convolutional(4, 5, 5)),
        (rg.ElementWiseVertex("add"), [R(3), R(1), R(3)], R(3)),
        (rg.ElementWiseVertex("subtract"), [F(1), F(2)], F(2)),
        (rg.SubsetVertex(1, 2), [R(4)], R(2)),
        (rg.SubsetVertex(0, 0), [F(4)], F(1)),
        (rg.SubsetVertex(1, 1), [IMAGE], rg.InputType.convolutional(4, 5, 1)),
        (rg.StackVertex(), [R(4), R(4)], R(4)),
        (rg.UnstackVertex(1, 2), [F(4)], F(4)),
        (rg.ScaleVertex(2.0), [R(4)], R(4)),
        (rg.ShiftVertex(2.0), [IMAGE], IMAGE),
        (rg.L2NormalizeVertex(), [F(4)], F(4)),
        (rg.LastTimeStepVertex("in"), [R(4)], F(4)),
        (rg.DuplicateToTimeSeriesVertex("in"), [F(4)], R(4)),
        (rg.ReverseTimeSeriesVertex(), [R(4)], R(4)),
        (rg.PreprocessorVertex(rg.RnnToFeedForwardPreProcessor()), [R(4)], rg.RnnToFeedForwardPreProcessor().output_type(R(4))),
    ],
)
def test_what_comes_out(vertex: GraphVertex, flows: list[Any], gives: Any) -> None:
    assert vertex.output_type(flows) == gives


@pytest.mark.parametrize(
    ("vertex", "flows", "message"),
    [
        (rg.MergeVertex(), [R(2), F(3)], f"gets time series [N, 2, T] and vectors [N, 3], {MIXED}"),
        (rg.ElementWiseVertex("max"), [F(3), R(3)], f"gets vectors [N, 3] and time series [N, 3, T], {MIXED}"),
        (
            rg.MergeVertex(),
            [IMAGE, rg.InputType.convolutional(4, 6, 2)],
            "gets images [N, 2, 4, 5] (height=4, width=5, channels=2) and images [N, 2, 4, 6] (height=4, width=6, channels=2), "
            f"{KINDS}give it inputs of one kind",
        ),
        (
            rg.ElementWiseVertex("add"),
            [R(2), R(3)],
            "gets time series [N, 2, T] and time series [N, 3, T]; expected inputs of one width, or 1 wide",
        ),
        (rg.ElementWiseVertex("subtract"), [R(2)] * 3, "op='subtract' takes two inputs, but it has 3"),
        (rg.StackVertex(), [R(2), R(3)], "gets time series [N, 2, T] and time series [N, 3, T]; expected inputs of one width"),
        (rg.SubsetVertex(1, 2), [R(2)], "takes the features 1 to 2, but gets 2, numbered from 0"),
        (rg.SubsetVertex(1, 0), [R(2)], "takes the features 1 to 0, but gets 2, numbered from 0"),
        (rg.UnstackVertex(2, 2), [R(2)], "index=2: of count=2 stacked inputs the last is 1"),
        (rg.LastTimeStepVertex("in"), [F(2)], "takes a time series [N, F, T], but gets vectors [N, 2]"),
        (rg.ReverseTimeSeriesVertex("in"), [F(2)], "takes a time series [N, F, T], but gets vectors [N, 2]"),
        (rg.DuplicateToTimeSeriesVertex("in"), [R(2)], "takes one vector for each example, [N, F], but gets time series [N, 2, T]"),
    ],
)
def test_what_does_not_fit(vertex: GraphVertex, flows: list[Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        vertex.output_type(flows)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: untyped.ElementWiseVertex("plus"), "ElementWiseVertex: op='plus': expected one of add, subtract, product, average, max"),
        (
            lambda: untyped.ElementWiseVertex(),
            "ElementWiseVertex: op is missing; give op=... (what is computed: add, subtract, product, average or max)",
        ),
        (
            lambda: untyped.SubsetVertex(-1, 2),
            "SubsetVertex: first=-1: expected a number of at least 0 (the first feature, counted from 0)",
        ),
        (lambda: untyped.UnstackVertex(0, 0), "UnstackVertex: count=0: expected a number of at least 1 (how many were stacked)"),
        (
            lambda: untyped.L2NormalizeVertex(epsilon=0),
            "L2NormalizeVertex: epsilon=0: expected a number greater than 0 (the smallest norm)",
        ),
        (
            lambda: untyped.ScaleVertex(float("nan")),
            "ScaleVertex: factor=nan: expected a finite number (what values are multiplied by)",
        ),
        (lambda: untyped.MergeVertex("hold"), "MergeVertex('hold'): give values by name, as in MergeVertex(mask_mode='hold')"),
    ],
)
def test_fields_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        make()


def graph(vertex: Any, inputs: list[str], types: dict[str, Any], end: Any) -> rg.ComputationGraphConfiguration:
    vertices = {"v": (vertex, *inputs), "y": (end, "v"), **{f"other {k}": (rg.DenseLayer(n_out=2), k) for k in types if k not in inputs}}
    outputs = ["y", *(name for name in vertices if name.startswith("other"))]
    return rg.ComputationGraphConfiguration(inputs=list(types), vertices=vertices, outputs=outputs, input_types=types)


SERIES, VECTOR = rg.RnnOutputLayer(n_out=2), rg.OutputLayer(n_out=2)


@pytest.mark.parametrize(
    ("vertex", "inputs", "types", "end", "message"),
    [
        (rg.ScaleVertex(2.0), ["a", "b"], {"a": R(2), "b": R(2)}, SERIES, "it has the inputs a, b, but takes one"),
        (rg.LastTimeStepVertex("b"), ["a"], {"a": R(2)}, VECTOR, "input='b' is no input of the network; there are a"),
        *(
            (
                vertex,
                ["a"],
                {"a": flow, "b": F(3)},
                end,
                "input='b' of the network has no time axis: vectors [N, 3]; name one that has, or give "
                "input_types={'b': InputType.recurrent(3)}",
            )
            for vertex, flow, end in (
                (rg.LastTimeStepVertex("b"), R(2), VECTOR),
                (rg.ReverseTimeSeriesVertex("b"), R(2), SERIES),
                (rg.DuplicateToTimeSeriesVertex("b"), F(2), SERIES),
            )
        ),
    ],
)
def test_what_a_place_does_not_give(vertex: Any, inputs: list[str], types: dict[str, Any], end: Any, message: str) -> None:
    message = f"vertex 'v' ({vertex.tag()}): {message}"
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        graph(vertex, inputs, types, end)


@pytest.mark.parametrize(
    ("vertices", "message"),
    [
        (
            {"s": (rg.StackVertex(), "a", "b"), "u": (rg.UnstackVertex(1, 3), "s"), "y": (SERIES, "u")},
            "vertex 'u' (UnstackVertex): count=3, but examples of 2 inputs are stacked; expected that number",
        ),
        (
            {"u": (rg.UnstackVertex(0, 2), "a"), "y": (SERIES, "u", "b")},
            "vertex 'u' (UnstackVertex): count=2, but examples of 1 inputs are stacked; expected that number",
        ),
        (
            {"s": (rg.StackVertex(), "a", "b"), "m": (rg.MergeVertex(), "s", "a"), "u": (rg.UnstackVertex(0, 2), "m"), "y": (SERIES, "u")},
            "vertex 'm' (MergeVertex): one input has 1 stacked, another 2; unstack them first",
        ),
        (
            {"s": (rg.StackVertex(), "a", "b"), "y": (SERIES, "s")},
            "output 'y': the examples of 2 inputs are stacked there; put an UnstackVertex in front of it for each",
        ),
    ],
)
def test_stacks_that_do_not_fit_are_told_when_the_network_is_made(vertices: Any, message: str) -> None:
    types = {"a": R(2), "b": R(2)}
    config = rg.ComputationGraphConfiguration(inputs=["a", "b"], vertices=vertices, outputs="y", input_types=types)
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.ComputationGraph(config)
