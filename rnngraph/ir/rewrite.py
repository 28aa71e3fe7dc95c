"""Copying graphs node by node: what the passes stand on.

A pass makes a :class:`Rewriter`, walks the nodes of the old graph, and for each either copies it or adds others in its place and says
which new values stand for the old ones. The old graph is never changed. Copied values keep their names; new ones get names that no old
value has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnngraph.errors import GraphError
from rnngraph.ir.graph import Block, Body, Graph, Node, Value
from rnngraph.ir.ops import infer
from rnngraph.ir.verify import verify


def copy_node(node: Node, block: Block, values: dict[Value, Value]) -> None:
    """Append a copy of ``node`` to ``block``, its operands replaced by ``values``, which then knows its outputs too; the names stay."""
    inputs = tuple(values[v] for v in node.inputs)
    types = infer(node.op, [v.type for v in inputs], node.attributes)
    outputs = tuple(Value(old.name, type_, block) for old, type_ in zip(node.outputs, types, strict=True))
    copied = Node(node.op, inputs, outputs, node.attributes)
    for old, new in zip(node.outputs, outputs, strict=True):
        new.producer = copied
        values[old] = new
    block.nodes.append(copied)


def copied_body(body: Body) -> tuple[Body, list[Value]]:
    """A copy to change, and the values of its results."""
    made = Body(body.cell, body.activations)
    values: dict[Value, Value] = {v: made.argument(v.name, v.type) for v in body.arguments}
    for node in body.nodes:
        copy_node(node, made, values)
        for value in node.outputs:
            made.unique(value.name)  # reserved, so that what is added takes other names
    made.sequences = [values[v] for v in body.sequences]
    made.states = [values[v] for v in body.states]
    made.weights = [values[v] for v in body.weights]
    return made, [values[v] for v in body.results]


def prefix_of(value: Value) -> str:
    """The part of a name that tells the layer: ``"0."`` of ``"0.linear"``, ``""`` where there is none."""
    head, dot, _ = value.name.rpartition(".")
    return head + dot


class Rewriter:
    """A new graph with the inputs of an old one, and the new value that stands for each old one in ``values``."""

    def __init__(self, old: Graph) -> None:
        """Start with the inputs of ``old``."""
        self.old = old
        self.graph = Graph(old.data_type)
        self.graph.layer_names = old.layer_names
        self.values: dict[Value, Value] = {}
        for port in old.inputs:
            self.values[port.value] = self.graph.redeclare(port)
        for node in old.nodes:
            for value in node.outputs:
                self.graph.unique(value.name)  # reserved: a copy keeps its name, so nothing new may take it

    def __getitem__(self, old: Value) -> Value:
        """The new value that stands for ``old``."""
        return self.values[old]

    def copy(self, node: Node) -> None:
        """Take the node over as it is."""
        copy_node(node, self.graph, self.values)

    def replace(self, node: Node, outputs: Iterable[Value]) -> None:
        """Let these new values stand for the outputs of ``node``, which is not copied; their types must be the same."""
        for old, new in zip(node.outputs, outputs, strict=True):
            if old.type != new.type:
                raise GraphError(f"{old.name!r} is {old.type}, its replacement {new.name!r} is {new.type}; a rewrite must keep the type")
            self.values[old] = new

    def exchange(self, node: Node, op: str, inputs: Sequence[Value], **attributes: Any) -> None:
        """Put one node of ``op`` in the place of ``node``; its outputs take over the names as well, which are reserved for them."""
        outputs = self.at(node).add_many(op, inputs, **attributes)
        for old, new in zip(node.outputs, outputs, strict=True):
            new.name = old.name
        self.replace(node, outputs)

    def at(self, node: Node) -> Graph:
        """The new graph, set so that values added to it are named as of the layer of ``node``."""
        self.graph.prefix = prefix_of(node.outputs[0])
        return self.graph

    def finish(self, others: Mapping[str, Value] | None = None) -> Graph:
        """Declare the outputs (those named in ``others`` with a value of their own), verify, and give the new graph."""
        self.graph.prefix = ""
        for port in self.old.outputs:
            value = (others or {}).get(port.name, self.values[port.value])
            self.graph.output(port.name, port.role, value, port.layer)  # type: ignore[arg-type]
        verify(self.graph)
        return self.graph
