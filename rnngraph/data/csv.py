"""Sequences in CSV files: one file is one sequence, one line is one time step."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rnngraph.checks import is_count
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled


class NumberedFileInputSplit:
    """Files whose names differ by a number: ``NumberedFileInputSplit("f_%d.csv", 0, 99)`` is f_0.csv to f_99.csv, both ends included.

    ``%d`` stands for the number, ``%03d`` for the number with zeros in front. Raises InputError for a pattern without exactly one of them
    and for last < first.
    """

    def __init__(self, pattern: str | os.PathLike[str], first: int, last: int) -> None:
        if not isinstance(pattern, (str, os.PathLike)):
            raise InputError(f'pattern is {shown(pattern)}; expected text such as "f_%d.csv"')
        self.pattern, self.first, self.last = os.fspath(pattern), first, last
        if len(re.findall(r"%(?:0\d+)?d", self.pattern)) != 1 or self.pattern.count("%") != 1:
            raise InputError(
                f'pattern {self.pattern!r} does not have exactly one %d or %0Nd, which stands for the number: "f_%d.csv", "f_%03d.csv"'
            )
        if not (is_count(first, 0) and is_count(last, first)):
            raise InputError(f"numbers {shown(first)} to {shown(last)}: expected 0 <= first <= last; both ends are included")

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[Path]:
        return (Path(self.pattern % number) for number in range(self.first, self.last + 1))


class CSVSequenceRecordReader(Spelled):
    """Reads one sequence a file: iterating gives float32 arrays [T, columns], and starts anew each time.

    The first ``skip_lines`` lines of a file are left out. A line is split at the delimiter, one character; fields may stand in double
    quotes, within one line. Lines without content at the end of a file do not count.

    Raises InputError that names file, line and column: for a missing or unreadable file, one without data, a line with another number of
    columns than the first, and text where a number belongs. Lines and columns count from 1.
    """

    @spelled
    def __init__(self, skip_lines: int = 0, delimiter: str = ",") -> None:
        if not is_count(skip_lines, 0):
            raise InputError(f"skip_lines is {shown(skip_lines)}; expected a number of lines, 0 or more")
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise InputError(f'delimiter is {shown(delimiter)}; expected one character that is no quote and no line break, such as ","')
        self.skip_lines, self.delimiter = skip_lines, delimiter
        self._split: NumberedFileInputSplit | None = None

    def initialize(self, split: NumberedFileInputSplit) -> CSVSequenceRecordReader:
        """Name the files to read; gives the reader itself. Raises InputError where one of them is missing."""
        if not isinstance(split, NumberedFileInputSplit):
            raise InputError(
                f'initialize({shown(split)}): expected a NumberedFileInputSplit, such as NumberedFileInputSplit("f_%d.csv", 0, 99)'
            )
        missing = [path for path in split if not path.is_file()]
        if missing:
            raise InputError(
                f"{missing[0]} is not there ({len(missing)} of {len(split)} files missing); {split.pattern!r} is read for the numbers "
                f"{split.first} to {split.last}, both included, relative to {Path.cwd()}"
            )
        self._split = split
        return self

    def __len__(self) -> int:
        return len(self._initialized())

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._read(path) for path in self._initialized())

    def _initialized(self) -> NumberedFileInputSplit:
        if self._split is None:
            raise InputError('the reader has no files yet; call initialize(NumberedFileInputSplit("f_%d.csv", 0, 99)) first')
        return self._split

    def _read(self, path: Path) -> np.ndarray:
        """One file as [T, columns]."""
        try:
            # A byte order mark is no data; bytes that are no text end in a field that is no number, and are told as such.
            lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        while lines and not lines[-1].strip():
            lines.pop()
        if len(lines) <= self.skip_lines:
            raise InputError(
                f"{path} has {len(lines)} lines of which {self.skip_lines} are skipped: no time step is left; expected at least one"
            )
        rows: list[list[float]] = []
        for number, line in enumerate(lines[self.skip_lines :], start=self.skip_lines + 1):
            rows.append(self._numbers(path, number, line))
            if len(rows[-1]) != len(rows[0]):
                raise InputError(
                    f"{path}, line {number} has {len(rows[-1])} columns, line {self.skip_lines + 1} has {len(rows[0])}; "
                    f"expected the same number in each (the delimiter is {self.delimiter!r})"
                )
        return np.array(rows, dtype=np.float32)

    def _numbers(self, path: Path, number: int, line: str) -> list[float]:
        """The numbers of one line."""
        values = []
        for column, field in enumerate(self._fields(path, number, line), start=1):
            value = _number(field)
            if value is None:
                raise InputError(
                    f"{path}, line {number}, column {column} is {field!r}; expected a number in float32's range "
                    f"(the delimiter is {self.delimiter!r}, skip_lines is {self.skip_lines})"
                )
            values.append(value)
        return values

    def _fields(self, path: Path, number: int, line: str) -> list[str]:
        """The fields of one line, without their quotes."""
        if '"' not in line:
            return line.split(self.delimiter)
        blanks = self.delimiter != " "  # in front of a quote and at the end they are no part of a field, unless they separate fields
        try:
            lines = [line.rstrip(" ") if blanks else line]
            return next(csv.reader(lines, delimiter=self.delimiter, skipinitialspace=blanks, strict=True))
        except csv.Error as error:
            raise InputError(
                f"{path}, line {number} is {shown(line)}: {error}; expected each quoted field to end in its line, and a delimiter behind it"
            ) from error


_LARGEST = float(np.finfo(np.float32).max)


def _number(field: str) -> float | None:
    """The number in a field, nan and inf included; None for text, and for what float32 would make infinite."""
    try:
        value = float(field)
    except ValueError:
        return None
    # float() reads 1_000 as a number; no other program does.
    return None if "_" in field or _LARGEST < abs(value) < float("inf") else value
