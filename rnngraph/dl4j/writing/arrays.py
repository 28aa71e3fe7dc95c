"""Arrays as ND4J of 1.0.0-M2.1 writes them (``Nd4j.write``); ``rnngraph.dl4j.arrays`` tells the format and reads it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODE = "MIXED_DATA_TYPES"
NAMES: Mapping[str, tuple[str, int]] = {"float32": ("FLOAT", 8192), "float64": ("DOUBLE", 16384)}
"""By numpy's type: ND4J's name, and the flag that stands for it in the shape."""


def vector_bytes(vector: NDArray[Any]) -> bytes:
    """A vector of float32 or float64: the buffer of its shape, then that of its numbers."""
    name, flag = NAMES[vector.dtype.name]
    shape = np.array([1, len(vector), 1, flag, 1, ord("c")], ">i8")  # rank, shape, strides, flags, element stride, order
    return _buffer(shape, "LONG") + _buffer(vector.astype(vector.dtype.newbyteorder(">")), name)


def _buffer(elements: NDArray[Any], name: str) -> bytes:
    """One buffer with its header."""
    return _text(MODE) + struct.pack(">q", len(elements)) + _text(name) + elements.tobytes()


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()
