"""Statistics in front of inputs and behind outputs, so that a graph takes and gives raw values."""

from __future__ import annotations

from collections.abc import Mapping

from rnngraph.ir.graph import Graph, Port, Value
from rnngraph.ir.padding import mask_of, reads_padding_of
from rnngraph.ir.rewrite import Rewriter
from rnngraph.ir.types import floats


def normalise(graph: Graph, inputs: Mapping[str, float], outputs: Mapping[str, float]) -> Graph:
    """The graph whose ``inputs`` go through ``(x - shift) / width + offset`` first, and whose ``outputs`` through the opposite at last.

    Both hold offsets by name. Shift and width of each column (axis 1) are new buffers, ``x.shift`` and ``x.width``. Where a layer
    reads what stands at masked steps, that is 0 on the inner scale, whatever comes in.
    """
    new = Rewriter(graph)
    for port in graph.ports("input"):
        if port.name in inputs:
            x = _scaled(new.graph, port, new[port.value], inputs[port.name])
            mask = mask_of(port, graph) if reads_padding_of(port, graph) else None
            new.values[port.value] = x if mask is None else _cleaned(x, new[mask.value])
    new.graph.prefix = ""
    for node in graph.nodes:
        new.copy(node)
    raw = {p.name: _unscaled(new.graph, p, new[p.value], outputs[p.name]) for p in graph.ports("output") if p.name in outputs}
    return new.finish(raw)


def _scaled(graph: Graph, port: Port, x: Value, offset: float) -> Value:
    """``(x - shift) / width + offset``, as numpy computes it in the graph's data type, to the bit."""
    shift, width = _statistics(graph, port)
    x = graph.add("div", [graph.add("sub", [x, shift], "centred"), width], "scaled")
    return graph.add("add", [x, offset], "placed") if offset else x


def _unscaled(graph: Graph, port: Port, y: Value, offset: float) -> Value:
    shift, width = _statistics(graph, port)
    y = graph.add("sub", [y, offset], "unplaced") if offset else y
    return graph.add("add", [graph.add("mul", [y, width], "unscaled"), shift], "raw")


def _statistics(graph: Graph, port: Port) -> tuple[Value, Value]:
    """The buffers of the port's statistics; what is added next is named after the port."""
    graph.prefix = f"{port.name}."
    shape = floats(port.value.shape[1], *[1] * (port.value.type.rank - 2))
    return graph.input(f"{port.name}.shift", "buffer", shape), graph.input(f"{port.name}.width", "buffer", shape)


def _cleaned(x: Value, mask: Value) -> Value:
    """x [N, F, T] with 0 where the mask [N, T] is 0."""
    graph = x.block
    real = graph.add("unsqueeze", [graph.add("greater", [mask, 0.5])], "real", axis=1)
    return graph.add("where", [real, x, 0.0], "clean")
