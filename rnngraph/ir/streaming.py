"""Whether a graph can be fed a sequence piece by piece: computed from its nodes."""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.ir.graph import Body, Graph, Node, Value
from rnngraph.ir.steps import time_axis
from rnngraph.ir.types import Size, is_time, symbol


def streams(graph: Graph) -> tuple[bool, str | None]:
    """Whether ``graph`` gives the same outputs for a sequence fed whole and in pieces, its states carried over.

    If not, also why, naming the first layer that cannot.
    """
    found = not_streaming(graph)
    return (True, None) if not found else (False, next(iter(found.values())))


def why_not(graph: Graph, titles: Sequence[str], names: Sequence[str] | None = None) -> str | None:
    """The reason of :func:`streams` with the layer as the user knows it; ``titles`` say what each layer is.

    ``names`` are those of the layers' vertices in a network that is a graph.
    """
    for layer, reason in not_streaming(graph, names).items():
        if layer is None:
            return reason
        return f"layers[{layer}] ({titles[layer]}): {reason}" if names is None else f"vertex {names[layer]!r} ({titles[layer]}): {reason}"
    return None


def not_streaming(graph: Graph, names: Sequence[str] | None = None) -> dict[int | None, str]:
    """The layers that cannot stream, by index (None where a node belongs to no layer), with the reason as a sentence.

    Layers of a network that is a graph have ``names``; the sentence then says "it", since whoever prints it names the vertex.
    """
    reasons: dict[int | None, str] = {}
    for node in graph.nodes:
        if (why := _why(node)) is not None:
            layer = layer_of(graph, node, names)
            where = f"node {node.outputs[0].name!r}" if layer is None else f"layer {layer}" if names is None else "it"
            reasons.setdefault(layer, f"{where} {why}")
    return reasons


def _why(node: Node) -> str | None:
    """Why a node cannot stream, as the rest of a sentence; None where it can."""
    if node.op in ("recurrent", "lstm", "gru") and node.attributes["reverse"]:
        body = node.attributes.get("body")
        cell = body.label if isinstance(body, Body) else node.op
        return f"({cell}) runs backwards in time: its first output needs the last step of the sequence"
    if node.op in ("convolution", "pool") and (why := _windows(node)):
        return f"({node.op} over time) {why}"
    if node.op == "reverse_steps":
        return "turns time around: its first output needs the last step of the sequence"
    if node.op == "example_norm" and node.inputs[0].type.rank == 3:
        return "divides by the norm of the whole sequence"
    if node.op == "repeat_steps" and _depends_on_time(node.inputs[0]):
        return "repeats at each step what is known when a sequence has ended"
    return None


def _depends_on_time(value: Value) -> bool:
    """Whether a sequence is among the values that ``value`` was computed from."""
    pending, seen = [value], set[Value]()
    while pending:
        one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        if time_axis(one.shape) is not None:
            return True
        pending += one.producer.inputs if one.producer is not None else ()
    return False


def _windows(node: Node) -> str | None:
    """Why a window over time cannot stream; None where it can, and for windows over images."""
    (stride, *more), before, after = node.attributes["stride"], node.inputs[0].shape[0], node.outputs[0].shape[0]
    if more:
        return None
    if any(p != (0, 0) for p in node.attributes["padding"]):
        return "pads the sequence: outputs at its ends need to know that it ends there (convolution_mode='causal' with stride=1 streams)"
    if stride > 1:
        return f"moves by {stride} steps: a piece may end between two windows"
    if isinstance(after, Size) and is_time(after) and after in map(symbol, after.free):
        return None
    return f"gives {after} steps for {before}: in pieces the windows across the seams would be missing (convolution_mode='causal' streams)"


def layer_of(graph: Graph, node: Node, names: Sequence[str] | None = None) -> int | None:
    """The layer to which the node's states or weights belong, or whose name (left out: those that the graph knows) its own begins with."""
    owners = {port.value: port.layer for port in graph.inputs}
    owned = (owners[v] for v in map(_source, node.inputs) if owners.get(v) is not None)
    return next(owned, _named(node.outputs[0].name, names or graph.layer_names))


def _named(value: str, names: Sequence[str]) -> int | None:
    """The layer whose name the name of a value begins with."""
    if not names:
        head = value.partition(".")[0]
        return int(head) if head.isdecimal() else None
    return next((k for k, name in enumerate(names) if value.startswith(f"{name}.")), None)


def _source(v: Value) -> Value:
    """The value of which ``v`` is a part or a view."""
    while v.producer is not None and len(v.producer.inputs) == 1:
        v = v.producer.inputs[0]
    return v
