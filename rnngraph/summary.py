"""The table of a network's layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnngraph.conf import ComputationGraphConfiguration, InputType, MultiLayerConfiguration
from rnngraph.conf.ports import Entry, Link
from rnngraph.ir.streaming import not_streaming
from rnngraph.lowering import buffer_shapes, lower, parameter_shapes

if TYPE_CHECKING:
    from rnngraph.conf.filling import Stage
    from rnngraph.conf.graph_filling import GraphStage

Configuration = MultiLayerConfiguration | ComputationGraphConfiguration
_RIGHT = "parameters"
"""The column of numbers."""


@dataclass(frozen=True)
class LayerRow:
    """A layer or vertex, or the preprocessor in front of it, which has no name and no numbers.

    Takes and gives are shapes of what flows, as [N, F, T]; ``kept`` counts running statistics.
    """

    name: str
    type: str
    takes: tuple[str, ...]
    gives: str
    parameters: int | None = None
    kept: int = 0
    streams: bool | None = None


def layer_rows(config: Configuration) -> Iterator[LayerRow]:
    """One for each layer or vertex in order, before it one where a preprocessor stands in front of it."""
    stuck = _stuck(config)
    sizes, kept = _by_layer(config, parameter_shapes(config)), _by_layer(config, buffer_shapes(config))
    entries = {entry.name: entry for entry in config.entries}
    stages: Sequence[Stage | GraphStage] = config.stages
    for link, stage in zip(config.links, stages, strict=True):
        if stage.preprocessor is not None:
            given, taken = _flows(stage.given), _flows(stage.takes)
            yield LayerRow("", type(stage.preprocessor).__name__, tuple(one.layout for one in given), taken[0].layout)
        counts = sizes[link.index], kept[link.index]
        yield LayerRow(link.name, _type(link), _takes(link, stage, entries), stage.gives.layout, *counts, link.index not in stuck)


def summary_table(config: Configuration) -> str:
    """One line a layer, a line before it where a preprocessor stands in front of it, the totals, and why layers do not stream.

    In a layer's own name stands what it wraps.
    """
    head = "name" if isinstance(config, ComputationGraphConfiguration) else "index"
    rows: list[tuple[str, ...]] = [(head, "type", "takes", "gives", _RIGHT, "streams")]
    found = list(layer_rows(config))
    for row in found:
        numbers = ("", "") if row.parameters is None else (f"{row.parameters:,}", "yes" if row.streams else "no")
        rows.append((row.name, row.type, ", ".join(row.takes), row.gives, *numbers))
    lines = _aligned(rows)
    rule = "-" * max(map(len, lines))
    kept = sum(row.kept for row in found)
    total = f"{sum(row.parameters or 0 for row in found):,} parameters, " + (f"{kept:,} running statistics, " if kept else "")
    why = [f"does not stream: {reason}" for reason in _stuck(config).values()]
    return "\n".join([lines[0], rule, *lines[1:], rule, total + config.data_type, *why])


def _stuck(config: Configuration) -> dict[int | None, str]:
    """Why layers cannot stream, by index; in a graph with the vertex."""
    if not isinstance(config, ComputationGraphConfiguration):
        return not_streaming(lower(config))
    found = not_streaming(lower(config), config.layer_names)
    return {index: why if index is None else f"{config.layer_label(index)}: {why}" for index, why in found.items()}


def _by_layer(config: Configuration, shapes: Mapping[str, tuple[int, ...]]) -> list[int]:
    """How many numbers the arrays ``3.W`` ... of each layer hold."""
    return [sum(math.prod(s) for name, s in shapes.items() if name.startswith(f"{k}.")) for k in config.layer_names]


def _takes(link: Link, stage: Stage | GraphStage, entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """What comes in, ids as such."""
    read = [entries.get(name) for name in link.inputs]
    return tuple(_taken(flow, entry) for flow, entry in zip(_flows(stage.takes), read, strict=False))


def _taken(flow: InputType, entry: Entry | None) -> str:
    if entry is None or entry.ids is None:
        return flow.layout
    return f"{'[N, T]' if flow.has_time else '[N, 1]'} ids < {entry.ids}"


def _flows(flows: InputType | tuple[InputType, ...]) -> tuple[InputType, ...]:
    """What flows, in a graph from each input."""
    return flows if isinstance(flows, tuple) else (flows,)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows with columns of equal width."""
    right = [name in (_RIGHT, "index") for name in rows[0]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([c.rjust(w) if r else c.ljust(w) for r, c, w in zip(right, row, widths, strict=True)] for row in rows)
    return ["  ".join(line).rstrip() for line in cells]


def _type(link: Link) -> str:
    """The class, with what it wraps, and the name that the user gave."""
    name = getattr(link.content, "name", None)
    return str(link.content.title) + (f" {name!r}" if name else "")
