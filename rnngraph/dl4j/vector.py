"""DL4J's one vector of all parameters, and the vector of what updaters keep, as tables of arrays.

A vector is the arrays of a table one after the other, layer by layer in the order of ``layouts``, each in Fortran's order, filters of
convolutions in C's. Updaters keep their state by blocks: neighbours in that order with equal updaters, across layers too, form a block,
whose state is one vector as long as its parameters for each name (Adam: all of m, then all of v).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnngraph.conf import NetworkConfiguration, Updater
from rnngraph.conf.family import choices
from rnngraph.conf.layers import innermost
from rnngraph.dl4j.layouts import BIAS_KEYS

Array = NDArray[Any]
_STATISTICS = frozenset({"mean", "log10stdev", "var"})
_NO_OP = SimpleNamespace(type="NoOp")
"""What DL4J gives the running statistics of batch normalisation for an updater; it keeps nothing, and parts the blocks beside it."""
Shapes = Mapping[str, tuple[int, ...]]
"""DL4J's shapes by key, in the order of the vector."""

STATES: Mapping[str, tuple[str, ...]] = {kind: cls.states for kind, cls in choices(Updater).items()}
"""What updaters keep, by our names, in DL4J's order."""


def taken_apart(vector: Array, shapes: Shapes) -> dict[str, Array]:
    """The arrays that ``vector`` is made of."""
    out, at = {}, 0
    for key, shape in shapes.items():
        size = math.prod(shape)
        out[key] = vector[at : at + size].reshape(shape, order=_order(shape))
        at += size
    return out


def joined(table: Mapping[str, Array], shapes: Shapes) -> Array:
    """The inverse of :func:`taken_apart`, in the type of the arrays."""
    pieces = [table[key].reshape(-1, order=_order(shape)) for key, shape in shapes.items()]
    return np.concatenate(pieces) if pieces else np.zeros(0)


def _size(shapes: Shapes) -> int:
    return sum(map(math.prod, shapes.values()))


def _order(shape: tuple[int, ...]) -> Literal["C", "F"]:
    return "C" if len(shape) == 4 else "F"


def updater_count(config: NetworkConfiguration, shapes: Shapes) -> int:
    """How many numbers the updaters keep."""
    return sum(len(STATES[updater.type]) * _size(block) for updater, block in _blocks(config, shapes))


def updater_tables(vector: Array, config: NetworkConfiguration, shapes: Shapes) -> dict[str, dict[str, Array]]:
    """What the updaters keep, as a table for each name: ``{"m": table, "v": table}``."""
    found: dict[str, dict[str, Array]] = {}
    at = 0
    for updater, block in _blocks(config, shapes):
        size = _size(block)
        for name in STATES[updater.type]:
            found.setdefault(name, {}).update(taken_apart(vector[at : at + size], block))
            at += size
    return found


def updater_vector(tables: Mapping[str, Mapping[str, Array]], config: NetworkConfiguration, shapes: Shapes) -> Array:
    """The inverse of :func:`updater_tables`; empty where the updaters keep nothing."""
    pieces = [joined(tables[name], block) for updater, block in _blocks(config, shapes) for name in STATES[updater.type]]
    return np.concatenate(pieces) if pieces else np.zeros(0)


def _blocks(config: NetworkConfiguration, shapes: Shapes) -> Iterator[tuple[Any, dict[str, tuple[int, ...]]]]:
    """Neighbours with equal updaters."""

    layers = dict(zip(config.layer_names, config.layers, strict=True))

    def updater(key: str) -> Any:
        place, _, name = key.rpartition("_")
        layer: Any = innermost(layers[place])
        return _NO_OP if name in _STATISTICS else layer.updater_of("b" if name in BIAS_KEYS else name)

    for found, keys in groupby(shapes, key=updater):
        yield found, {key: shapes[key] for key in keys}
