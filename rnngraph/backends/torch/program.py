"""A graph made ready to run on tensors: fused where torch has a fused cell, and specialised by the mask that a call brings."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from rnngraph.backends.torch.recurrent import run_recurrent
from rnngraph.backends.torch.rows import ROWS
from rnngraph.ir.graph import Graph, Node, Value
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.mask_weights import mask_weights

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def accepts(activation: str, gate: str, peephole: bool) -> bool:
    """Which LSTM torch has fused: the default one."""
    return (activation, gate, peephole) == ("tanh", "sigmoid", False)


class Program:
    """Runs ``graph``: feeds and results are tensors by the names of the graph's inputs and outputs.

    A masked fused LSTM has two forms: one for masks whose real steps all stand in front, as padding usually leaves them, and one for any
    mask; each call's mask decides on the host.
    """

    def __init__(self, graph: Graph, fuse: bool = True, leave_out: Collection[str] = ()) -> None:
        """``leave_out`` names outputs that are not wanted; what only they need is not computed."""
        self.graph = fuse_lstm(graph, accepts) if fuse else graph
        self._leave_out = frozenset(leave_out)
        self._nodes: dict[Graph, list[Node]] = {}
        self._forms: dict[bool, Graph] = {}
        self._joins: dict[Graph, dict[Node, Node]] = {}

    def __call__(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The graph's outputs by name; ``feeds`` has all of its inputs."""
        mask = feeds.get("features_mask")
        graph = self._form(mask is None or bool((mask[:, 1:] <= mask[:, :-1]).all()))
        values: dict[Value, Tensor] = {p.value: feeds[p.name] for p in graph.inputs}
        joined = self._joined(graph)
        for node in self._needed(graph):
            if node in joined.values():
                continue
            operands = [values[v] for v in node.inputs if v.producer not in joined.values()]
            if node in joined:
                x, w = (values[v] for v in joined[node].inputs)
                out: Tensor | tuple[Tensor, ...] = torch.nn.functional.linear(x, w, operands[0])
            elif node.op == "constant":
                out = torch.tensor(node.attributes["value"], dtype=DTYPES[graph.data_type])
            elif node.op == "cast" and node.attributes["to"] == "float":
                out = operands[0].to(DTYPES[graph.data_type])
            elif node.op == "recurrent":
                out = run_recurrent(node.attributes, operands)
            else:
                out = ROWS[node.op](node.attributes, operands)
            values.update(zip(node.outputs, out if isinstance(out, tuple) else (out,), strict=True))
        return {p.name: values[p.value] for p in graph.outputs if p.name not in self._leave_out}

    def _needed(self, graph: Graph) -> list[Node]:
        """The nodes that a wanted output depends on, in order."""
        if graph not in self._nodes:
            needed = {p.value for p in graph.outputs if p.name not in self._leave_out}
            kept: list[Node] = []
            for node in reversed(graph.nodes):
                if any(v in needed for v in node.outputs):
                    needed.update(node.inputs)
                    kept.append(node)
            self._nodes[graph] = kept[::-1]
        return self._nodes[graph]

    def _joined(self, graph: Graph) -> dict[Node, Node]:
        """Additions of a bias to a product that nothing else reads, which torch computes in one call: addition -> product."""
        if graph not in self._joins:
            uses = graph.uses()
            self._joins[graph] = {
                node: product.producer
                for node in graph.nodes
                if node.op == "add"
                for product, bias in (node.inputs, node.inputs[::-1])
                if product.producer is not None and product.producer.op == "linear" and uses[product] == 1 and bias.type.rank == 1
            }
        return self._joins[graph]

    def _form(self, right_padded: bool) -> Graph:
        """The graph for this kind of mask, made once."""
        if right_padded not in self._forms:
            self._forms[right_padded] = mask_weights(self.graph, right_padded=right_padded)
        return self._forms[right_padded]
