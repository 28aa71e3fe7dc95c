"""A graph made ready to run on tensors: fused where torch has a fused cell, and specialised by the mask that a call brings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from rnngraph.backends.torch.affine import affine
from rnngraph.backends.torch.recurrent import run_recurrent
from rnngraph.backends.torch.rows import ROWS
from rnngraph.ir.graph import Graph, Node, Value
from rnngraph.ir.passes.fuse_gru import fuse_gru
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.layout import cancel_layout
from rnngraph.ir.passes.mask_weights import mask_weights

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def accepts_lstm(activation: str, gate: str, peephole: bool) -> bool:
    """Which LSTM torch has fused: the default one."""
    return (activation, gate, peephole) == ("tanh", "sigmoid", False)


def accepts_gru(activation: str, gate: str, reset_after: bool) -> bool:
    """Which GRU torch has fused: the default one."""
    return (activation, gate, reset_after) == ("tanh", "sigmoid", True)


PRODUCTS = ("linear", "convolution", "lstm", "gru")
"""The ops that torch computes as matrix products, in a type of its own where it is told."""


@dataclass(frozen=True)
class _Call:
    """One call into torch: ``run`` on the tensors of ``reads`` gives those of ``gives``; ``product``: it is made of matrix products."""

    run: Callable[[list[Tensor]], Tensor | tuple[Tensor, ...]]
    reads: tuple[Value, ...]
    gives: tuple[Value, ...]
    product: bool

    def __call__(self, values: Mapping[Value, Tensor], product_type: torch.dtype | None) -> tuple[Tensor, ...]:
        """The tensors of ``gives``; products are computed in ``product_type``, where it is given, and rounded to it."""
        given = [values[v] for v in self.reads]
        if product_type is None or not self.product:
            out = self.run(given)
            return out if isinstance(out, tuple) else (out,)
        with torch.autocast(given[0].device.type, dtype=product_type):
            out = self.run(given)
        return tuple(t.to(given[0].dtype) for t in (out if isinstance(out, tuple) else (out,)))


class Program:
    """Runs ``graph``: feeds and results are tensors by the names of the graph's inputs and outputs.

    A masked fused cell has two forms: one for masks whose real steps all stand in front, as padding usually leaves them, and one for any
    mask; each call's mask decides on the host.
    """

    def __init__(self, graph: Graph, fuse: bool = True, leave_out: Collection[str] = ()) -> None:
        """``leave_out`` names outputs that are not wanted; what only they need is not computed."""
        graph = cancel_layout(graph)
        self.graph = fuse_gru(fuse_lstm(graph, accepts_lstm), accepts_gru) if fuse else graph
        self._leave_out = frozenset(leave_out)
        inputs = {p.name for p in graph.ports("input")}
        self._masks = [p.name for p in graph.ports("mask") if p.of is None or p.of in inputs]
        self._forms: dict[bool, tuple[Graph, list[_Call]]] = {}

    def __call__(self, feeds: Mapping[str, Tensor], product_type: torch.dtype | None = None) -> dict[str, Tensor]:
        """The graph's outputs by name; ``feeds`` has all of its inputs. ``product_type`` is a type for matrix products alone."""
        masks = (feeds[name] for name in self._masks)
        graph, calls = self._form(all(bool((mask[:, 1:] <= mask[:, :-1]).all()) for mask in masks))
        values: dict[Value, Tensor] = {p.value: feeds[p.name] for p in graph.inputs}
        for call in calls:
            values.update(zip(call.gives, call(values, product_type), strict=True))
        return {p.name: values[p.value] for p in graph.outputs if p.name not in self._leave_out}

    def _form(self, right_padded: bool) -> tuple[Graph, list[_Call]]:
        """The graph for this kind of mask, and the calls that run it; made once."""
        if right_padded not in self._forms:
            graph = mask_weights(self.graph, right_padded=right_padded)
            self._forms[right_padded] = graph, self._calls(graph)
        return self._forms[right_padded]

    def _calls(self, graph: Graph) -> list[_Call]:
        """What runs the nodes that a wanted output depends on, in order."""
        nodes = _needed(graph, {p.value for p in graph.outputs if p.name not in self._leave_out})
        uses = graph.uses()
        products = _joined(nodes, uses)
        calls: list[_Call] = []
        for node in nodes:
            if node in products:
                product = products[node]
                (bias,) = (v for v in node.inputs if v.producer is not product)
                calls.append(_Call(lambda x: affine(*x), (*product.inputs, bias), node.outputs, product=True))
            elif node not in products.values():
                calls.append(_Call(_row(node, graph, uses), node.inputs, node.outputs, node.op in PRODUCTS))
        return calls


def _needed(graph: Graph, needed: set[Value]) -> list[Node]:
    """The nodes that these values depend on, in order."""
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(v in needed for v in node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _joined(nodes: list[Node], uses: Mapping[Value, int]) -> dict[Node, Node]:
    """Additions of a bias to a product that nothing else reads, which torch computes in one call: addition -> product."""
    return {
        node: product.producer
        for node in nodes
        if node.op == "add"
        for product, bias in (node.inputs, node.inputs[::-1])
        if product.producer is not None and product.producer.op == "linear" and uses[product] == 1 and bias.type.rank == 1
    }


def _row(node: Node, graph: Graph, uses: Mapping[Value, int]) -> Callable[[list[Tensor]], Tensor | tuple[Tensor, ...]]:
    """The function that computes ``node``."""
    dtype = DTYPES[graph.data_type]
    if node.op == "constant":
        constant = torch.tensor(node.attributes["value"], dtype=dtype)
        return lambda x: constant
    if node.op == "cast" and node.attributes["to"] == "float":
        return lambda x: x[0].to(dtype)
    if node.op == "recurrent":
        count = len(node.attributes["body"].sequences)
        # A product or its sum with a bias, made for this node alone: autograd keeps neither, so the loop may write over it.
        owned = [k for k, v in enumerate(node.inputs[:count]) if uses[v] == 1 and v.producer and v.producer.op in ("linear", "add")]
        return lambda x: run_recurrent(node.attributes, x, frozenset(owned))
    return partial(ROWS[node.op], node.attributes)
