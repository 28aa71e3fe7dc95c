"""Model files as DL4J writes them, made by hand."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np

NAMES = {"f8": "DOUBLE", "f4": "FLOAT", "f2": "HALF", "i4": "INT", "i8": "LONG"}


def buffer(array: np.ndarray, mode: str) -> bytes:
    """One buffer: mode, length, type, elements."""
    length = struct.pack(">i" if mode in ("JAVACPP", "HEAP", "DIRECT") else ">q", len(array))
    kind = NAMES[array.dtype.str[1:]].encode()
    name = mode.encode()
    head = struct.pack(">H", len(name)) + name + length + struct.pack(">H", len(kind)) + kind
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def array_bytes(array: np.ndarray, mode: str = "MIXED_DATA_TYPES", order: str = "c") -> bytes:
    """An array with its shape in front: int32 in the old modes, else int64."""
    array = np.asarray(array)
    strides = [step // array.itemsize for step in np.array(array, order="F" if order == "f" else "C").strides]
    info = np.array([array.ndim, *array.shape, *strides, 0, 1, ord(order)])
    info = info.astype("i4" if mode in ("JAVACPP", "HEAP", "DIRECT") else "i8")
    return buffer(info, mode) + buffer(array.ravel(order="F" if order == "f" else "C"), mode)


def write_model(path: Path, **entries: str | bytes) -> Path:
    """A zip of ``entries`` by their names without what follows the dot."""
    names = {"configuration": "configuration.json", "coefficients": "coefficients.bin", "updater": "updaterState.bin"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(names.get(name, name), content)
    return path


def entries(path: Path) -> dict[str, bytes]:
    """What a zip holds, in its order."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}
