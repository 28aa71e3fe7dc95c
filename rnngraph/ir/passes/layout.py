"""Taking out what only moves values and undoes itself: the traces of preprocessors that stand back to back."""

from __future__ import annotations

from rnngraph.ir.graph import Graph, Node, Value
from rnngraph.ir.passes.prune import prune
from rnngraph.ir.rewrite import Rewriter


def cancel_layout(graph: Graph) -> Graph:
    """The graph without redundant moves; each output has the value that it had.

    1. An identity is its operand.
    2. A transpose of a transpose is one, and none where the axes end up as they were.
    3. A reshape of a reshape is one, and none where the shape ends up as it was.

    So CnnToRnn and RnnToCnn one behind the other, and RnnToFeedForward and FeedForwardToRnn wherever they stand, leave nothing.
    """
    new = Rewriter(graph)
    for node in graph.nodes:
        kept = _CASES[node.op](new, node) if node.op in _CASES else None
        if kept is None:
            new.copy(node)
        else:
            new.replace(node, [kept])
    return prune(new.finish())


def _identity(new: Rewriter, node: Node) -> Value | None:
    return new[node.inputs[0]]


def _transpose(new: Rewriter, node: Node) -> Value | None:
    x, order = new[node.inputs[0]], list(node.attributes["order"])
    before = x.producer
    if before is not None and before.op == "transpose":
        x, order = before.inputs[0], [before.attributes["order"][k] for k in order]
    if order == sorted(order):
        return x
    return None if before is None or before.op != "transpose" else _again(new, node, x, order=tuple(order))


def _reshape(new: Rewriter, node: Node) -> Value | None:
    x = new[node.inputs[0]]
    before = x.producer
    if x.shape == node.outputs[0].shape:
        return x
    if before is None or before.op != "reshape":
        return None
    first, wanted = before.inputs[0], node.outputs[0].shape
    if first.shape == wanted:
        return first
    lead = min(first.type.rank - before.attributes["axes"], x.type.rank - node.attributes["axes"])
    return _again(new, node, first, axes=first.type.rank - lead, shape=wanted[lead:])


def _again(new: Rewriter, node: Node, x: Value, **attributes: object) -> Value:
    """The op of ``node`` on ``x``, under a name that tells what it stands for."""
    graph = new.at(node)
    label = node.outputs[0].name.removeprefix(graph.prefix)
    return graph.add(node.op, [x], label, **attributes)


_CASES = {"identity": _identity, "transpose": _transpose, "reshape": _reshape}
