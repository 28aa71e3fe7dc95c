"""The table of a network's layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rnngraph.conf import ComputationGraphConfiguration, NetworkConfiguration
from rnngraph.conf.ports import Entry
from rnngraph.ir.streaming import not_streaming
from rnngraph.lowering import buffer_shapes, given_starts, lower, parameter_shapes

_OF_LAYERS = ("index", "type", "takes", "gives", "parameters", "streams")
_OF_VERTICES = ("name", "type", "from", "gives", "parameters", "streams")
_NUMBERS = ("index", "parameters")
"""Columns of numbers."""


def summary_table(config: NetworkConfiguration) -> str:
    """One line a layer, a line before it where a preprocessor stands in front of it, the totals, and why layers do not stream.

    Takes and gives are shapes of what flows, as [N, F, T]; in a layer's own name stands what it wraps. Of a graph the inputs come first,
    and each line says whose outputs come in.
    """
    is_graph = isinstance(config, ComputationGraphConfiguration)
    stuck = not_streaming(lower(config), config.layer_names if is_graph else None)
    sizes = _by_layer(config, parameter_shapes(config))
    ends = [(f"{size:,}", "no" if index in stuck else "yes") for index, size in enumerate(sizes)]
    rows = _vertices(config, ends) if isinstance(config, ComputationGraphConfiguration) else _layers(config, ends)
    lines = _aligned(list(rows))
    rule = "-" * max(map(len, lines))
    starts, buffers = given_starts(config), buffer_shapes(config).items()
    given, statistics = (sum(math.prod(shape) for name, shape in buffers if (name in starts) is is_start) for is_start in (True, False))
    counts = (sum(sizes), "parameters"), (statistics, "running statistics"), (given, "given initial states")
    total = ", ".join([f"{count:,} {what}" for k, (count, what) in enumerate(counts) if count or not k] + [config.data_type])
    reasons = [f"{config.layer_label(k)}: {why}" if is_graph and k is not None else why for k, why in stuck.items()]
    return "\n".join([lines[0], rule, *lines[1:], rule, total, *(f"does not stream: {why}" for why in reasons)])


def _layers(config: Any, ends: list[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """The rows of a network of layers in a row."""
    yield _OF_LAYERS
    for index, stage in enumerate(config.stages):
        if stage.preprocessor is not None:
            yield "", type(stage.preprocessor).__name__, stage.given.layout, stage.takes.layout, "", ""
        takes = stage.takes.layout if index else _taken(config.entries[0], stage.takes.layout)
        yield str(index), _type(stage.layer), takes, stage.gives.layout, *ends[index]


def _vertices(config: ComputationGraphConfiguration, ends: list[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """The rows of a graph."""
    yield _OF_VERTICES
    for entry in config.entries:
        yield entry.name, "input", "", _taken(entry, entry.flow.layout), "", ""
    for stage in config.stages:
        if stage.preprocessor is not None:
            yield "", type(stage.preprocessor).__name__, stage.inputs[0], stage.takes[0].layout, "", ""
        mark = "*" if stage.name in config.outputs else ""
        yield f"{stage.name}{mark}", _type(stage.layer), ", ".join(stage.inputs), stage.gives.layout, *ends[stage.index]
    yield "*", "output", "", "", "", ""


def _taken(entry: Entry, layout: str) -> str:
    """What an input takes."""
    return layout if entry.ids is None else f"{'[N, T]' if entry.has_time else '[N, 1]'} ids < {entry.ids}"


def _by_layer(config: NetworkConfiguration, shapes: Mapping[str, tuple[int, ...]]) -> list[int]:
    """How many numbers the arrays ``3.W`` ... of each layer hold."""
    return [sum(math.prod(s) for key, s in shapes.items() if key.startswith(f"{name}.")) for name in config.layer_names]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [name in _NUMBERS for name in rows[0]]
    cells = ([c.rjust(w) if r else c.ljust(w) for r, c, w in zip(right, row, widths, strict=True)] for row in rows)
    return ["  ".join(line).rstrip() for line in cells]


def _type(layer: Any) -> str:
    """The class, with what it wraps, and the name that the user gave."""
    name = getattr(layer, "name", None)
    return f"{layer.title} {name!r}" if name else str(layer.title)
