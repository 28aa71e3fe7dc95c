"""Whether a graph reads what stands in its input at masked steps: computed from its nodes."""

from __future__ import annotations

from rnngraph.ir.graph import Graph, Node, Port, Value

_MOVING = frozenset(
    {"transpose", "unsqueeze", "squeeze", "identity", "split", "concat", "reshape", "last_steps", "features", "reverse_steps"}
)
"""Ops that hand on what stands at each step as it is."""
_APART = frozenset({"add", "sub", "mul", "div", "max"})
"""Ops that keep the steps apart where other operands are constants, statistics of a normalizer, or of the same steps."""
_BLIND = frozenset({"zeros", "zero_state", "repeat_steps"})
"""Ops that look at shapes alone."""


def reads_padding(graph: Graph) -> bool:
    """Whether an op computes with a raw input at masked steps; False for a graph without a mask."""
    return any(reads_padding_of(p, graph) for p in graph.ports("input"))


def mask_of(port: Port, graph: Graph) -> Port | None:
    """The mask of an input; None where it has none. A mask that does not say what it masks is that of the only input."""
    return next((p for p in graph.ports("mask") if p.of in (None, port.name)), None)


def reads_padding_of(port: Port, graph: Graph) -> bool:
    """Whether an op computes with the raw input ``port`` at the steps that its mask leaves out; False for an input without a mask.

    It does not where each way from the input first leads through a ``where`` under the mask, or into a loop that obeys the mask: then
    anything may stand there, NaN included. It does where a layer ignores masks.
    """
    mask = mask_of(port, graph)
    if mask is None:
        return False
    masks, raw = _computed_from({mask.value}, graph), {port.value}
    statistics = {p.value for p in graph.ports("buffer")}
    for node in graph.nodes:
        touched = [v for v in node.inputs if v in raw]
        if not touched or node.op in _BLIND or _cleans(node, masks, raw):
            continue
        apart = node.op in _APART and all(v in raw or v in statistics or _constant(v) for v in node.inputs)
        if node.op not in _MOVING and not apart:
            return True
        raw.update(node.outputs)
    return False


def _computed_from(values: set[Value], graph: Graph) -> set[Value]:
    """``values``, and what follows from them alone and from constants."""
    for node in graph.nodes:
        if any(v in values for v in node.inputs) and all(v in values or _constant(v) for v in node.inputs):
            values.update(node.outputs)
    return values


def _last_or_first(index: Value) -> bool:
    """Whether it is the number of a real step, of the last or the first; where none is, of what stands in front or behind."""
    node = index.producer
    return node is not None and (node.op in ("last_index", "first_index") or (node.op == "unsqueeze" and _last_or_first(node.inputs[0])))


def _constant(value: Value) -> bool:
    return value.producer is not None and value.producer.op == "constant"


def _cleans(node: Node, masks: set[Value], raw: set[Value]) -> bool:
    """Whether the node takes the raw input at real steps only."""
    if node.op == "where":
        return node.inputs[0] in masks and node.inputs[2] not in raw
    if node.op == "gather_steps":
        return node.inputs[1] in masks and _last_or_first(node.inputs[1])
    return node.op in ("recurrent", "lstm", "gru") and node.attributes["mask_mode"] is not None and node.inputs[-1] in masks
