"""Recognising the GRU that a target has as one op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

from rnngraph.ir.activations import lookup
from rnngraph.ir.cells import gru_reset_after, gru_reset_before
from rnngraph.ir.graph import Body, Graph, Node, Value
from rnngraph.ir.passes.projection import projection
from rnngraph.ir.passes.prune import prune
from rnngraph.ir.passes.recognition import recognised
from rnngraph.ir.rewrite import Rewriter

Accepts = Callable[[str, str, bool], bool]
"""Whether the target's op takes ``(activation, gate activation, reset_after)``."""

ZERO_AT_ZERO = frozenset({"elu", "identity", "leakyrelu", "rationaltanh", "rrelu", "softsign", "tanh"})
"""Activations whose value at 0 is 0 whatever their parameters, as a mask that resets needs; ``relu`` without parameters is one too."""


@dataclass(frozen=True)
class Kind:
    """Which GRU a body is."""

    activation: str
    gate_activation: str
    reset_after: bool


def fuse_gru(graph: Graph, accepts: Accepts) -> Graph:
    """Each ``recurrent`` over ``x · Wᵀ + b`` whose body is the GRU becomes a node ``gru``.

    Operands of ``gru``: x, W, R, b, [bR], h, [mask]; attributes ``activation``, ``gate_activation``, ``reset_after``, ``reverse``,
    ``mask_mode``. Only gates that saturate and activations that are 0 at 0 are fused, which masks may need, masked or not, so that a layer
    has the same op in files with and without a mask. Products that nothing reads any more are dropped.
    """
    new = Rewriter(graph)
    for node in graph.nodes:
        kind = gru_kind(node.attributes["body"]) if node.op == "recurrent" else None
        found = None if kind is None else _operands(node, kind)
        if kind is None or found is None or not (may_be_masked(kind) and accepts(*astuple(kind))):
            new.copy(node)
            continue
        new.exchange(
            node,
            "gru",
            [new[v] for v in found],
            activation=kind.activation,
            gate_activation=kind.gate_activation,
            reset_after=kind.reset_after,
            reverse=node.attributes["reverse"],
            mask_mode=node.attributes["mask_mode"],
        )
    return prune(new.finish())


def gru_kind(body: Body) -> Kind | None:
    """Which GRU the body computes, None if it is another cell."""
    found = recognised(body, (gru_reset_after, gru_reset_before))
    if found is None:
        return None
    act, gate, cell = found
    return Kind(act, gate, cell is gru_reset_after)


def may_be_masked(kind: Kind) -> bool:
    """Whether a mask can act on it through weights."""
    zero_at_zero = kind.activation == "relu" or lookup(kind.activation).name in ZERO_AT_ZERO
    return lookup(kind.gate_activation).saturates and zero_at_zero


def _operands(node: Node, kind: Kind) -> list[Value] | None:
    """What the node ``gru`` reads; None where it is not a GRU over a projection of x, its recurrent weights in one piece."""
    found = projection(node.inputs[0])
    if found is None:
        return None
    x, w, b = found
    _, h, *rest = node.inputs
    if kind.reset_after:
        r, b_r, *mask = rest
        return [x, w, r, b, b_r, h, *mask]
    whole = _whole(rest[:2])
    return None if whole is None else [x, w, whole, b, h, *rest[2:]]


def _whole(parts: Sequence[Value]) -> Value | None:
    """The weight of which these are the first two blocks of rows and the third."""
    blocks = [p.producer for p in parts if p.producer is not None and p.producer.op == "block_rows"]
    wanted = [{"start": 0, "stop": 2, "blocks": 3}, {"start": 2, "stop": 3, "blocks": 3}]
    whole = {b.inputs[0] for b in blocks}
    return whole.pop() if len(whole) == 1 and [dict(b.attributes) for b in blocks] == wanted else None
