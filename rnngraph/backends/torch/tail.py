"""What no running gradient depends on, in a cell's backward: products and sums over all steps, most of them gradients of weights.

Matrix products are made once, for all steps. A weight that multiplies elementwise (a peephole) has as its gradient a sum of products
``Σ a ⊙ b``: those are added up piece by piece as the loop goes, while the piece is still in the cache.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rnngraph.backends.torch.buffers import Buffers
from rnngraph.backends.torch.rows import evaluate_nodes
from rnngraph.ir.gradient import BodyGradient
from rnngraph.ir.graph import Node, Value


class Tail:
    """The part ``tail`` of a body's gradient, ready to run."""

    def __init__(self, gradient: BodyGradient) -> None:
        nodes = [n for n in gradient.block.nodes if gradient.part[n] == "tail"]
        self._sums = sums_of_products(nodes, gradient.block.results)
        joined = {n for pair in self._sums for n in pair}
        nodes = [n for n in nodes if n not in joined]
        last = {v: n for n in nodes for v in n.inputs if v not in gradient.block.results}
        self._nodes = [(n, [v for v, reader in last.items() if reader is n]) for n in nodes]

    def start(self, values: dict[Value, Tensor], buffers: Buffers) -> Callable[[int, int], None]:
        """What adds the steps from the first number to before the second, one piece of them at most, to the sums in ``values``.

        ``values`` has all that the tail reads, for all steps.
        """
        products = [(values[product.inputs[0]], values[product.inputs[1]]) for product, _ in self._sums]
        totals = [buffers.like.new_zeros(buffers.piece, *a.shape[1:]) for a, _ in products]
        values.update({node.inputs[0]: total for (_, node), total in zip(self._sums, totals, strict=True)})

        def add(first: int, stop: int) -> None:
            for total, (a, b) in zip(totals, products, strict=True):
                total[: stop - first].addcmul_(a[first:stop], b[first:stop])

        return add

    def finish(self, values: dict[Value, Tensor], dtype: torch.dtype) -> None:
        """Add the tail's values to ``values``; what nothing reads any more is dropped."""
        evaluate_nodes([node for _, node in self._sums], values, dtype)
        for node, dead in self._nodes:
            evaluate_nodes([node], values, dtype)
            for v in dead:
                del values[v]


def sums_of_products(tail: list[Node], results: list[Value]) -> list[tuple[Node, Node]]:
    """Each product of two values that the tail does not make, with the sum that alone reads it."""
    made = {v for n in tail for v in n.outputs}
    read = [v for n in tail for v in n.inputs] + results
    return [
        (product, node)
        for node in tail
        if node.op == "sum_to" and (product := node.inputs[0].producer) and product.op == "mul" and product in tail
        if read.count(product.outputs[0]) == 1 and not made & set(product.inputs)
        if all(v.type == product.outputs[0].type for v in product.inputs)
    ]
