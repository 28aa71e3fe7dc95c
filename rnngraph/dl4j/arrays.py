"""Arrays as ND4J writes them (``Nd4j.write``): a buffer of the shape and a buffer of the data, each with its own header, big-endian.

A buffer is the allocation mode (text), the number of elements, the data type (text), the elements. The shape buffer holds rank, shape,
strides, flags (before 1.0.0-beta: the offset), element stride and order; only the strides tell how the elements lie.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from rnngraph.errors import ModelFileError
from rnngraph.names import shown

TYPES: Mapping[str, str] = {"BFLOAT16": ">u2", "DOUBLE": ">f8", "FLOAT": ">f4", "HALF": ">f2", "INT": ">i4", "LONG": ">i8"}
"""Data types that arrays of a network may have; numpy has no bfloat16, which is the upper half of a float32."""
LENGTHS: Mapping[str, str] = {"DIRECT": ">i", "HEAP": ">i", "JAVACPP": ">i", "LONG_SHAPE": ">q", "MIXED_DATA_TYPES": ">q"}
"""How the number of elements is written, by allocation mode; the first three are those of versions before 1.0.0-beta."""
LARGEST_RANK = 32
LONGEST_NAME = 32
"""More than any allocation mode or data type has."""


@dataclass(frozen=True)
class Header:
    """What stands before the elements of an array: allocation mode, data type, shape, strides in elements, and the first element."""

    mode: str
    data_type: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    length: int


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
        length = self.number(">H")
        if length & 255 == 0 and 0 < length >> 8 <= LONGEST_NAME:  # as 16 becomes 4096
            raise ModelFileError(
                f"{self.where}: a name of {length} characters at byte {self.at - 2}; the array is little-endian, "
                "and DL4J writes big-endian ones: write it with Nd4j.write"
            )
        text = self.take(length).decode("ascii", "replace")
        if text not in known:
            raise ModelFileError(f"{self.where}: {what} {shown(text)}; expected one of {', '.join(known)}: save the model again")
        return text

    def head(self) -> tuple[str, str, int]:
        """Allocation mode, data type and number of elements of one buffer."""
        mode = self.name(LENGTHS, "an array's allocation mode is")
        length = self.number(LENGTHS[mode])
        return mode, self.name(TYPES, "an array's data type is"), length

    def elements(self, data_type: str, length: int) -> NDArray[Any]:
        dtype = np.dtype(TYPES[data_type])
        return np.frombuffer(self.take(length * dtype.itemsize if length >= 0 else -1), dtype)


def read_array(data: bytes, where: str) -> NDArray[Any]:
    """The one array that ``data`` holds, in native byte order. Raises ModelFileError for anything else."""
    reader = _Reader(data, where)
    header = _header(reader)
    elements = reader.elements(header.data_type, header.length)
    if reader.at != len(data):
        raise ModelFileError(f"{where}: {len(data) - reader.at} bytes follow the array; the file is altered: copy it again")
    size = elements.dtype.itemsize
    # An axis of one element has no step, whatever stands there: it may be too large for numpy.
    steps = [step * size if n > 1 else 0 for n, step in zip(header.shape, header.strides, strict=True)]
    lying = as_strided(elements[header.offset :], header.shape, steps)
    array = lying.astype(elements.dtype.newbyteorder("="))
    return (array.astype(np.uint32) << 16).view(np.float32) if header.data_type == "BFLOAT16" else array


def read_header(data: bytes, where: str) -> Header:
    """The header of the array that ``data`` begins with. Raises ModelFileError for anything else."""
    return _header(_Reader(data, where))


def _header(reader: _Reader) -> Header:
    _, kind, count = reader.head()
    info, where = reader.elements(kind, count), reader.where
    rank = int(info[0]) if len(info) else -1
    if info.dtype.kind != "i" or not 0 <= rank <= LARGEST_RANK or len(info) != 2 * rank + 4:
        raise ModelFileError(f"{where}: a shape of {len(info)} numbers cannot be of rank {rank}; the file is altered: copy it again")
    shape, strides = (tuple(map(int, info[at : at + rank])) for at in (1, 1 + rank))
    offset = int(info[2 * rank + 1]) if kind == "INT" else 0
    mode, data_type, length = reader.head()
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min(shape, default=1) < 1 or min(*strides, offset, 0) < 0 or math.prod(shape) > length or last >= length:
        start = f" from element {offset} on" if offset else ""
        raise ModelFileError(
            f"{where}: an array of shape {list(shape)} with strides {list(strides)}{start} does not lie in {length} elements; "
            "the file is altered: copy it again"
        )
    return Header(mode, data_type, shape, strides, offset, length)
