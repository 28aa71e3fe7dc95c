"""The coefficients of a cell's backward: all that the running gradients are multiplied by, for all steps before the loop begins.

They do not depend on each other over time, so they are made by generated code too, whose "step" is a piece of the T·N rows: large enough to
occupy all threads, small enough that what is intermediate stays in the cache, in the same few buffers for all pieces. Computed op by op for
all steps, each intermediate value would be memory that the system hands out page by page, which costs more than the arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnngraph.backends.torch.buffers import Buffers
from rnngraph.backends.torch.codegen import Storage, View
from rnngraph.backends.torch.rows import evaluate_nodes
from rnngraph.backends.torch.step import Planner, fixed_values
from rnngraph.ir.gradient import BodyGradient
from rnngraph.ir.graph import Node, Value
from rnngraph.ir.types import Dim, evaluate

_ELEMENTS = 1 << 16
"""Of the widest value in a piece."""


class Coefficients:
    """The part ``coefficient`` of a body's gradient, ready to run.

    ``backward`` plans the loop that reads them: what it wants side by side is computed into its place there.
    """

    def __init__(self, gradient: BodyGradient, backward: Planner) -> None:
        nodes = [n for n in gradient.block.nodes if gradient.part[n] == "coefficient"]
        weights = [v for v, f in gradient.forward.items() if f.producer is None and f in f.block.weights]  # type: ignore[attr-defined]
        self.fixed = fixed_values(weights, nodes)
        self._fixed_nodes = [n for n in nodes if n.outputs[0] in self.fixed]
        read = {v for n in gradient.block.nodes if gradient.part[n] != "coefficient" for v in n.inputs} | set(gradient.block.results)
        self._kept = [v for n in nodes for v in n.outputs if v in read and v not in self.fixed]
        self._planner = Planner(nodes, self._kept, set(self._kept), self.fixed)
        self._plan = self._planner.plan
        for v in gradient.forward:
            if v not in self.fixed:
                self._planner.place(v, View(Storage(v.shape[-1], "given", v.type.element)))
        self._copies = self._place_side_by_side(backward)
        self._emit()
        self._outside = [v for v in self._plan.names if v in self.fixed]
        self._loop, self._inside = self._plan.compiled([], self._outside)

    def __call__(self, values: dict[Value, Tensor], buffers: Buffers) -> None:
        """Add the coefficients to ``values``, which has the forward values; ``buffers`` are those of the loop."""
        evaluate_nodes(self._fixed_nodes, values, buffers.like.dtype)
        own = Buffers(self._plan, buffers.steps, buffers.rows, buffers.sizes, buffers.like, buffers.tensors)
        for v, view in self._plan.views.items():
            if view.storage.kind == "given" and v in values:
                own.tensors[view.storage] = values[v]
        widest = max((evaluate(v.shape[-1], own.sizes) for v in self._inside), default=1)
        rows = max(1, _ELEMENTS // widest)
        own.allocate(v for v in self._inside if self._plan.views[v].storage.kind != "scratch")
        with torch.inference_mode():
            pieces = zip(*(self._pieces(v, own, rows) for v in self._inside), strict=True)
            self._loop(pieces, *(values[v] for v in self._outside))
        values.update({v: own.all_steps(v) for v in self._kept})
        for place, v in self._copies:
            place.of(own.tensor(place.storage), own.sizes).copy_(values[v])

    def _pieces(self, v: Value, buffers: Buffers, rows: int) -> list[Tensor] | tuple[Tensor, ...]:
        """Where ``v`` is in each piece."""
        view = self._plan.views[v]
        total = buffers.steps * buffers.rows
        if view.storage.kind == "scratch":
            tensor = view.of(buffers.piece(view.storage, min(rows, total)), buffers.sizes)
            return [tensor[: min(rows, total - start)] for start in range(0, total, rows)]
        return torch.split(buffers.all_steps(v).flatten(0, 1), rows)

    def _place_side_by_side(self, backward: Planner) -> list[tuple[View, Value]]:
        """Let coefficients that one call of the loop multiplies be made where it reads them; those that have another place are copied."""
        copies: list[tuple[View, Value]] = []
        for stack, members in backward.stacks.items():
            width: Dim = members[0].shape[-1]
            for k, v in enumerate(members):
                place = View(backward.plan.views[stack].storage, width * k, width * (k + 1))
                if v in self._plan.views or v.producer not in self._planner.nodes:
                    copies.append((place, v))
                else:
                    self._plan.views[v] = place
        return copies

    def _emit(self) -> None:
        """One call a node, its result in the place of a value that nothing reads any more where there is one."""
        planner, views = self._planner, self._plan.views
        order = [n for n in planner.nodes if n not in planner.skipped]
        reads = {n: [*n.inputs, *(planner.joined[n][1].inputs if n in planner.joined else ())] for n in order}
        last: dict[Value, Node] = {v: n for n in order for v in reads[n]}
        free: list[View] = []
        for node in order:
            if node.op == "split":
                planner.split(node)
                continue
            out = node.outputs[0]
            if out not in views and out not in planner.kept and planner.reusable(node) is None:
                fits = [p for p in free if p.storage.width == out.shape[-1] and p.storage.element == out.type.element]
                if fits:
                    free.remove(fits[0])
                    planner.place(out, fits[0])
            planner.compute(node)
            dead = {views[v] for v in reads[node] if last[v] is node and v in views and v not in planner.locked and v not in planner.kept}
            free += [p for p in dead if p.storage.kind == "scratch" and p.stop is None and p != views[out]]
