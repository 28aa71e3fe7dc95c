"""Masked cells that obey their mask by products, which cost a loop less than choices do.

``y · m`` and ``old · (1 - m)`` select exactly where all four are finite: a product of 0 with an infinity or NaN is none. So it is for cells
whose output and states come out of activations with bounded values, over sequences that hold nothing but finite values at masked steps.
"""

from __future__ import annotations

from rnngraph.ir.graph import Body, Graph, Node, Value
from rnngraph.ir.passes.mask_body import mask_body_by_factors
from rnngraph.ir.passes.mask_weights import is_clean
from rnngraph.ir.rewrite import Rewriter

BOUNDED = frozenset({"hardsigmoid", "rationaltanh", "sigmoid", "softmax", "softsign", "tanh"})
"""Activations whose values are finite wherever their argument is, however large."""


def mask_factors(graph: Graph) -> Graph:
    """Each masked ``recurrent`` of that kind becomes an unmasked one with the mask among its sequences, as 1 and 0.

    Its body is that of :func:`~rnngraph.ir.passes.mask_body.mask_body_by_factors`; the factors of a mask are made once.
    """
    new = Rewriter(graph)
    factors: dict[Value, tuple[Value, Value]] = {}
    for node in graph.nodes:
        if not _may(graph, node):
            new.copy(node)
            continue
        mask, count = node.inputs[-1], len(node.attributes["body"].sequences)
        if mask not in factors:
            factor = new.at(node).add("cast", [new[mask]], "factor", to="float")
            factors[mask] = factor, new.graph.add("sub", [1.0, factor], "rest")
        body = mask_body_by_factors(node.attributes["body"], node.attributes["mask_mode"])
        operands = [new[v] for v in node.inputs[:-1]]
        operands[count:count] = factors[mask][: len(body.sequences) - count]
        new.exchange(node, "recurrent", operands, body=body, reverse=node.attributes["reverse"], mask_mode=None)
    return new.finish()


def _may(graph: Graph, node: Node) -> bool:
    if node.op != "recurrent" or node.attributes["mask_mode"] is None:
        return False
    body: Body = node.attributes["body"]
    return all(_bounded(v) for v in body.results) and all(_finite(graph, v, node.inputs[-1]) for v in node.inputs[: len(body.sequences)])


def _bounded(value: Value) -> bool:
    return value.producer is not None and value.producer.op == "activation" and value.producer.attributes["name"] in BOUNDED


def _finite(graph: Graph, value: Value, mask: Value) -> bool:
    """Whether the value is known to be finite at masked steps: 0 there, a parameter, or computed from such values."""
    if is_clean(value, mask) or any(p.value is value for p in graph.ports("parameter")):
        return True
    node = value.producer
    return (
        node is not None and node.op in ("add", "mul", "linear", "normalize", "take") and all(_finite(graph, v, mask) for v in node.inputs)
    )
