"""Whether a graph can be fed a sequence piece by piece: computed from its nodes."""

from __future__ import annotations

from itertools import count

from rnngraph.ir.graph import Body, Graph, Node
from rnngraph.ir.types import Size, T, evaluate


def streams(graph: Graph) -> tuple[bool, str | None]:
    """Whether ``graph`` gives the same outputs for a sequence fed whole and in pieces, its states carried over.

    If not, also why, naming the first layer that cannot.
    """
    found = not_streaming(graph)
    return (True, None) if not found else (False, next(iter(found.values())))


def not_streaming(graph: Graph) -> dict[int | None, str]:
    """The layers that cannot stream, by index (None where a node belongs to no layer), with the reason as a sentence."""
    reasons: dict[int | None, str] = {}
    for node in graph.nodes:
        if node.op in ("recurrent", "lstm") and node.attributes["reverse"]:
            layer = _layer(graph, node)
            body = node.attributes.get("body")
            cell = body.label if isinstance(body, Body) else node.op
            where = f"layer {layer}" if layer is not None else f"node {node.outputs[0].name!r}"
            reasons.setdefault(layer, f"{where} ({cell}) runs backwards in time: its first output needs the last step of the sequence")
        if node.op in ("convolution", "pool") and (why := _windows(node)):
            layer = _layer(graph, node)
            where = f"layer {layer}" if layer is not None else f"node {node.outputs[0].name!r}"
            reasons.setdefault(layer, f"{where} ({node.op} over time) {why}")
    return reasons


def least_steps(graph: Graph) -> int:
    """How many time steps the graph needs at least, so that no window over time is longer than what it moves over."""
    sizes = {d for node in graph.nodes for v in node.outputs for d in v.shape if isinstance(d, Size) and d.free == T.free}
    return next(t for t in count(1) if all(evaluate(size, {str(T): t}) > 0 for size in sizes))


def output_steps(graph: Graph, steps: int) -> int | None:
    """How many time steps the output ``y`` has for ``steps`` of the input; None where it has no time axis."""
    (y,) = graph.ports("output")
    sizes = [d for d in y.value.shape if isinstance(d, Size) and d.free == T.free]
    return evaluate(sizes[0], {str(T): steps}) if sizes else None


def _windows(node: Node) -> str | None:
    """Why a window over time cannot stream; None where it can, and for windows over images."""
    (stride, *more), before, after = node.attributes["stride"], node.inputs[0].shape[0], node.outputs[0].shape[0]
    if more:
        return None
    if any(p != (0, 0) for p in node.attributes["padding"]):
        return "pads the sequence: outputs at its ends need to know that it ends there (convolution_mode='causal' with stride=1 streams)"
    if stride > 1:
        return f"moves by {stride} steps: a piece may end between two windows"
    if isinstance(after, Size) and after.terms == T.terms and after.constant == 0:
        return None
    return f"gives {after} steps for {before}: in pieces the windows across the seams would be missing (convolution_mode='causal' streams)"


def _layer(graph: Graph, node: Node) -> int | None:
    """The layer to which the node's states or weights belong."""
    owners = {port.value: port.layer for port in graph.inputs}
    named = node.outputs[0].name.partition(".")[0]
    owned = (owners[v] for v in node.inputs if owners.get(v) is not None)
    return next(owned, int(named) if named.isdecimal() else None)
