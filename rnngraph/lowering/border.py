"""The border of a graph: what callers give and get, [N, F, T], and what flows inside, [T, N, F]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rnngraph.conf import ConvolutionalInput, NetworkConfiguration
from rnngraph.conf.ports import Entry, Head
from rnngraph.ir.cell import greater
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.types import Dim, N, Size, T, TensorType, floats, symbol
from rnngraph.lowering.flow import Flow

LabelsMask = bool | Literal["outputs"]
"""Whether there is a labels mask; "outputs": one that masks single outputs."""


def time_symbols(config: NetworkConfiguration) -> dict[str, Size]:
    """The symbol of each input's time axis. T where all have to be equally long; else ``T_<input>``, of the first of those that have to."""
    clocks = config.clocks
    names = dict.fromkeys(clocks.values())
    return {name: T if len(names) == 1 else symbol(f"T_{clock}") for name, clock in clocks.items()}


def enter(entry: Entry, graph: Graph, steps: Size | None, masked: bool) -> Flow:
    """The input as [T, N, F] (ids [T, N], video [T, N, H, W, C]), and its mask."""
    mask = None
    if masked and steps is not None:
        mask = step_mask(graph, entry.mask_name, steps, entry.name)
    return Flow(_inside(entry, graph, steps), mask, mask is None, mask)


def _inside(entry: Entry, graph: Graph, steps: Size | None) -> Value:
    name, flow, ids = entry.name, entry.flow, entry.ids
    time = [] if steps is None else [steps]
    if isinstance(flow, ConvolutionalInput):
        height, width, channels = flow.frame
        x = graph.input(name, "input", floats(N, channels, height, width, *time))
        return graph.add("transpose", [x], f"{name}_images", order=(4, 0, 2, 3, 1) if time else (0, 2, 3, 1))
    if steps is None:
        if ids is not None:
            return graph.add("squeeze", [graph.input(name, "input", TensorType("int64", (N, 1)), ids=ids)], "ids", axis=-1)
        return graph.input(name, "input", floats(N, flow.size))
    x = graph.input(name, "input", floats(N, flow.size, steps) if ids is None else TensorType("int64", (N, steps)), ids=ids)
    return graph.add("transpose", [x], f"{name}_steps", order=(1, 0) if ids is not None else (2, 0, 1))


def leave(head: Head, x: Value) -> Value:
    """The output as callers get it: [N, C, T], images [N, C, H, W], video [N, C, H, W, T]."""
    if isinstance(head.gives, ConvolutionalInput):
        return x.block.add("transpose", [x], head.name, order=(1, 4, 2, 3, 0) if head.has_time else (0, 3, 1, 2))
    return x.block.add("transpose", [x], head.name, order=(1, 2, 0)) if head.has_time else x


def labels_of(head: Head, graph: Graph, flow: Flow, labels_mask: LabelsMask) -> tuple[Value, Value | None]:
    """The labels as [T, N, C] or [N, C], and which of them count; ``flow`` is what the output layer gets.

    Without a mask of their own, the features mask masks labels of a time series.
    """
    width, prefix = head.width, graph.prefix
    graph.prefix = ""
    try:
        if head.has_time:
            return _series(head, graph, flow, labels_mask, width)
        labels = graph.input(head.labels_name, "label", floats(N, width))
        given = floats(N, width if labels_mask == "outputs" else 1)
        mask = greater(graph.input(head.labels_mask_name, "mask", given, of=head.labels_name), 0.5) if labels_mask else None
        return labels, mask
    finally:
        graph.prefix = prefix


def _series(head: Head, graph: Graph, flow: Flow, labels_mask: LabelsMask, width: int) -> tuple[Value, Value | None]:
    steps = flow.value.shape[0]
    labels = graph.input(head.labels_name, "label", floats(N, width, steps))
    labels = graph.add("transpose", [labels], f"{head.labels_name}_steps", order=(2, 0, 1))
    if labels_mask == "outputs":
        each = graph.input(head.labels_mask_name, "mask", floats(N, width, steps), of=head.labels_name)
        return labels, greater(graph.add("transpose", [each], order=(2, 0, 1)), 0.5)
    return labels, step_mask(graph, head.labels_mask_name, steps, head.labels_name) if labels_mask else flow.given


def step_mask(graph: Graph, name: str, count: Dim, of: str) -> Value:
    """Mask input [N, T] as bool [T, N, 1]."""
    given = graph.input(name, "mask", floats(N, count), of=of)
    steps = graph.add("transpose", [given], order=(1, 0))
    return graph.add("unsqueeze", [graph.add("greater", [steps, 0.5])], f"{name}_steps", axis=-1)


def sizes(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The numbers that the symbols of the inputs' shapes stand for, from the ``shapes`` of the arrays that are fed."""
    found: dict[str, int] = {}
    for port in graph.ports("input"):
        for dim, size in zip(port.value.shape, shapes[port.name], strict=True):
            if isinstance(dim, Size):
                found.update({str(dim): size})
    return found
