"""What updaters keep, in the order of the version that wrote the file.

In later versions neighbours with equal updaters share a block: all of m, then all of v. In 0.5 and 0.6 each parameter has its own: m and v
of the first, then m and v of the second. Files of 0.7 and 0.8 do not tell which of both they have, but squares do: they are not negative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.walk import layers
from rnngraph.dl4j.vector import Shapes, taken_apart

Tables = Mapping[str, Mapping[str, NDArray[Any]]]
SQUARES = ("G", "h", "msdx", "msg", "s", "u", "v", "v_hat")
"""What no updater makes negative, by our names; but the v of Nesterovs is no square."""
MOMENTUM = "Nesterovs"


def states_as_written(tables: Tables, vector: NDArray[Any], shapes: Shapes, network: Node) -> Tables:
    """``tables``, into which ``vector`` was taken apart block by block, or those of the older order where the network's file has that."""
    keys = {key for layer in layers(network) for key in layer.values}
    if len(tables) < 2 or "updater" not in keys:
        return tables
    orders = [tables, _by_parameter(tables, vector, shapes)]
    if "activationFunction" in keys:
        orders.reverse()
    return next((found for found in orders if _possible(found)), orders[0])


def _possible(tables: Tables) -> bool:
    return not any((array < 0).any() for name in SQUARES for array in tables.get(name, {}).values())


def _by_parameter(tables: Tables, vector: NDArray[Any], shapes: Shapes) -> Tables:
    """The same ``vector``, parameter by parameter."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    at = 0
    for key, shape in shapes.items():
        for name in (name for name, table in tables.items() if key in table):
            size = math.prod(shape)
            found.setdefault(name, {}).update(taken_apart(vector[at : at + size], {key: shape}))
            at += size
    return found
