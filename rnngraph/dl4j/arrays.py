"""Arrays as ND4J writes them (``Nd4j.write``): a buffer of the shape and a buffer of the data, each with its own header, big-endian.

A buffer is the allocation mode (text), the number of elements, the data type (text), the elements. The shape buffer holds rank, shape,
strides, flags, element stride and order; only the strides tell how the elements lie.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from rnngraph.errors import ModelFileError

TYPES: Mapping[str, str] = {"DOUBLE": ">f8", "FLOAT": ">f4", "HALF": ">f2", "INT": ">i4", "LONG": ">i8"}
"""Data types that arrays of a network may have."""
LENGTHS: Mapping[str, str] = {"DIRECT": ">i", "HEAP": ">i", "JAVACPP": ">i", "LONG_SHAPE": ">q", "MIXED_DATA_TYPES": ">q"}
"""How the number of elements is written, by allocation mode; the first three are those of versions before 1.0.0-beta."""
LARGEST_RANK = 32


class _Reader:
    """Bytes, read from front to back."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where, self.at = data, where, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ModelFileError(
                f"{self.where}: {count} bytes are to follow at byte {self.at}, but {len(self.data) - self.at} do; "
                "the file is truncated or altered: copy it again"
            )
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, code: str) -> int:
        return int(struct.unpack(code, self.take(struct.calcsize(code)))[0])

    def name(self, known: Mapping[str, str], what: str) -> str:
        text = self.take(self.number(">H")).decode("ascii", "replace")
        if text not in known:
            shown = text if len(text) <= 40 else f"{text[:37]}..."
            raise ModelFileError(f"{self.where}: {what} {shown!r}; expected one of {', '.join(known)}: save the model again")
        return text

    def buffer(self) -> NDArray[Any]:
        """The elements of one buffer."""
        length = self.number(LENGTHS[self.name(LENGTHS, "an array's allocation mode is")])
        dtype = np.dtype(TYPES[self.name(TYPES, "an array's data type is")])
        return np.frombuffer(self.take(length * dtype.itemsize if length >= 0 else -1), dtype)


def read_array(data: bytes, where: str) -> NDArray[Any]:
    """The one array that ``data`` holds, in native byte order. Raises ModelFileError for anything else."""
    reader = _Reader(data, where)
    info, elements = reader.buffer(), reader.buffer()
    if reader.at != len(data):
        raise ModelFileError(f"{where}: {len(data) - reader.at} bytes follow the array; the file is altered: copy it again")
    rank = int(info[0]) if len(info) else -1
    if info.dtype.kind != "i" or not 0 <= rank <= LARGEST_RANK or len(info) != 2 * rank + 4:
        raise ModelFileError(f"{where}: a shape of {len(info)} numbers cannot be of rank {rank}; the file is altered: copy it again")
    shape, strides = (tuple(map(int, info[at : at + rank])) for at in (1, 1 + rank))
    last = sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min(shape, default=1) < 1 or min(strides, default=0) < 0 or math.prod(shape) > len(elements) or last >= len(elements):
        raise ModelFileError(
            f"{where}: an array of shape {list(shape)} with strides {list(strides)} does not lie in {len(elements)} elements; "
            "the file is altered: copy it again"
        )
    size = elements.dtype.itemsize
    return as_strided(elements, shape, [step * size for step in strides]).astype(elements.dtype.newbyteorder("="))
