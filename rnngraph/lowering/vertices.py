"""Vertices of graphs: each takes the flows of its inputs and gives one, or several where examples are stacked.

A StackVertex joins nothing: what follows acts on each of its flows with the same parameters, until an UnstackVertex takes one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from rnngraph.conf.vertices import (
    DuplicateToTimeSeriesVertex,
    ElementWiseVertex,
    GraphVertex,
    L2NormalizeVertex,
    LastTimeStepVertex,
    MergeVertex,
    PreprocessorVertex,
    ReverseTimeSeriesVertex,
    ScaleVertex,
    ShiftVertex,
    StackVertex,
    SubsetVertex,
    UnstackVertex,
)
from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import maximum, where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.flow import Flow, Flows, either
from rnngraph.lowering.last_time_step import last_seen
from rnngraph.lowering.preprocessors import lower_preprocessor

Borders = Mapping[str, Flow]
"""The flows of the network's inputs, by name."""
Lower = Callable[[Any, Context, Sequence[Flow], Borders], Flow]
_LOWERINGS: dict[type[GraphVertex], Lower] = {}


def vertex(cls: type[GraphVertex]) -> Callable[[Lower], Lower]:
    """Enter the decorated function, ``(vertex, context, flows, borders) -> flow``, as the lowering of ``cls``."""

    def enter(function: Lower) -> Lower:
        _LOWERINGS[cls] = function
        return function

    return enter


def lower_vertex(vertex: GraphVertex, context: Context, given: Sequence[Flows], borders: Borders) -> Flows:
    """What ``vertex`` gives for the flows of each input. ConfigurationError where stacked examples do not fit."""
    label = context.label
    if isinstance(vertex, StackVertex):
        return tuple(flow for flows in given for flow in flows)
    if isinstance(vertex, UnstackVertex):
        (flows,) = given
        if len(flows) != vertex.count:
            raise ConfigurationError(
                f"{label}: count={vertex.count}, but examples of {len(flows)} inputs are stacked; expected that number"
            )
        return (flows[vertex.index],)
    counts = {len(flows) for flows in given}
    if len(counts) > 1:
        raise ConfigurationError(f"{label}: one input has {min(counts)} stacked, another {max(counts)}; unstack them first")
    out = []
    for part, flows in enumerate(zip(*given, strict=True)):
        context.turn(flows[0], part)
        out.append(_LOWERINGS[type(vertex)](vertex, context, flows, borders))
    return tuple(out)


@vertex(MergeVertex)
def _merge(vertex: MergeVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """Features side by side."""
    values = _inputs(flows, vertex.mask_mode)
    y = context.graph.add("concat", values, "merged", axis=-1) if len(values) > 1 else values[0]
    return _together(flows, y)


_OPERATIONS: Mapping[str, Callable[[Value, Value], Value]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "average": lambda a, b: a + b,
    "max": maximum,
}


@vertex(ElementWiseVertex)
def _element_wise(vertex: ElementWiseVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """Value by value, from the first input to the last."""
    y = reduce(_OPERATIONS[vertex.op], _inputs(flows, vertex.mask_mode))
    return _together(flows, y * (1.0 / len(flows)) if vertex.op == "average" else y)


def _inputs(flows: Sequence[Flow], mask_mode: str) -> list[Value]:
    """The values; 0 at masked steps where masks differ, since another input may have a step where this one has none."""
    same = len({flow.mask for flow in flows}) == 1
    return [flow.value if same else flow.cleaned(mask_mode) for flow in flows]


def _together(flows: Sequence[Flow], y: Value) -> Flow:
    """The flow of what was made of all: a step is real where it is for any of them."""
    mask = either([flow.mask for flow in flows])
    clean = mask is None or all(flow.clean and flow.mask is mask for flow in flows)
    return Flow(y, mask, clean, either([flow.given for flow in flows]))


@vertex(SubsetVertex)
def _subset(vertex: SubsetVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """Some features, the last axis."""
    (flow,) = flows
    return flow.with_value(context.graph.add("features", [flow.value], "subset", start=vertex.first, stop=vertex.last + 1))


@vertex(ScaleVertex)
def _scale(vertex: ScaleVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """x · factor."""
    (flow,) = flows
    return flow.with_value(flow.value * vertex.factor)


@vertex(ShiftVertex)
def _shift(vertex: ShiftVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """x + shift."""
    (flow,) = flows
    return flow.with_value(flow.value + vertex.shift, clean=flow.mask is None)


@vertex(L2NormalizeVertex)
def _l2_normalize(vertex: L2NormalizeVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """x / max(‖x‖, ε), the norm over all values and steps of an example."""
    (flow,) = flows
    x = flow.cleaned(vertex.mask_mode)
    return flow.with_value(x / maximum(context.graph.add("example_norm", [x], "norm"), vertex.epsilon))


@vertex(LastTimeStepVertex)
def _last_time_step(vertex: LastTimeStepVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """x at the last step that the input's mask does not mask; its state, which a chunk that is wholly masked gives again."""
    (flow,) = flows
    return Flow(last_seen(context, "last_output", flow.value, _mask_over(flow, borders[vertex.input])))


def _mask_over(flow: Flow, border: Flow) -> Value | None:
    """The mask of an input, laid over what became of it: where that is shorter, what became of the mask."""
    return border.mask if flow.value.shape[0] == border.value.shape[0] else flow.mask


@vertex(DuplicateToTimeSeriesVertex)
def _duplicate(vertex: DuplicateToTimeSeriesVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """x at each step of the input."""
    (flow,), like = flows, borders[vertex.input]
    y = context.graph.add("repeat_steps", [flow.value, like.value], "repeated")
    return Flow(y, like.mask, like.mask is None, like.given)


@vertex(ReverseTimeSeriesVertex)
def _reverse(vertex: ReverseTimeSeriesVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """Real steps in the opposite order, at the places of real steps; all steps where no input is named, whose masks turn with them."""
    (flow,), graph = flows, context.graph
    mask = None if vertex.input is None else _mask_over(flow, borders[vertex.input])
    if mask is not None:
        return Flow(_reversed_among(flow, mask), mask, True, mask)
    turned = {m: graph.add("reverse_steps", [m], "reversed_mask") for m in (flow.mask, flow.given) if m is not None}
    y = graph.add("reverse_steps", [flow.value], "reversed")
    return Flow(y, flow.mask and turned[flow.mask], flow.clean, flow.given and turned[flow.given])


def _reversed_among(flow: Flow, mask: Value) -> Value:
    """The real steps of each row in the opposite order, 0 elsewhere: packed to the front, turned around, and unpacked from the end."""
    graph = flow.value.block
    source, _, _ = graph.add_many("pack_index", [mask], reverse=False)
    _, destination, _ = graph.add_many("pack_index", [mask], reverse=True)
    turned = graph.add("reverse_steps", [graph.add("gather_steps", [flow.cleaned(), source], "packed")], "turned")
    return where(mask, graph.add("gather_steps", [turned, destination], "unpacked"), 0.0)


@vertex(PreprocessorVertex)
def _preprocess(vertex: PreprocessorVertex, context: Context, flows: Sequence[Flow], borders: Borders) -> Flow:
    """What the preprocessor makes of it."""
    (flow,) = flows
    return flow.with_value(lower_preprocessor(vertex.preprocessor, context.graph, flow.value))
