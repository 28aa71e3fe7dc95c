"""Sequences in CSV files: against numpy's own reader, and every way in which a file can be wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnngraph.data import CSVSequenceRecordReader, NumberedFileInputSplit
from rnngraph.errors import InputError

RANGE = "; expected a number in float32's range (the delimiter is ','"
RANGE_SEMICOLON = RANGE.replace("','", "';'")


def reader_of(folder: Path, *contents: str | bytes, **arguments: Any) -> CSVSequenceRecordReader:
    """A reader of files f_0.csv, f_1.csv, .. with these contents."""
    for number, content in enumerate(contents):
        (folder / f"f_{number}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return CSVSequenceRecordReader(**arguments).initialize(NumberedFileInputSplit(folder / "f_%d.csv", 0, len(contents) - 1))


def test_one_file_is_one_sequence(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "1,2\n3,4\n", "5,6", "-1e-3, 7.5 \r\n1,2\r\n3,4\r\n\r\n")
    for _ in range(2):  # starts anew
        one, two, three = reader
        np.testing.assert_array_equal(one, [[1, 2], [3, 4]])
        np.testing.assert_array_equal(two, [[5, 6]])
        np.testing.assert_array_equal(three, np.array([[-1e-3, 7.5], [1, 2], [3, 4]], np.float32))
        assert one.dtype == np.float32
    assert len(reader) == 3


@pytest.mark.parametrize(
    ("encoding", "end"), [("utf-16", "\n"), ("utf-16-le", "\r\n"), ("latin-1", "\r"), ("UTF8", "\n"), ("utf-8-sig", "\n")]
)
def test_encodings_and_line_ends(encoding: str, end: str, tmp_path: Path) -> None:
    text = "é;ü\n1;2.5\n-3;4e3\n".replace("\n", end)
    (one,) = reader_of(tmp_path, text.encode(encoding), skip_lines=1, delimiter=";", encoding=encoding)
    np.testing.assert_array_equal(one, [[1, 2.5], [-3, 4000]])


def test_what_is_skipped_may_be_in_any_encoding(tmp_path: Path) -> None:
    (one,) = reader_of(tmp_path, "é,ü\n1,2\n".encode("latin-1"), skip_lines=1)
    np.testing.assert_array_equal(one, [[1, 2]])


def test_lines_are_skipped_and_delimiters_differ(tmp_path: Path) -> None:
    (one,) = reader_of(tmp_path, b"\xef\xbb\xbfa;b\nseconds;volt\n1;nan\n-inf;4\n", skip_lines=2, delimiter=";")
    np.testing.assert_array_equal(one, [[1, np.nan], [-np.inf, 4]])
    (one,) = reader_of(tmp_path, b"\xef\xbb\xbf1\t2\n", delimiter="\t")
    np.testing.assert_array_equal(one, [[1, 2]])


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ('"1","2"\n3,"4"\n', {}),
        ('1, "2" \n"3" ,4\n'.replace('" ,', '",'), {}),
        ('"a;b";c\n"1";"2"\n3;4', {"skip_lines": 1, "delimiter": ";"}),
        ('"1" "2"\n3 4', {"delimiter": " "}),
        ('"1"\t2\r\n" 3 "\t"4"\r\n', {"delimiter": "\t"}),
    ],
)
def test_fields_may_be_quoted(content: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    (one,) = reader_of(tmp_path, content, **arguments)
    np.testing.assert_array_equal(one, [[1, 2], [3, 4]])


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=3, max_size=3), min_size=1, max_size=5))
def test_every_float32_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]]) -> None:
    folder = tmp_path_factory.mktemp("csv")
    (one,) = reader_of(folder, "\n".join(",".join(map(repr, row)) for row in rows))
    np.testing.assert_array_equal(one, np.array(rows, np.float32))
    np.testing.assert_array_equal(one, np.loadtxt(folder / "f_0.csv", np.float32, delimiter=",", ndmin=2))


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("1,2\n3,x\n", {}, f", line 2, column 2 is 'x'{RANGE}, skip_lines is 0)"),
        ("t,v\n3,4\n", {}, f", line 1, column 1 is 't'{RANGE}, skip_lines is 0); "
         "if it is a header, skip_lines=1 leaves it out"),
        ("x\nt,v\n3,4\n", {"skip_lines": 1}, f", line 2, column 1 is 't'{RANGE}, skip_lines is 1); "
         "if it is a header, skip_lines=2 leaves it out"),
        ("1,2\n,4\n", {}, f", line 2, column 1 is ''{RANGE}, skip_lines is 0); "
         "write nan for a missing value"),
        ("1,2,\n3,4,\n", {}, f", line 1, column 3 is ''{RANGE}, skip_lines is 0); "
         "write nan for a missing value, and no delimiter at the end of a line"),
        ("1,2\n\n3,4\n", {}, f", line 2, column 1 is ''{RANGE}, skip_lines is 0); "
         "the line is empty, and only those at the end may be: delete it"),
        ("1,2\n1e400,2\n", {}, f", line 2, column 1 is '1e400'{RANGE}, skip_lines is 0)"),
        ("1;2\n", {}, f", line 1, column 1 is '1;2'{RANGE}, skip_lines is 0); the line '1;2' looks separated by ';'"),
        ("1\t-2.5 \t3\n", {}, f", line 1, column 1 is '1\\t-2.5 \\t3'{RANGE}, skip_lines is 0); "
         "the line '1\\t-2.5 \\t3' looks separated by '\\t'"),
        ("1 2 3\n", {}, f", line 1, column 1 is '1 2 3'{RANGE}, skip_lines is 0); the line '1 2 3' looks separated by ' '"),
        ("1,5;-2,5\n", {"delimiter": ";"}, f", line 1, column 1 is '1,5'{RANGE_SEMICOLON}, skip_lines is 0); "
         "the line '1,5;-2,5' looks separated by ';', with numbers as 1,5: write a point in the place of their comma"),
        ("1,1_000\n", {}, f", line 1, column 2 is '1_000'{RANGE}, skip_lines is 0)"),
        ("a\n1,-1e39\n", {"skip_lines": 1}, f", line 2, column 2 is '-1e39'{RANGE}, skip_lines is 1)"),
        ('1,2\n1,"2\n', {}, """, line 2 is '1,"2': unexpected end of data"""
         "; expected each quoted field to end in its line, and a delimiter behind it"),
        ('"1"2,3\n', {}, """, line 1 is '"1"2,3': ',' expected after '"'"""
         "; expected each quoted field to end in its line, and a delimiter behind it"),
        ('"1,2"\n', {}, f", line 1, column 1 is '1,2'{RANGE}, skip_lines is 0)"),
        ('1,""\n', {}, f", line 1, column 2 is ''{RANGE}, skip_lines is 0); "
         "write nan for a missing value"),
        (b"t\n1,2\n1,\xff\n", {"skip_lines": 1}, ", line 3 has the byte 0xff, which is no utf-8 text (invalid start byte); "
            "give the encoding in which it was written, as CSVSequenceRecordReader(encoding='latin-1')"),
        ("1,2\n".encode("utf-16"), {}, ", line 1 has the byte 0xff, which is no utf-8 text (invalid start byte); "
            "give the encoding in which it was written, as CSVSequenceRecordReader(encoding='utf-16')"),
        (b"1,2\n1,\xe9\n", {"encoding": "ascii"}, ", line 2 has the byte 0xe9, which is no ascii text (ordinal not in range(128)); "
            "give the encoding in which it was written, as CSVSequenceRecordReader(encoding='latin-1')"),
        ("h\n1,2\n3,4\n5\n", {"skip_lines": 1}, ", line 4 has 1 columns, line 2 has 2; "
         "expected the same number in each (the delimiter is ',')"),
        ("", {}, " has 0 lines of which 0 are skipped: no time step is left; expected at least one"),
        ("\n \n", {}, " has 0 lines of which 0 are skipped: no time step is left; expected at least one"),
        ("a\nb\n", {"skip_lines": 2}, " has 2 lines of which 2 are skipped: no time step is left; expected at least one"),
    ],
)  # fmt: skip
def test_mistakes_in_files_are_named(tmp_path: Path, content: str | bytes, arguments: dict[str, Any], message: str) -> None:
    good = "1,2\n1,2\n1,2".replace(",", arguments.get("delimiter", ","))
    reader = reader_of(tmp_path, good, content, **arguments)
    sequences = iter(reader)
    next(sequences)
    expected = f"^{re.escape(str(tmp_path / 'f_1.csv') + message)}$"
    with pytest.raises(InputError, match=expected):
        next(sequences)
    with pytest.raises(InputError, match=expected):
        reader.read([0, 1, 0])


def test_file_that_vanishes_is_named(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "1")
    (tmp_path / "f_0.csv").unlink()
    with pytest.raises(InputError, match=rf"^{re.escape(str(tmp_path))}/f_0\.csv cannot be read: No such file or directory$"):
        list(reader)


def test_reader_needs_files() -> None:
    message = r'^the reader has no files yet; call initialize\(NumberedFileInputSplit\("f_%d\.csv", 0, 99\)\) first$'
    with pytest.raises(InputError, match=message):
        iter(CSVSequenceRecordReader())
    with pytest.raises(InputError, match=message):
        len(CSVSequenceRecordReader())


def test_arguments_are_checked() -> None:
    with pytest.raises(InputError, match=r"^skip_lines is -1; expected a number of lines, 0 or more$"):
        CSVSequenceRecordReader(-1)
    with pytest.raises(InputError, match=r"^skip_lines is ','; expected a number of lines, 0 or more$"):
        CSVSequenceRecordReader(",")  # type: ignore[arg-type]
    for delimiter in ("", ";;", '"', "\n", 5):
        message = f'delimiter is {delimiter!r}; expected one character that is no quote and no line break, such as ","'
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            CSVSequenceRecordReader(0, delimiter)  # type: ignore[arg-type]
    for encoding in ("latin-9999", 8, "rot13"):
        message = f"encoding is {encoding!r}; expected one that Python knows, such as 'utf-8', 'latin-1' or 'utf-16'"
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            CSVSequenceRecordReader(encoding=encoding)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^CSVSequenceRecordReader has no argument 'skipLines'; write skip_lines$"):
        CSVSequenceRecordReader(skipLines=1)  # type: ignore[call-arg]


def test_files_are_named_by_a_split() -> None:
    message = (
        """initialize('f_%d.csv'): expected the files to read: NumberedFileInputSplit("f_%d.csv", 0, 99), FileSplit("folder"), """
        """GlobInputSplit("folder/*.csv") or CollectionInputSplit(["a.csv", "b.csv"])"""
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        CSVSequenceRecordReader().initialize("f_%d.csv")  # type: ignore[arg-type]


def test_no_indices_and_more_lines_to_skip_than_any_file_has(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "1\n2\n", skip_lines=10**30)
    assert list(reader.read([])) == []
    with pytest.raises(InputError, match=r"has 2 lines of which 10+ are skipped: no time step is left"):
        reader.read([0])
