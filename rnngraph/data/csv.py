"""Sequences in CSV files: one file is one sequence, one line is one time step.

1. The files of a minibatch are taken as tables of numbers (:mod:`rnngraph.data.fields`), which is fast and tells nothing.
2. A file that is no such table is read once more, field by field: it has quoted fields, say, or gets the error that names line and column.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnngraph.checks import is_count
from rnngraph.data.fields import number, table, tables
from rnngraph.data.record_reader import SequenceRecordReader, Tables
from rnngraph.data.splits import InputSplit
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import spelled


class CSVSequenceRecordReader(SequenceRecordReader):
    """Reads one sequence a file: iterating gives float32 arrays [T, columns], and starts anew each time.

    The first ``skip_lines`` lines of a file are left out. A line is split at the delimiter, one character; fields may stand in double
    quotes, within one line. Lines without content at the end of a file do not count, nor does a byte order mark.

    Raises InputError that names file, line and column: for a missing or unreadable file, one without data, a line with another number of
    columns than the first, text where a number belongs, and bytes that are no text in ``encoding``. Lines and columns count from 1.
    """

    @spelled
    def __init__(self, skip_lines: int = 0, delimiter: str = ",", encoding: str = "utf-8") -> None:
        if not is_count(skip_lines, 0):
            raise InputError(f"skip_lines is {shown(skip_lines)}; expected a number of lines, 0 or more")
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise InputError(f'delimiter is {shown(delimiter)}; expected one character that is no quote and no line break, such as ","')
        self.skip_lines, self.delimiter, self.encoding = skip_lines, delimiter, encoding
        self._codec = _codec(encoding)
        self._paths: list[str] = []

    def __repr__(self) -> str:
        return f"<CSVSequenceRecordReader({self.skip_lines}, {self.delimiter!r}), {len(self._paths)} files>"

    def initialize(self, split: InputSplit) -> CSVSequenceRecordReader:
        """Name the files to read; gives the reader itself. Raises InputError where one of them is missing."""
        if not isinstance(split, InputSplit):
            raise InputError(
                f'initialize({shown(split)}): expected the files to read: NumberedFileInputSplit("f_%d.csv", 0, 99), FileSplit("folder"), '
                'GlobInputSplit("folder/*.csv") or CollectionInputSplit(["a.csv", "b.csv"])'
            )
        split.check()
        self._paths = split.names()
        return self

    def __len__(self) -> int:
        return len(self._initialized())

    def read(self, indices: Sequence[int]) -> Tables:
        """The sequences of some files, counted from 0; see the class for its errors."""
        paths = [self._initialized()[index] for index in indices]
        found = tables(paths, self.skip_lines, self.delimiter, self._codec)
        if isinstance(found, np.ndarray):
            return found
        return [self._read(path) if one is None else one for path, one in zip(paths, found, strict=True)]

    def place(self, index: int, step: int | None = None, column: int | None = None) -> str:
        """The file with line and column, which count from 1."""
        line = "" if step is None else f", line {self.skip_lines + step + 1}"
        return f"{self._initialized()[index]}{line}" + ("" if column is None else f", column {column + 1}")

    def _initialized(self) -> list[str]:
        if not self._paths:
            raise InputError('the reader has no files yet; call initialize(NumberedFileInputSplit("f_%d.csv", 0, 99)) first')
        return self._paths

    # The careful way

    def _utf8(self, path: str) -> bytes:
        """A file in UTF-8, its line ends "\\n" and none behind the last line; bytes that are no UTF-8 stay in it."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        if self._codec != "utf-8":
            content = self._decoded(path, content, self._codec).encode("utf-8", "replace")
        content = content.removeprefix(codecs.BOM_UTF8)
        if b"\r" in content:
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return content.rstrip(b"\n")

    def _decoded(self, path: str, content: bytes, codec: str, skipped: int = 0) -> str:
        """Bytes behind ``skipped`` lines as text. InputError that names the first byte that is none."""
        try:
            return content.decode(codec)
        except UnicodeDecodeError as error:
            line = skipped + content.count(b"\n", 0, error.start) + 1
            other = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "latin-1"
            raise InputError(
                f"{path}, line {line} has the byte 0x{content[error.start]:02x}, which is no {self.encoding} text ({error.reason}); "
                f"give the encoding in which it was written, as CSVSequenceRecordReader(encoding={other!r})"
            ) from None

    def _read(self, path: str) -> np.ndarray:
        """One file as [T, columns]."""
        text = self._utf8(path)
        skipped = text.split(b"\n")[: self.skip_lines]
        lines = self._decoded(path, _behind(text, self.skip_lines), "utf-8", len(skipped)).split("\n")
        while lines and not lines[-1].strip():
            lines.pop()
        if not lines:
            count = len(skipped) if any(line.strip() for line in skipped) else 0
            raise InputError(
                f"{path} has {count} lines of which {self.skip_lines} are skipped: no time step is left; expected at least one"
            )
        whole = table(lines, self.delimiter)
        if whole is not None:
            return whole
        rows: list[list[float]] = []
        for at, line in enumerate(lines, start=self.skip_lines + 1):
            rows.append(self._numbers(path, at, line))
            if len(rows[-1]) != len(rows[0]):
                raise InputError(
                    f"{path}, line {at} has {len(rows[-1])} columns, line {self.skip_lines + 1} has {len(rows[0])}; "
                    f"expected the same number in each (the delimiter is {self.delimiter!r})"
                )
        return np.array(rows, dtype=np.float32)

    def _numbers(self, path: str, at: int, line: str) -> list[float]:
        """The numbers of line ``at``."""
        values = []
        for column, field in enumerate(self._fields(path, at, line), start=1):
            value = number(field)
            if value is None:
                raise InputError(
                    f"{path}, line {at}, column {column} is {field!r}; expected a number in float32's range "
                    f"(the delimiter is {self.delimiter!r}, skip_lines is {self.skip_lines})"
                    + (self._look(line) or self._remedy(at, line, field))
                )
            values.append(value)
        return values

    def _fields(self, path: str, at: int, line: str) -> list[str]:
        """The fields of one line, without their quotes."""
        if '"' not in line:
            return line.split(self.delimiter)
        blanks = self.delimiter != " "  # in front of a quote and at the end they are no part of a field, unless they separate fields
        try:
            lines = [line.rstrip(" ") if blanks else line]
            return next(csv.reader(lines, delimiter=self.delimiter, skipinitialspace=blanks, strict=True))
        except csv.Error as error:
            raise InputError(
                f"{path}, line {at} is {shown(line)}: {error}; expected each quoted field to end in its line, and a delimiter behind it"
            ) from error

    def _look(self, line: str) -> str:
        """What a line looks like that another delimiter, or a decimal comma, would make numbers; empty for any other."""
        for delimiter in ",;\t| :":
            for decimal in ".,":
                fields = [field.replace(decimal, ".") for field in line.split(delimiter)]
                if len(fields) > 1 and decimal != delimiter and all(number(field) is not None for field in fields):
                    other = f", with numbers as {line.split(delimiter)[0].strip()}: write a point in the place of their comma"
                    return f"; the line {shown(line)} looks separated by {delimiter!r}" + (other if decimal == "," else "")
        return ""

    def _remedy(self, at: int, line: str, field: str) -> str:
        """What to do about a field that is no number where no other delimiter helps."""
        if not line.strip():
            return "; the line is empty, and only those at the end may be: delete it"
        if not field.strip():
            ends = line.rstrip().endswith(self.delimiter)
            return f"; write nan for a missing value{', and no delimiter at the end of a line' if ends else ''}"
        if at == self.skip_lines + 1 and field.strip()[0].isalpha():
            return f"; if it is a header, skip_lines={at} leaves it out"
        return ""


def _behind(text: bytes, lines: int) -> bytes:
    """What follows so many lines."""
    at = 0
    for _ in range(lines):
        at = text.find(b"\n", at) + 1
        if not at:
            return b""
    return text[at:]


def _codec(encoding: str) -> str:
    """The encoding's own name. InputError for one that Python does not know, or that is none of text."""
    try:
        found = codecs.lookup(encoding)
        "".encode(encoding)
    except (LookupError, TypeError, ValueError):
        raise InputError(f"encoding is {shown(encoding)}; expected one that Python knows, such as 'utf-8', 'latin-1' or 'utf-16'") from None
    return "utf-8" if found.name == "utf-8-sig" else found.name
