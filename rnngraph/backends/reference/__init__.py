"""The oracle: numpy, float64, plain loops, forward only.

Slow and obviously right. It shares no formula with the other backends: activations are numpy's, masked steps are skipped rather than
weighted away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rnngraph.backends.reference.table import TABLE
from rnngraph.backends.reference.types import Array
from rnngraph.errors import InputError
from rnngraph.ir.graph import Graph, Port
from rnngraph.ir.types import Size, evaluate, is_known

__all__ = ["run"]


def run(graph: Graph, feeds: Mapping[str, npt.ArrayLike]) -> dict[str, npt.NDArray[Any]]:
    """All outputs of ``graph`` by name, in float64, from one array per input, by name.

    InputError: an input is missing or unknown, or its shape does not fit the input's type or the other inputs.
    """
    names = [p.name for p in graph.inputs]
    if unknown := sorted(set(feeds) - set(names)):
        raise InputError(f"the graph has no input {', '.join(map(repr, unknown))}; its inputs are {', '.join(names)}")
    sizes: dict[str, int] = {}
    values = {p.value: _feed(p, feeds, sizes) for p in graph.inputs}
    # Infinities and NaN are values here as in the other backends: exp(1e30) is inf, and 1 / (1 + inf) the 0 that is meant.
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            results = TABLE[node.op]([values[v] for v in node.inputs], node.attributes)
            values.update(zip(node.outputs, results, strict=True))
    return {p.name: values[p.value].copy() for p in graph.outputs}


def _feed(port: Port, feeds: Mapping[str, npt.ArrayLike], sizes: dict[str, int]) -> Array:
    """The array for an input, in float64 (int64, bool), once its shape is known to fit."""
    if port.name not in feeds:
        raise InputError(f"input {port.name!r} {port.value.type} is missing; feed an array for each input")
    dtype = {"float": np.float64, "int64": np.int64, "bool": np.bool_}[port.value.type.element]
    array: Array = np.asarray(feeds[port.name], dtype=dtype)
    known = ", ".join(f"{k}={v}" for k, v in sizes.items())  # by the inputs before this one
    fits = array.ndim == port.value.type.rank and array.size > 0
    for given, dim in zip(array.shape, port.value.shape, strict=False):
        if not is_known(dim, sizes) and isinstance(dim, Size) and len(dim.terms) == 1 and not dim.constant:
            name, factor = dim.terms[0]
            sizes[str(name)] = given // factor
        fits = fits and (not is_known(dim, sizes) or given == evaluate(dim, sizes))
    if not fits:
        raise InputError(
            f"input {port.name!r}: expected {port.value.type}{f' with {known}' if known else ''} and no empty axis, got {list(array.shape)}"
        )
    return array
