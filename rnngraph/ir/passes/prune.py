"""Dropping what no output needs."""

from __future__ import annotations

from rnngraph.ir.graph import Graph, Node
from rnngraph.ir.rewrite import Rewriter


def prune(graph: Graph) -> Graph:
    """The graph without the nodes that reach no output; inputs stay, used or not, for they are what callers feed."""
    needed: set[Node] = set()
    pending = [v.producer for v in graph.results]
    while pending:
        node = pending.pop()
        if node is not None and node not in needed:
            needed.add(node)
            pending += [v.producer for v in node.inputs]
    new = Rewriter(graph)
    for node in graph.nodes:
        if node in needed:
            new.copy(node)
    return new.finish()
