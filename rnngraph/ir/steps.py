"""How many time steps a graph needs, and how many its output has: windows over time make sequences shorter."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from rnngraph.ir.graph import Graph
from rnngraph.ir.types import Dim, Size, T, evaluate, is_time


@dataclass(frozen=True)
class Steps:
    """``least`` is how many steps x has to have, ``output`` how many y has, as an expression of T; None where it has no time axis."""

    least: int
    output: Dim | None

    def after(self, steps: int) -> int | None:
        """How many steps the output has for ``steps`` of the input."""
        return None if self.output is None else evaluate(self.output, {str(T): steps})


def steps_of(graph: Graph) -> Steps:
    """The rule of ``graph``, which has one input and one output."""
    (y,) = graph.ports("output")
    axis = time_axis(y.value.shape)
    return Steps(least_steps(graph).get(str(T), 1), None if axis is None else y.value.shape[axis])


def least_steps(graph: Graph) -> dict[str, int]:
    """For each symbol of time of the inputs, in their order, how many steps a series needs at least."""
    symbols = dict.fromkeys(str(p.value.shape[axis]) for p in graph.ports("input") if (axis := time_axis(p.value.shape)) is not None)
    sizes = {d for node in graph.nodes for v in node.outputs for d in v.shape if isinstance(d, Size) and is_time(d)}
    return {s: next(t for t in count(1) if all(evaluate(d, {s: t}) > 0 for d in sizes if d.free == {s})) for s in symbols}


def time_axis(shape: tuple[Dim, ...]) -> int | None:
    """The axis whose size depends on a number of steps; None where there is none."""
    return next((axis for axis, d in enumerate(shape) if is_time(d)), None)
