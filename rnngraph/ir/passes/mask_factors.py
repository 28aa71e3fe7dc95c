"""Which masked cells may obey their mask by products, which cost a loop less than choices do.

``y · m`` and ``old · (1 - m)`` select exactly where all four are finite: a product of 0 with an infinity or NaN is none. So it is for cells
whose output and states come out of activations with bounded values, over sequences that hold nothing but finite values at masked steps.
"""

from __future__ import annotations

from dataclasses import replace

from rnngraph.ir.graph import Body, Graph, Node, Value
from rnngraph.ir.passes.mask_weights import is_clean
from rnngraph.ir.rewrite import Rewriter

BOUNDED = frozenset({"hardsigmoid", "rationaltanh", "sigmoid", "softmax", "softsign", "tanh"})
"""Activations whose values are finite wherever their argument is, however large."""


def mask_factors(graph: Graph) -> Graph:
    """Each masked ``recurrent`` of that kind gets the attribute ``factors=True``, which backends may use or ignore."""
    new = Rewriter(graph)
    for node in graph.nodes:
        new.copy(replace(node, attributes={**node.attributes, "factors": True}) if _may(graph, node) else node)
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
