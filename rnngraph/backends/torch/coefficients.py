"""The coefficients of a cell's backward: all that the running gradients are multiplied by.

They do not depend on each other over time, so they are made by generated code too, whose "step" is a piece of K time steps, right before
the loop goes through these: large enough to occupy all threads, small enough that the loop finds its coefficients in the cache, in the
same few buffers for all pieces. Computed op by op for all steps, each intermediate value would be memory that the system hands out page by
page, which costs more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

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
        tail = {v for n in gradient.block.nodes if gradient.part[n] == "tail" for v in n.inputs} | set(gradient.block.results)
        loop = {v for n in gradient.block.nodes if gradient.part[n] == "loop" for v in n.inputs}
        self._kept = [v for n in nodes for v in n.outputs if v in tail | loop and v not in self.fixed]
        self._planner = Planner(nodes, self._kept, set(self._kept), self.fixed, brief=loop - tail)
        self._plan = self._planner.plan
        for v in gradient.forward:
            if v not in self.fixed:
                self._planner.place(v, View(Storage(v.shape[-1], "given", v.type.element)))
        copies = self._place_side_by_side(backward)
        self._emit()
        for place, v in copies:
            copy = Value(f"{v.name}_copy", v.type, v.block)
            self._plan.views[copy] = place
            self._plan.lines.append(f"{self._plan.name(copy)}.copy_({self._plan.name(v)})")
        for view in self._plan.views.values():
            if view.storage.kind == "scratch":  # of a step, which here is a piece
                view.storage.kind = "piece"
        self._outside = [v for v in self._plan.names if v in self.fixed]
        self._loop, self._inside = self._plan.compiled([], self._outside)

    def steps(self, sizes: dict[str, int], rows: int) -> int:
        """How many steps of ``rows`` rows a piece has."""
        widest = max((evaluate(v.shape[-1], sizes) for v in self._inside), default=1)
        return max(1, _ELEMENTS // (widest * rows))

    def ready(self, values: dict[Value, Tensor], buffers: Buffers) -> Callable[[int], None]:
        """What computes the coefficients of a piece, told by its number.

        ``values`` has the forward values and gets the coefficients: for all steps those that are read after the loop, and for the steps
        of the last piece computed those that the loop alone reads. ``buffers`` are those of the loop.
        """
        evaluate_nodes(self._fixed_nodes, values, buffers.like.dtype)
        own = Buffers(self._plan, buffers.steps, buffers.rows, buffers.sizes, buffers.like, buffers.piece)
        own.tensors = buffers.tensors
        for v, view in self._plan.views.items():
            if view.storage.kind == "given" and v in values:
                own.tensors[view.storage] = values[v]
        own.allocate(self._inside)
        values.update({v: own.all_steps(v) for v in self._kept})
        with torch.inference_mode():
            pieces = list(zip(*(self._pieces(v, own) for v in self._inside), strict=True))
        outside = [values[v] for v in self._outside]
        return lambda k: self._loop(pieces[k : k + 1], *outside)

    def _pieces(self, v: Value, buffers: Buffers) -> list[Tensor]:
        """Where ``v`` is in each piece: [K·N, .]."""
        whole, rows, total = buffers.all_steps(v).flatten(0, 1), buffers.piece * buffers.rows, buffers.steps * buffers.rows
        if len(whole) == total:
            return list(torch.split(whole, rows))
        return [whole[: min(rows, total - start)] for start in range(0, total, rows)]

    def _place_side_by_side(self, backward: Planner) -> list[tuple[View, Value]]:
        """Let coefficients that one call of the loop multiplies be made where it reads them; those that have another place are copied."""
        copies: list[tuple[View, Value]] = []
        for stack, members in backward.stacks.items():
            width: Dim = members[0].shape[-1]
            for k, v in enumerate(members):
                place = View(backward.plan.views[stack].storage, width * k, width * (k + 1))
                if v in self._plan.views or v.producer not in self._planner.nodes or v not in self._planner.brief:
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
