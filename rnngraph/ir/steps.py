"""How many time steps a graph needs, and how many its output has: windows over time make sequences shorter."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from rnngraph.ir.graph import Graph
from rnngraph.ir.types import Dim, Size, T, evaluate


@dataclass(frozen=True)
class Steps:
    """``least`` is how many steps x has to have, ``output`` how many y has, as an expression of T; None where it has no time axis."""

    least: int
    output: Dim | None

    def after(self, steps: int) -> int | None:
        """How many steps the output has for ``steps`` of the input."""
        return None if self.output is None else evaluate(self.output, {str(T): steps})


def steps_of(graph: Graph) -> Steps:
    """The rule of ``graph``."""
    sizes = {d for node in graph.nodes for v in node.outputs for d in v.shape if _of_time(d)}
    least = next(t for t in count(1) if all(evaluate(size, {str(T): t}) > 0 for size in sizes))
    (y,) = graph.ports("output")
    axis = time_axis(y.value.shape)
    return Steps(least, None if axis is None else y.value.shape[axis])


def time_axis(shape: tuple[Dim, ...]) -> int | None:
    """The axis whose size depends on T; None where there is none."""
    return next((axis for axis, d in enumerate(shape) if _of_time(d)), None)


def _of_time(dim: Dim) -> bool:
    return isinstance(dim, Size) and dim.free == T.free
