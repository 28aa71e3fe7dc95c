"""Recognising the LSTM that a target has as one op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnngraph.ir.activations import lookup
from rnngraph.ir.cells import graves_lstm, lstm
from rnngraph.ir.graph import Body, Graph, Node, Value
from rnngraph.ir.passes.projection import projection
from rnngraph.ir.passes.prune import prune
from rnngraph.ir.passes.recognition import recognised
from rnngraph.ir.rewrite import Rewriter

Accepts = Callable[[str, str, bool], bool]
"""Whether the target's op takes ``(activation, gate activation, peephole)``."""


@dataclass(frozen=True)
class Kind:
    """Which LSTM a body is."""

    activation: str
    gate_activation: str
    peephole: bool


def fuse_lstm(graph: Graph, accepts: Accepts) -> Graph:
    """Each ``recurrent`` over ``x · Wᵀ + b`` whose body is the LSTM, with or without peepholes, becomes a node ``lstm``.

    Operands of ``lstm``: x, W, R, b, h, c, [P], [mask]; attributes ``activation``, ``gate_activation``, ``peephole``, ``reverse``,
    ``mask_mode``. Only gates that saturate are fused, masked or not, so that a layer has the same op in files with and without a mask.
    The body is matched by its structure. Products that nothing reads any more are dropped.
    """
    new = Rewriter(graph)
    for node in graph.nodes:
        kind = lstm_kind(node.attributes["body"]) if node.op == "recurrent" else None
        found = None if kind is None else projection(node.inputs[0])
        if (
            kind is None
            or found is None
            or not lookup(kind.gate_activation).saturates
            or not accepts(kind.activation, kind.gate_activation, kind.peephole)
        ):
            new.copy(node)
        else:
            _fuse(new, node, kind, found)
    return prune(new.finish())


def lstm_kind(body: Body) -> Kind | None:
    """Which LSTM the body computes, None if it is another cell."""
    found = recognised(body, (lstm, graves_lstm))
    if found is None:
        return None
    act, gate, cell = found
    return Kind(act, gate, cell is graves_lstm)


def _fuse(new: Rewriter, node: Node, kind: Kind, found: tuple[Value, Value, Value]) -> None:
    x, w, b = found
    _, h, c, r, *rest = node.inputs  # rest: [P], [mask]
    new.exchange(
        node,
        "lstm",
        [new[v] for v in (x, w, r, b, h, c, *rest)],
        activation=kind.activation,
        gate_activation=kind.gate_activation,
        peephole=kind.peephole,
        reverse=node.attributes["reverse"],
        mask_mode=node.attributes["mask_mode"],
    )
