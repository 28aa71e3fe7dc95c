"""What a graph takes, where nobody says it: inferred from the layers and vertices behind each input.

Widths follow from equations: what comes into a layer is as wide as its ``n_in`` says, a merge as wide as all that it merges, most vertices
give what they get. They are solved one unknown at a time until nothing more follows. So does whether there is a time axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnngraph.conf.input_types import InputType, RecurrentInput
from rnngraph.conf.layers import Bidirectional, GlobalPoolingLayer, LastTimeStep, WrapperLayer, innermost
from rnngraph.conf.layers.base import Layer, SameWidth, SingleLayer
from rnngraph.conf.vertices import (
    DuplicateToTimeSeriesVertex,
    LastTimeStepVertex,
    MergeVertex,
    PreprocessorVertex,
    SubsetVertex,
    plain_flow,
)
from rnngraph.errors import ConfigurationError

if TYPE_CHECKING:
    from rnngraph.conf.graph import GraphNode


def inferred_types(inputs: Sequence[str], nodes: Mapping[str, GraphNode], given: Mapping[str, InputType]) -> dict[str, InputType]:
    """The type of each input. Raises ConfigurationError for one that does not follow from what is there."""
    starts = dict(given)
    for node in nodes.values():
        for name in node.inputs if node.layer is not None else ():
            if name in inputs and name not in starts and (start := _start(node)) is not None:
                starts[name] = start
    if any(name not in starts for name in inputs):
        found = _Equations(nodes, starts).solved()
        starts.update({name: found[name] for name in inputs if name not in starts and name in found})
    for name in inputs:
        if name not in starts:
            raise ConfigurationError(
                f"input {name!r}: what it takes does not follow from the layers behind it; "
                f"give input_types={{{name!r}: InputType.recurrent(n)}}, or n_in to the layers that read it"
            )
    return {name: starts[name] for name in inputs}


def divided_evenly(inputs: Sequence[str], nodes: Mapping[str, GraphNode], given: Mapping[str, InputType]) -> dict[str, InputType]:
    """A type for each of the inputs of which only the sum of their widths follows, where a merge joins them: as equal as that can be.

    One of which only the steps are taken, and no values, has one feature.
    """
    equations = _Equations(nodes, given)
    known = equations.solved()
    found: dict[str, InputType] = {}
    for name, node in nodes.items():
        if not isinstance(node.vertex, MergeVertex) or name not in known:
            continue
        open_, fixed = [n for n in node.inputs if n not in known], [known[n].size for n in node.inputs if n in known]
        total = known[name].size - sum(fixed)
        if open_ and set(open_) <= set(inputs) and total >= len(open_):
            share, rest = divmod(total, len(open_))
            timed = equations.timed.get(name, False)
            found.update({n: plain_flow(share + (k < rest), timed) for k, n in enumerate(open_)})
    read = {name for node in nodes.values() for name in node.inputs}
    referred = {node.vertex.refers_to for node in nodes.values() if node.vertex is not None}
    found.update({name: plain_flow(1, True) for name in inputs if name in referred and name not in read | known.keys()})
    return found


def _start(node: GraphNode) -> InputType | None:
    """What a network takes that begins with this layer, as far as the layer and its preprocessor tell."""
    start = None if node.preprocessor is None else node.preprocessor.starting_type()
    return start or node.layer.starting_type()


class _Equations:
    """Widths and time axes of all that flows, by name, as far as they are known."""

    def __init__(self, nodes: Mapping[str, GraphNode], starts: Mapping[str, InputType]) -> None:
        self.nodes = nodes
        self.widths: dict[str, int] = {name: flow.size for name, flow in starts.items()}
        self.timed: dict[str, bool] = {name: flow.has_time for name, flow in starts.items()}

    def solved(self) -> dict[str, InputType]:
        """The types of all whose width is known in the end; what nothing says to have a time axis has none."""
        before = -1
        while before < (before := len(self.widths) + len(self.timed)):
            for name, node in self.nodes.items():
                self._layer(name, node) if node.layer is not None else self._vertex(name, node)
        return {name: plain_flow(width, self.timed.get(name, False)) for name, width in self.widths.items()}

    def _layer(self, name: str, node: GraphNode) -> None:
        layer, source = node.layer, node.inputs[0]
        start = _start(node)
        if start is not None:
            self.widths.setdefault(source, start.size)
        takes = _takes_time(layer)
        if takes is not None or isinstance(start, RecurrentInput):
            self.timed.setdefault(source, bool(takes) or isinstance(start, RecurrentInput))
        width = self.widths.get(source) if isinstance(layer, SameWidth) else _width(layer)
        if width is not None:
            self.widths.setdefault(name, width)
        if source in self.timed:
            self.timed.setdefault(name, self.timed[source] and not ends_time(layer))

    def _vertex(self, name: str, node: GraphNode) -> None:
        vertex = node.vertex
        flows = [*node.inputs, name]
        if vertex.refers_to is not None:
            self.timed.setdefault(vertex.refers_to, True)
        if isinstance(vertex, (LastTimeStepVertex, DuplicateToTimeSeriesVertex)):
            self.timed.setdefault(name, isinstance(vertex, DuplicateToTimeSeriesVertex))
            self.timed.setdefault(node.inputs[0], isinstance(vertex, LastTimeStepVertex))
        elif not isinstance(vertex, PreprocessorVertex):
            known = [self.timed[flow] for flow in flows if flow in self.timed]
            for flow in flows if known else ():
                self.timed.setdefault(flow, known[0])
        if isinstance(vertex, MergeVertex):
            self._sum(node.inputs, name)
        elif isinstance(vertex, SubsetVertex):
            self.widths.setdefault(name, vertex.last - vertex.first + 1)
        else:
            widths = [self.widths[flow] for flow in flows if flow in self.widths]
            for flow in flows if widths else ():
                self.widths.setdefault(flow, max(widths))

    def _sum(self, parts: Sequence[str], total: str) -> None:
        """``total`` is as wide as ``parts`` together; one that is unknown follows from the others."""
        unknown = [part for part in parts if part not in self.widths]
        known = sum(self.widths[part] for part in parts if part in self.widths)
        if not unknown:
            self.widths.setdefault(total, known)
        elif len(unknown) == 1 and self.widths.get(total, 0) > known:
            self.widths[unknown[0]] = self.widths[total] - known


def _takes_time(layer: Layer) -> bool | None:
    """Whether a layer takes series, vectors, or both (None)."""
    inner: Any = innermost(layer)
    if inner is not layer:
        return True  # all wrappers do
    return layer.takes_time if isinstance(layer, SingleLayer) else None


def _width(layer: Layer) -> int | None:
    """What a layer gives, where it tells before it has its place; images are left to the solution from front to back."""
    inner: Any = innermost(layer)
    width = getattr(inner, "n_out", None)
    joined = isinstance(layer, Bidirectional) and layer.mode == "concat"
    return width * 2 if joined and width is not None else width


def ends_time(layer: Layer) -> bool:
    """Whether a layer that gets a series gives vectors."""
    inner: Any = layer
    while isinstance(inner, WrapperLayer) and not isinstance(inner, LastTimeStep):
        inner = inner.layer
    return isinstance(inner, (LastTimeStep, GlobalPoolingLayer))
