"""Which files are read, and in which order."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.data import CSVSequenceRecordReader, NumberedFileInputSplit
from rnngraph.data.splits import natural
from rnngraph.errors import InputError


def test_numbers_of_files_are_included_at_both_ends() -> None:
    assert [str(p) for p in NumberedFileInputSplit("f_%d.csv", 9, 11)] == ["f_9.csv", "f_10.csv", "f_11.csv"]
    assert [str(p) for p in NumberedFileInputSplit("a/%03d", 7, 7)] == ["a/007"]
    assert len(NumberedFileInputSplit("f_%d.csv", 0, 99)) == 100


@pytest.mark.parametrize("pattern", ["f.csv", "f_%d_%d.csv", "f_%s.csv", "f_%3d.csv", "100%_%d.csv", "f_%%d.csv"])
def test_patterns_hold_one_number(pattern: str) -> None:
    message = f'pattern {pattern!r} does not have exactly one %d or %0Nd, which stands for the number: "f_%d.csv", "f_%03d.csv"'
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        NumberedFileInputSplit(pattern, 0, 1)


@pytest.mark.parametrize(("first", "last"), [(3, 2), (-1, 2), (0.0, 1), (0, None)])
def test_numbers_are_a_range(first: Any, last: Any) -> None:
    with pytest.raises(InputError, match=rf"^numbers {first} to {last}: expected 0 <= first <= last; both ends are included$"):
        NumberedFileInputSplit("%d", first, last)


def test_missing_files_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "f_0.csv").write_text("1")
    pattern = str(tmp_path / "f_%d.csv")
    message = (
        f"{tmp_path / 'f_1.csv'} is not there (2 of 3 files missing); {pattern!r} is read for the numbers 0 to 2, both included, "
        f"relative to {Path.cwd()}"
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        CSVSequenceRecordReader().initialize(NumberedFileInputSplit(pattern, 0, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files in folders, with names that sort otherwise as text."""
    for name in ("f_10.csv", "f_2.csv", "f_1.CSV", "notes.txt", ".hidden.csv", "b2/f_1.csv", "b10/f_1.csv", "b10/f_01.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1\n")
    return tmp_path


def names(split: rg.InputSplit, folder: Path) -> list[str]:
    found = list(split)
    assert len(found) == len(split)
    return [str(path.relative_to(folder)) for path in found]


def test_a_folder_is_read_in_natural_order(folder: Path) -> None:
    everything = ["b2/f_1.csv", "b10/f_01.csv", "b10/f_1.csv", "f_1.CSV", "f_2.csv", "f_10.csv", "notes.txt"]
    assert names(rg.FileSplit(folder), folder) == everything
    assert names(rg.FileSplit(str(folder), ["csv"]), folder) == everything[:-1]
    assert names(rg.FileSplit(folder, ".TXT"), folder) == ["notes.txt"]
    assert names(rg.FileSplit(folder, recursive=False), folder) == everything[3:]
    assert names(rg.FileSplit(folder / "f_2.csv"), folder) == ["f_2.csv"]


def test_a_pattern_is_read_in_natural_order(folder: Path) -> None:
    assert names(rg.GlobInputSplit(folder / "f_*.csv"), folder) == ["f_2.csv", "f_10.csv"]
    assert names(rg.GlobInputSplit(str(folder / "**" / "f_1.csv")), folder) == ["b2/f_1.csv", "b10/f_1.csv"]


def test_a_list_is_read_in_its_own_order(folder: Path) -> None:
    paths: list[str | Path] = [folder / "f_10.csv", str(folder / "f_2.csv"), folder / "f_10.csv"]
    split = rg.CollectionInputSplit(paths)
    assert names(split, folder) == ["f_10.csv", "f_2.csv", "f_10.csv"]
    assert len(CSVSequenceRecordReader().initialize(split)) == 3
    missing = rg.CollectionInputSplit([folder / "f_2.csv", folder / "f_3.csv"])
    message = f"{folder / 'f_3.csv'} is not there (1 of 2 files missing); names are relative to {Path.cwd()}"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        CSVSequenceRecordReader().initialize(missing)


@given(st.lists(st.tuples(st.integers(0, 10**20), st.integers(0, 9)), min_size=1, max_size=20, unique=True))
def test_natural_order_is_that_of_the_numbers(numbers: list[tuple[int, int]]) -> None:
    paths = [Path(f"run{a}") / f"{b}_x.csv" for a, b in numbers]
    assert natural(paths) == [Path(f"run{a}") / f"{b}_x.csv" for a, b in sorted(numbers)]


MISTAKES: list[tuple[Callable[[Path], object], str]] = [
    (lambda at: rg.FileSplit(at / "none"), "{at}/none is not there; expected a folder with the files to read, relative to {cwd}"),
    (lambda at: rg.FileSplit(at, ["wav", "dat"]), "{at} has no files to read of ['.wav', '.dat'], but 7 files with other extensions "
     "(.CSV, .csv, .txt); name their folder and extensions"),
    (lambda at: rg.FileSplit(at / "empty"), "{at}/empty has no files to read; name their folder and extensions"),
    (lambda at: rg.FileSplit(5), "folder is 5; expected the path of a folder"),  # type: ignore[arg-type]
    (lambda at: rg.FileSplit(at, [5]), 'extensions is [5]; expected a list such as ["csv", "txt"], or None for all files'),  # type: ignore[list-item]
    (lambda at: rg.FileSplit(at, "."), """extensions is '.'; expected a list such as ["csv", "txt"], or None for all files"""),
    (lambda at: rg.GlobInputSplit("no*.csv"), "pattern 'no*.csv' fits no file; expected names relative to {cwd}, "
     "with * for any characters"),
    (lambda at: rg.GlobInputSplit(None), 'pattern is None; expected text such as "data/features_*.csv"'),  # type: ignore[arg-type]
    (lambda at: rg.CollectionInputSplit([]), "paths is an empty list; expected the path of one file at least"),
    (lambda at: rg.CollectionInputSplit("a.csv"), "paths is 'a.csv'; expected a list of paths: a folder is FileSplit, "
     "a pattern GlobInputSplit"),
    (lambda at: rg.CollectionInputSplit(["a.csv", 7]), "paths[1] is 7; expected the path of a file"),  # type: ignore[list-item]
    (lambda at: rg.NumberedFileInputSplit(5, 0, 1), 'pattern is 5; expected text such as "f_%d.csv"'),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), MISTAKES, ids=[message[:30] for _, message in MISTAKES])
def test_mistakes(folder: Path, make: Callable[[Path], object], message: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=f"^{re.escape(message.format(at=folder, cwd=Path.cwd()))}$"):
        make(folder)
