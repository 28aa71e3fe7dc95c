"""The table of a network's layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnngraph.ir.streaming import not_streaming
from rnngraph.lowering import buffer_shapes, lower, parameter_shapes

if TYPE_CHECKING:
    from rnngraph.conf import Layer, MultiLayerConfiguration

_HEAD = ("index", "type", "takes", "gives", "parameters", "streams")
_RIGHT = (0, 4)
"""Columns of numbers."""


def summary_table(config: MultiLayerConfiguration) -> str:
    """One line a layer, a line before it where a preprocessor stands in front of it, the totals, and why layers do not stream.

    Takes and gives are shapes of what flows, as [N, F, T]; in a layer's own name stands what it wraps.
    """
    stuck = not_streaming(lower(config))
    sizes, kept = _by_layer(config, parameter_shapes(config)), _by_layer(config, buffer_shapes(config))
    rows: list[tuple[str, ...]] = [_HEAD]
    for index, stage in enumerate(config.stages):
        if stage.preprocessor is not None:
            rows.append(("", type(stage.preprocessor).__name__, stage.given.layout, stage.takes.layout, "", ""))
        ids = f"{'[N, T]' if stage.takes.has_time else '[N, 1]'} ids < {config.ids}"
        takes = stage.takes.layout if index or config.ids is None else ids
        streams = "no" if index in stuck else "yes"
        rows.append((str(index), _type(stage.layer), takes, stage.gives.layout, f"{sizes[index]:,}", streams))
    lines = _aligned(rows)
    rule = "-" * max(map(len, lines))
    total = f"{sum(sizes):,} parameters, " + (f"{sum(kept):,} running statistics, " if sum(kept) else "") + config.data_type
    return "\n".join([lines[0], rule, *lines[1:], rule, total, *(f"does not stream: {why}" for why in stuck.values())])


def _by_layer(config: MultiLayerConfiguration, shapes: Mapping[str, tuple[int, ...]]) -> list[int]:
    """How many numbers the arrays ``3.W`` ... of each layer hold."""
    return [sum(math.prod(s) for name, s in shapes.items() if name.startswith(f"{k}.")) for k in range(len(config.layers))]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([c.rjust(w) if k in _RIGHT else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))] for row in rows)
    return ["  ".join(line).rstrip() for line in cells]


def _type(layer: Layer) -> str:
    """The class, with what it wraps, and the name that the user gave."""
    return layer.title + (f" {layer.name!r}" if layer.name else "")
