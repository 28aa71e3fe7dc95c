"""Tables of numbers from the texts of many files at once, for files in which nothing is out of the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnngraph.data.decimals import LONGEST, number, numbers

_PIECE = 1 << 17
"""About how many characters are looked at together: what is made of them has to fit into a processor's cache."""
_KEPT = 1 << 22


@dataclass(frozen=True)
class _Fields:
    """The fields of some lines: their values, whether each is a number, how many a line has, and where it ends."""

    values: np.ndarray
    real: np.ndarray
    counts: np.ndarray
    line_ends: np.ndarray


def tables(texts: Sequence[bytes], delimiter: bytes) -> list[np.ndarray | None]:
    """Each text, lines of numbers in UTF-8 without a line end behind the last, as float32 [lines, columns].

    None for a text that is anything else: ragged, or with text or a quoted field in it. No text is empty; ``delimiter`` is one byte.
    """
    np.empty(_KEPT, np.uint8)  # a large block given back: glibc keeps the memory of smaller ones from then on, which halves the time
    joined = b"\n" * LONGEST + b"\n".join(texts) + b"\n"
    array = np.frombuffer(joined, np.uint8)
    pieces = [_fields(joined, array, start, stop, delimiter) for start, stop in _pieces(joined)]
    values, real, counts, line_ends = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in _Fields.__dataclass_fields__)
    text_ends = LONGEST - 1 + np.cumsum([len(text) + 1 for text in texts])
    behind = np.searchsorted(line_ends, text_ends) + 1  # the line behind each text
    first = np.concatenate([[0], behind[:-1]])
    columns, heights, stops = counts[first], behind - first, np.cumsum(counts)[behind - 1]
    starts = stops - columns * heights
    ragged, whole = counts != np.repeat(columns, heights), [True] * len(texts)
    if ragged.any() or not real.all():
        whole = [bool(real[c:d].all()) and not ragged[a:b].any() for a, b, c, d in zip(first, behind, starts, stops, strict=True)]
    where = zip(whole, starts.tolist(), stops.tolist(), columns.tolist(), strict=True)
    return [values[start:stop].reshape(-1, width) if is_table else None for is_table, start, stop, width in where]


def _pieces(joined: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines of each piece begin and end."""
    start = LONGEST
    while start < len(joined):
        stop = joined.rfind(b"\n", start, start + _PIECE) + 1 or joined.index(b"\n", start) + 1
        yield start, stop
        start = stop


def _fields(joined: bytes, array: np.ndarray, start: int, stop: int, delimiter: bytes) -> _Fields:
    """The fields of whole lines."""
    piece = array[start:stop]
    ends = np.flatnonzero((piece == delimiter[0]) | (piece == ord("\n"))) + start
    starts = np.empty_like(ends)
    starts[0], starts[1:] = start, ends[:-1] + 1
    values, real = numbers(joined, starts, ends)
    for k in np.flatnonzero(~real):
        value = number(joined[starts[k] : ends[k]].decode(errors="replace"))
        if value is not None:
            values[k], real[k] = value, True
    closing = np.flatnonzero(array[ends] == ord("\n"))
    return _Fields(values, real, np.diff(closing, prepend=-1), ends[closing])
