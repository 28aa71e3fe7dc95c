"""Sequences in data frames: of a stand-in with columns by name, and of pandas and polars where they are installed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rnngraph as rg

COLUMNS: dict[str, list[Any]] = {
    "run": ["b", "a", "b", "c", "b", "a"],
    "x": [1, 2, 3, 4, 5, 6],
    "y": [0.5, None, 1.5, 2.5, 3.5, 4.5],
    "class": [0, 1, 1, 0, 1, 0],
    "note": ["-"] * 6,
}


class Frame:
    """Columns by name, and nothing else."""

    def __init__(self, **columns: list[Any]) -> None:
        self._columns = columns

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]


def frame(kind: str) -> Any:
    if kind == "stand-in":
        return Frame(**COLUMNS)
    return pytest.importorskip(kind).DataFrame(COLUMNS)


@pytest.mark.parametrize("kind", ["stand-in", "pandas", "polars"])
def test_rows_of_a_value_are_a_sequence(kind: str) -> None:
    reader = rg.DataFrameSequenceRecordReader(frame(kind), "run", ["x", "y", "class"])
    b, a, c = reader
    np.testing.assert_array_equal(b, [[1, 0.5, 0], [3, 1.5, 1], [5, 3.5, 1]])
    np.testing.assert_array_equal(a, [[2, np.nan, 1], [6, 4.5, 0]])
    np.testing.assert_array_equal(c, [[4, 2.5, 0]])
    (data,) = rg.SequenceRecordReaderDataSetIterator(reader, None, 3, 2, label_index=-1, nan="mask")
    np.testing.assert_array_equal(data.features[:, 0], [[1, 3, 5], [2, 6, 0], [4, 0, 0]])
    np.testing.assert_array_equal(data.features_mask, [[1, 1, 1], [0, 1, 0], [1, 0, 0]])
    with pytest.raises(rg.InputError, match=r"^sequence 'a' of the frame, step 0, column 'y' is nan; expected a finite number"):
        list(rg.SequenceRecordReaderDataSetIterator(reader, None, 3, 2, label_index=-1))


def test_all_other_columns_are_read_unless_some_are_named() -> None:
    given = {name: COLUMNS[name] for name in ("x", "run", "class")}
    reader = rg.DataFrameSequenceRecordReader(Frame(**given), "run")
    assert reader.columns == ["x", "class"]
    assert len(reader) == 3


@pytest.mark.parametrize(
    ("given", "sequence", "columns", "message"),
    [
        (COLUMNS, "Run_", None, "the frame has no column 'Run_'; did you mean 'run'? it has run, x, y, class, note"),
        (COLUMNS, "run", ["z9"], "the frame has no column 'z9'; it has run, x, y, class, note"),
        (COLUMNS, "run", "x", "columns is 'x'; expected a list with the names of one column at least besides 'run'"),
        ({"run": [1]}, "run", None, "columns is []; expected a list with the names of one column at least besides 'run'"),
        (COLUMNS, "run", None, "column 'note' is <U1, of which not all are numbers; expected numbers: leave it out of columns, or "
         "convert it"),
        ({"run": [], "x": []}, "run", None, "the frame has no rows; expected one at least for each sequence"),
        ({"run": ["a", None], "x": [1, 2]}, "run", None, "column 'run' holds values that cannot be compared; expected numbers or text, "
         "none missing"),
    ],
)  # fmt: skip
def test_mistakes(given: dict[str, list[Any]], sequence: str, columns: Any, message: str) -> None:
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}$"):
        rg.DataFrameSequenceRecordReader(Frame(**given), sequence, columns)


def test_an_array_is_no_frame() -> None:
    with pytest.raises(rg.InputError, match=r"^frame is a ndarray; expected a data frame, which has columns by name$"):
        rg.DataFrameSequenceRecordReader(np.ones((2, 3)), "run")  # type: ignore[arg-type]
