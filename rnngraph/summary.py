"""The table of a network's layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnngraph.ir.streaming import not_streaming
from rnngraph.lowering import lower, parameter_shapes

if TYPE_CHECKING:
    from rnngraph.conf import MultiLayerConfiguration

_HEAD = ("index", "type", "n_in", "n_out", "parameters", "streams")


def summary_table(config: MultiLayerConfiguration) -> str:
    """One line a layer, and the total of the parameters."""
    shapes, stuck = parameter_shapes(config), not_streaming(lower(config))
    counts = [sum(math.prod(s) for name, s in shapes.items() if name.startswith(f"{k}.")) for k in range(len(config.layers))]
    rows = [_HEAD]
    for index, (layer, count) in enumerate(zip(config.layers, counts, strict=True)):
        rows.append((str(index), layer.title, str(layer.n_in), str(layer.n_out), f"{count:,}", "no" if index in stuck else "yes"))
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(w) if k == 1 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))) for row in rows
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:], rule, f"{sum(counts):,} parameters, {config.data_type}"])
