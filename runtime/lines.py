"""A stream of text lines through a session: each line is one step of one stream, and is answered by one line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from rnngraph.errors import InputError, StreamingError
from rnngraph.names import shown
from rnngraph.runtime.engine import Array
from rnngraph.runtime.manifest import FullPort
from rnngraph.runtime.session import StreamingSession

Classes = Literal["no", "beside", "only"]
"""Whether the likeliest class is told: not, behind the numbers, or in their place."""
_OTHERS = ",;\t| "
"""Delimiters that are looked for where a line does not have the columns that it should."""


class Lines:
    """What ``session`` answers to lines of numbers, one step of one stream each.

    A line has the features of the step, of a graph those of all inputs in their order, separated by ``delimiter``, one character; of an
    input of ids one whole number. The answer has all outputs in their order, each as short as tells it from its neighbours (so that equal
    text is equal bits), or with ``precision`` significant digits. ``classes`` "beside" adds the name of each output's likeliest class,
    "only" gives it instead of the numbers: the name in the file, or the number from 0 where the file has none.

    InputError: another delimiter or precision, images or a fixed number of rows. StreamingError: the file cannot be fed step by step.
    """

    def __init__(self, session: StreamingSession, delimiter: str = ",", precision: int | None = None, classes: Classes = "no") -> None:
        _check(session)
        if len(delimiter) != 1 or delimiter in '"\r\n.+-0123456789eE':
            raise InputError(f'delimiter is {shown(delimiter)}; expected one character that stands in no number, such as "," or ";"')
        if precision is not None and not 1 <= precision <= 17:
            raise InputError(f"precision is {precision}; expected a number of significant digits from 1 to 17")
        self._session, self._delimiter, self._precision, self._classes = session, delimiter, precision, classes
        self._inputs, self._outputs = session.manifest.ports("input"), session.manifest.ports("output")
        self._widths = [1 if p.ids is not None else _width(p) for p in self._inputs]

    def header(self) -> str:
        """The names of an answer's columns: those of classes, or the output's name with the column's number."""
        names: list[str] = []
        for port in self._outputs:
            names += [] if self._classes == "only" else port.class_labels or [f"{port.name}_{k}" for k in range(_width(port))]
            names += [] if self._classes == "no" else [f"{port.name}_class"]
        return self._joined(names)

    def answer(self, line: str) -> str:
        """The outputs after the step that ``line`` holds. InputError names the column; the state is then as it was."""
        values = self._numbers(line)
        arrays, start = [], 0
        for port, width in zip(self._inputs, self._widths, strict=True):
            arrays.append(np.asarray([values[start : start + width]], "int64" if port.ids is not None else port.data_type))
            start += width
        graph = self._session.manifest.is_graph
        given = self._session.rnn_time_step(arrays if graph else arrays[0])
        return self._joined(self._told(given if graph else [given]))

    def _numbers(self, line: str) -> list[float]:
        """The numbers of one line, as many as the inputs have columns."""
        fields, wanted = line.split(self._delimiter), sum(self._widths)
        if len(fields) != wanted:
            raise InputError(self._columns_message(line, len(fields), wanted))
        values = []
        for column, (field, port) in enumerate(zip(fields, self._owners(), strict=True), start=1):
            value = _number(field)
            if value is None or not abs(value) <= float(np.finfo(port.data_type if port.ids is None else "float64").max):
                raise InputError(f"column {column} is {shown(field)}; expected a finite number of {port.data_type}")
            if port.ids is not None and not (value.is_integer() and 0 <= value < port.ids):
                raise InputError(f"column {column} is {shown(field)}; {port.name} takes ids, whole numbers from 0 to {port.ids - 1}")
            values.append(value)
        return values

    def _owners(self) -> Iterable[FullPort]:
        """The input of each column."""
        return (port for port, width in zip(self._inputs, self._widths, strict=True) for _ in range(width))

    def _columns_message(self, line: str, given: int, wanted: int) -> str:
        takes = " and ".join(f"{p.name} takes {w}" for p, w in zip(self._inputs, self._widths, strict=True))
        better = [other for other in _OTHERS if len(line.split(other)) == wanted]
        hint = f"; split at {better[0]!r} it would have {wanted}" if better else ""
        columns = "1 column" if given == 1 else f"{given} columns"
        return f"{columns} where {takes}, split at {self._delimiter!r}{hint}: the line is {shown(line)}"

    def _told(self, outputs: Sequence[Array]) -> list[str]:
        """All outputs [1, n_out] as text."""
        told: list[str] = []
        for port, y in zip(self._outputs, outputs, strict=True):
            row = y.reshape(-1)
            if self._classes != "only":
                told += map(str, row) if self._precision is None else [f"{value:.{self._precision}g}" for value in row]
            if self._classes != "no":
                likeliest = int(row.argmax()) if len(row) > 1 else int(row[0] > 0.5)
                told.append(str(likeliest) if port.class_labels is None or len(row) == 1 else port.class_labels[likeliest])
        return told

    def _joined(self, fields: Sequence[str]) -> str:
        """Fields as one line; those with a delimiter or quote in them are quoted."""
        if not any(self._delimiter in field or '"' in field for field in fields):
            return self._delimiter.join(fields)
        out = io.StringIO()
        csv.writer(out, delimiter=self._delimiter, lineterminator="").writerow(fields)
        return out.getvalue()


def _check(session: StreamingSession) -> None:
    """Whether lines can be fed at all."""
    manifest = session.manifest
    if not manifest.streams:
        raise StreamingError(f"{session.path} cannot be fed step by step: {manifest.why_not}; rnngraph evaluate feeds whole sequences")
    images = [p for p in manifest.ports("input") if len(p.shape) > 3]
    if images:
        raise InputError(
            f"{session.path}: {images[0].name} takes frames [{', '.join(map(str, images[0].shape[1:4]))}], which no line of numbers holds; "
            "feed them with rnngraph.runtime.StreamingSession"
        )
    if manifest.batch not in (None, 1):
        raise InputError(f"{session.path} was exported for batch={manifest.batch}; lines are one stream: export with batch=1 or without")


def _width(port: FullPort) -> int:
    """How many columns a port has, which is always fixed."""
    size = port.shape[1] if len(port.shape) > 1 else 1
    assert isinstance(size, int)
    return size


def _number(field: str) -> float | None:
    """The number in a field; None for text."""
    try:
        value = float(field)
    except ValueError:
        return None
    return None if "_" in field else value  # which no other program reads
