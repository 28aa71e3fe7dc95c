"""Recurrent products by whole numbers: where a cell's h lies between -1 and 1, one step of 1/127 serves for all of it.

Such a product needs no scale that depends on the other rows or steps, and its integer sums are exact: the bits of a stream stay independent
of chunks and neighbours, as they do not where a scale is chosen at each call.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from rnngraph.ir.graph import Body, Graph, Value
from rnngraph.ir.rewrite import Rewriter, copied_body, prefix_of

WITHIN_ONE = frozenset({"hardsigmoid", "hardtanh", "rectifiedtanh", "sigmoid", "softmax", "softsign", "tanh"})
"""Activations whose values lie between -1 and 1."""
_SHARES = frozenset({"hardsigmoid", "rectifiedtanh", "sigmoid", "softmax"})
"""Those whose values lie between 0 and 1."""


def integer_products(graph: Graph) -> Graph:
    """Each ``recurrent`` whose products read nothing but values between -1 and 1 gets ``integer_linear`` for them."""
    new = Rewriter(graph)
    for node in graph.nodes:
        body = integer_body(node.attributes["body"]) if node.op == "recurrent" else None
        if body is None:
            new.copy(node)
        else:
            new.exchange(node, "recurrent", [new[v] for v in node.inputs], **{**node.attributes, "body": body})
    return new.finish()


def integer_layers(graph: Graph) -> list[str]:
    """The layers of ``graph`` that have integer products, as their parameters name them."""
    nodes = (n for n in graph.nodes if n.op == "recurrent" and any(m.op == "integer_linear" for m in n.attributes["body"].nodes))
    return [prefix_of(n.outputs[0]).removesuffix(".") for n in nodes]


@lru_cache(maxsize=1024)
def integer_body(body: Body) -> Body | None:
    """The body with integer products; None where some product reads a value that may be larger than 1."""
    states = bounded_states(body)
    products = [n for n in body.nodes if n.op == "linear"]
    if not products or not all(_within(n.inputs[0], states) and n.inputs[1] in body.weights for n in products):
        return None
    made, results = copied_body(body)
    for node in made.nodes:
        if node.op == "linear":
            node.op = "integer_linear"
    made.results = results
    return made


def bounded_states(body: Body) -> frozenset[Value]:
    """The states that stay between -1 and 1 where they begin there: those whose next value does while all of them do."""
    states = set(body.states)
    following = dict(zip(body.states, body.results[1:], strict=True))
    while gone := {s for s in states if not _within(following[s], states)}:
        states -= gone
    return frozenset(states)


def _within(value: Value, states: Collection[Value]) -> bool:
    """Whether the value lies between -1 and 1 if ``states`` do."""
    node = value.producer
    if node is None:
        return value in states
    if node.op == "activation":
        return node.attributes["name"] in WITHIN_ONE
    if node.op == "mul":
        return all(_within(v, states) for v in node.inputs)
    return node.op == "add" and any(_between(a, b, states) for a, b in (node.inputs, node.inputs[::-1]))


def _between(start: Value, way: Value, states: Collection[Value]) -> bool:
    """Whether ``start + way`` is ``a + z (b - a)`` with z between 0 and 1: a point between two values that lie there."""
    if way.producer is None or way.producer.op != "mul" or not _within(start, states):
        return False
    return any(
        z.producer is not None
        and z.producer.op == "activation"
        and z.producer.attributes["name"] in _SHARES
        and rest.producer is not None
        and rest.producer.op == "sub"
        and rest.producer.inputs[1] is start
        and _within(rest.producer.inputs[0], states)
        for z, rest in (way.producer.inputs, way.producer.inputs[::-1])
    )
