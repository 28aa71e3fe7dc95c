"""Whether a graph can be fed a sequence piece by piece: computed from its nodes."""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.ir.graph import Body, Graph, Node, Value


def streams(graph: Graph) -> tuple[bool, str | None]:
    """Whether ``graph`` gives the same outputs for a sequence fed whole and in pieces, its states carried over.

    If not, also why, naming the first layer that cannot.
    """
    found = not_streaming(graph)
    return (True, None) if not found else (False, next(iter(found.values())))


def why_not(graph: Graph, titles: Sequence[str]) -> str | None:
    """The reason of :func:`streams` with the layer as the user knows it; ``titles`` say what each layer is."""
    for layer, reason in not_streaming(graph).items():
        return reason if layer is None else f"layers[{layer}] ({titles[layer]}): {reason}"
    return None


def not_streaming(graph: Graph) -> dict[int | None, str]:
    """The layers that cannot stream, by index (None where a node belongs to no layer), with the reason as a sentence."""
    reasons: dict[int | None, str] = {}
    for node in graph.nodes:
        if node.op in ("recurrent", "lstm", "gru") and node.attributes["reverse"]:
            layer = _layer(graph, node)
            body = node.attributes.get("body")
            cell = body.label if isinstance(body, Body) else node.op
            where = f"layer {layer}" if layer is not None else f"node {node.outputs[0].name!r}"
            reasons.setdefault(layer, f"{where} ({cell}) runs backwards in time: its first output needs the last step of the sequence")
    return reasons


def _layer(graph: Graph, node: Node) -> int | None:
    """The layer to which the node's states or weights belong."""
    owners = {port.value: port.layer for port in graph.inputs}
    return next((owners[v] for v in map(_source, node.inputs) if owners.get(v) is not None), None)


def _source(v: Value) -> Value:
    """The value of which ``v`` is a part or a view."""
    while v.producer is not None and len(v.producer.inputs) == 1:
        v = v.producer.inputs[0]
    return v
