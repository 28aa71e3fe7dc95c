"""Tables of numbers from many CSV files at once, for files in which nothing is out of the way.

:mod:`rnngraph.data._csv` does it where it was compiled at the installation; else Python does, more than ten times slower. Both give
the same bits: those of ``float``, rounded to float32.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

import numpy as np

_csv: ModuleType | None
try:
    from rnngraph.data import _csv
except ImportError:  # the installation had no compiler
    _csv = None

_LARGEST = float(np.finfo(np.float32).max)
_OF_NUMBERS = "0123456789.+-eE_"
"""What is no delimiter where numbers are read from left to right."""
_CODECS = ("utf-8", "iso8859-1")
"""Those that write ASCII's characters as its bytes and no others so, and in which skipped lines may have any bytes."""
_KEPT = 1 << 22


def number(field: str) -> float | None:
    """The number in a field, nan and inf included; None for text, and for what float32 would make infinite."""
    try:
        value = float(field)
    except ValueError:
        return None
    # float() reads 1_000 as a number, which no other program does, and digits of more than float64 has as infinity
    infinite = abs(value) == float("inf") and not any(character.isdigit() for character in field)
    return None if "_" in field or (abs(value) > _LARGEST and not infinite) else value


def tables(paths: Sequence[str], skip_lines: int, delimiter: str, codec: str) -> np.ndarray | list[np.ndarray | None]:
    """Each file, lines of numbers behind the skipped ones, as float32 [lines, columns]; one array [files, ..] where all have one shape.

    None for a file that is anything else, and where this module cannot do it: the file is to be read with more care.
    """
    if not paths or _csv is None or not delimiter.isascii() or delimiter in _OF_NUMBERS or codec not in _CODECS:
        return [None] * len(paths)
    np.empty(_KEPT, np.uint8)  # a large block given back: glibc keeps the memory of smaller ones from then on, and a fifth of the time
    data, shapes, odds = _csv.tables(paths, min(skip_lines, sys.maxsize), ord(delimiter))
    values, others = np.frombuffer(data, np.float32), set()
    for file, field, place in odds:
        value = number(field.decode(codec, errors="replace"))
        if value is None:
            others.add(file)
        else:
            values[place] = value
    lines, columns = shapes[0]
    if lines and not others and shapes.count(shapes[0]) == len(shapes):
        return values.reshape(-1, columns, lines).transpose(0, 2, 1)
    found: list[np.ndarray | None] = []
    stop = 0
    for file, (lines, columns) in enumerate(shapes):
        start, stop = stop, stop + lines * columns
        found.append(values[start:stop].reshape(columns, lines).T if lines and file not in others else None)
    return found


def table(lines: Sequence[str], delimiter: str) -> np.ndarray | None:
    """Lines of numbers as float32 [lines, columns]; None where they are anything else."""
    if len({line.count(delimiter) for line in lines}) != 1:
        return None
    try:
        values = [float(field) for line in lines for field in line.split(delimiter)]
    except ValueError:
        return None
    array = np.array(values)
    if any("_" in line for line in lines) or not (np.abs(array) <= _LARGEST).all():  # what is not finite is looked at one by one
        return None
    return array.astype(np.float32).reshape(len(lines), -1)
