"""Filters along time, whose numbers lay in another order before 1.0.0-M1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.walk import confs

Array = NDArray[Any]


def filters_as_today(table: Mapping[str, Array], network: Node) -> dict[str, Array]:
    """``table`` of a network's document with the filters of each Convolution1DLayer as M1 and later keep them.

    Before, the memory of [n_out, n_in, k, 1] was what the shape says; since then it is taken for [k, n_in, n_out]. A layer that has no
    ``rnnDataFormat`` was written before.
    """
    old = {f"{key}_W" for key, conf in confs(network) if _is_old(conf.node("layer"))}
    return {key: _turned(array) if key in old else array for key, array in table.items()}


def _is_old(layer: Node) -> bool:
    return layer.kind == "Convolution1DLayer" and "rnnDataFormat" not in layer.values


def _turned(W: Array) -> Array:
    return np.ascontiguousarray(W[..., 0].T).reshape(W.shape)
