"""Tables of numbers, many files at once: to the bit what ``float`` makes of each field, compiled or not."""

from __future__ import annotations

import os
import tempfile
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnngraph.data import CSVSequenceRecordReader, GlobInputSplit, fields
from rnngraph.data.fields import number, tables
from rnngraph.errors import InputError

_csv = pytest.importorskip(
    "rnngraph.data._csv", reason="it was installed without a compiler"
)  # where there is one, test_packaging asks for it


def bits(values: Any) -> Any:
    return np.asarray(values, np.float32).view(np.uint32).tolist()


def of_texts(*texts: str | bytes, skip_lines: int = 0, delimiter: str = ",") -> Any:
    """What the compiled module makes of files with these texts: values, shapes, and fields that are not plain."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, str(k))) for k in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
        return _csv.tables(paths, skip_lines, ord(delimiter))


def plain(*texts: str) -> tuple[np.ndarray, list[bool]]:
    """The texts as fields of one line: their values, and which are plain."""
    data, shapes, odds = of_texts(",".join(texts))
    assert shapes == [(1, len(texts))]
    known = [True] * len(texts)
    for _, field, place in odds:
        known[place] = False
        assert field == texts[place].encode()
    return np.frombuffer(data, np.float32), known


@pytest.fixture(params=[True, False])
def _compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiled module, and as an installation without a compiler has it."""
    if not request.param:
        monkeypatch.setattr(fields, "_csv", None)


DIGITS = st.text("0123456789", max_size=25)
EXPONENTS = st.sampled_from(["", "", "e5", "e+05", "E-14", "e-15", "e+123", "e", "e-30", "e9999999999"])
DECIMALS = st.one_of(
    st.tuples(st.sampled_from(["", "  "]), st.sampled_from(["", "-", "+"]), DIGITS, st.sampled_from(["", "."]), DIGITS, EXPONENTS).map(
        "".join
    ),
    st.floats(width=32).map(repr),
    st.floats().map(repr),
    st.floats(-1e6, 1e6).map(lambda v: f"{v:.4f}"),
    st.text("0123456789.+-eE _xnaif", min_size=1, max_size=30),
)


@settings(max_examples=300)
@given(st.lists(DECIMALS, min_size=1, max_size=20))
def test_what_is_plain_is_what_float_makes_of_it(texts: list[str]) -> None:
    values, is_plain = plain("1" * 30, *texts)  # so long that there may be so many fields
    for text, value, known in zip(texts, values[1:], is_plain[1:], strict=True):
        if known:
            assert bits(value) == bits(float(text)), text


def test_next_to_the_middle_between_two_numbers_they_go_where_float_goes() -> None:
    """There a number that is off by one bit of float64 would round to the other of the two."""
    rng, texts = np.random.default_rng(2), []
    with localcontext() as context:
        context.prec = 80
        for _ in range(4000):
            middle = Decimal(2 * int(rng.integers(2**23, 2**24)) + 1) * Decimal(2) ** int(rng.integers(-90, 40))
            last = Decimal(1).scaleb(middle.adjusted() - int(rng.integers(12, 22)))
            near = middle.quantize(last) + int(rng.integers(-3, 4)) * last
            texts.append(f"{near:f}" if rng.random() < 0.5 else f"{near:e}")
    values, is_plain = plain(*texts)
    wanted, known = np.array([float(text) for text in texts], np.float32), np.array(is_plain)
    np.testing.assert_array_equal(values[known], wanted[known])
    assert 0 < known.sum() < known.size


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "+7", "007", ".5", "5.", "-.25", "12345678", "3.1415927", "-0.20511234567890123", "1.764052345967664026e+00", "1E-07",
     "  1.5", "123456789012345.678", "0.000000000000000000001", "99999999999999999999999", "-1.5e+14", "1e5", "1e+005", "-1e22", "0e999",
     "0." + "0" * 30 + "123", "16777217.0001", "1" * 30, "-340282339" + "0" * 30],
)  # fmt: skip
def test_the_usual_forms_are_plain(text: str) -> None:
    values, is_plain = plain(text, "0")
    assert all(is_plain)
    assert bits(values) == bits([float(text), 0.0])


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "+.", "1.2.3", "1-", "--1", "e+05", "1 2", "1 ", "1_0", "0x10", "nan", "-inf", "\u0661", "1e", "1e+", "1e-39",
     "-1.17549436e-38", "1e39", "4" + "0" * 38, "3.4028234663852889415e38", "340282346638528859811704183484516925440", "1e99999999999",
     "1" * 1200, "0." + "1" * 1200, "1.5e-60", "16777217.00000000000000", '"1"', "1\t", "\0"],
)  # fmt: skip
def test_all_else_is_left_to_float(text: str) -> None:
    assert plain("1", text, "2")[1] == [True, False, True]


def test_one_by_one() -> None:
    assert [number(text) for text in (" 1e5 ", "-inf", "1_0", "x", "", "3.5e38", "-1e400", "1" * 400, "3.4028234e38")] == [
        1e5, float("-inf"), None, None, None, None, None, None, 3.4028234e38,
    ]  # fmt: skip
    assert np.isnan(number("NaN") or 0.0)


TEXTS: dict[bytes, list[list[float]] | None] = {
    b"1,2\n3,4": [[1, 2], [3, 4]],
    b"5": [[5]],
    b" 1e5, 2 \n-inf,0.1": [[1e5, 2], [float("-inf"), 0.1]],
    b"1,2\n3": None,
    b"1\n2,3": None,
    b"1,2,3\n4\n5\n6": None,
    b"1\n\n2": None,
    b"1,x": None,
    b'"1",2': None,
    b"1,\xff": None,
    b"1\xff,2": None,
    b"7,8,9\r\n1,2,3\r\n": [[7, 8, 9], [1, 2, 3]],
    b"1\r2\r3\r": [[1], [2], [3]],
    b"1\n2\n3\n\n\n": [[1], [2], [3]],
    b"\n": None,
    b"": None,
    b"1\r\r\n2": None,
    b"1,2\r3,4\n5,6\r\n7,8": [[1, 2], [3, 4], [5, 6], [7, 8]],
    b"1,2\n3,": None,
}


def test_tables_of_many_files(tmp_path: Path) -> None:
    for texts in (list(TEXTS), list(TEXTS)[:3], list(TEXTS)[3:4], list(TEXTS)[1:2]):
        paths = [str(tmp_path / str(k)) for k in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            Path(path).write_bytes(text)
        for text, table in zip(texts, tables(paths, 0, ",", "utf-8"), strict=True):
            expected = TEXTS[text]
            if expected is None:
                assert table is None, text
            else:
                assert table is not None, text
                np.testing.assert_array_equal(table, np.array(expected, np.float32))
                assert table.dtype == np.float32


@pytest.mark.parametrize("skip_lines", [0, 1, 3])
def test_skipped_lines(skip_lines: int) -> None:
    data, shapes, odds = of_texts("1,2\n3,4\n5,6\n7,8\n", "1\n2\n3\n", "\n\n\n9", skip_lines=skip_lines)
    assert shapes == {0: [(4, 2), (3, 1), (0, 0)], 1: [(3, 2), (2, 1), (0, 0)], 3: [(1, 2), (0, 0), (1, 1)]}[skip_lines]
    assert np.frombuffer(data, np.float32)[: 4 - skip_lines].tolist() == [1.0, 3.0, 5.0, 7.0][skip_lines:]
    assert odds == []


@pytest.mark.parametrize("delimiter", [";", " ", "\t", "|", ":", "x"])
def test_other_delimiters(delimiter: str) -> None:
    data, shapes, odds = of_texts(delimiter.join(["1.5", "-2", "3e1"]), delimiter=delimiter)
    assert (shapes, odds) == ([(1, 3)], [])
    assert np.frombuffer(data, np.float32).tolist() == [1.5, -2.0, 30.0]


@pytest.mark.usefixtures("_compiled")
def test_delimiters_that_are_part_of_numbers_are_left_to_the_careful_way(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("1.5\n2.25\n")
    reader = CSVSequenceRecordReader(delimiter=".").initialize(GlobInputSplit(tmp_path / "*.csv"))
    np.testing.assert_array_equal(next(iter(reader)), [[1, 5], [2, 25]])


def test_what_is_no_file_is_left_to_the_caller(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    given = [str(path) for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing")]
    assert _csv.tables(given, 0, 44) == (bytearray(), [(0, 0)] * 3, [])
    assert _csv.tables([], 0, 44) == (bytearray(), [], [])
    for wrong in ([1], 7, ["a\0b"]):
        with pytest.raises((TypeError, ValueError)):
            _csv.tables(wrong, 0, 44)


def test_both_ways_give_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    forms = ["%.4f", "%.18e", "%g", "%d", "%.9g", "%r"]
    for k, form in enumerate(forms):
        rows = rng.standard_normal((30, 7)) * 10.0 ** rng.integers(-8, 9, (30, 7))
        (tmp_path / f"f_{k}.csv").write_text("\n".join(",".join(form % value for value in row) for row in rows.tolist()) + "\n")
    (tmp_path / "f_6.csv").write_text("1,nan\n-inf,2\n")
    reader = CSVSequenceRecordReader().initialize(GlobInputSplit(tmp_path / "*.csv"))
    fast = reader.read(range(len(reader)))
    assert sum(one is not None for one in tables([reader.place(k) for k in range(7)], 0, ",", "utf-8")) == 7
    monkeypatch.setattr(fields, "_csv", None)
    assert tables([reader.place(0)], 0, ",", "utf-8") == [None]
    for one, other in zip(fast, reader.read(range(len(reader))), strict=True):
        np.testing.assert_array_equal(one.view(np.uint32), np.ascontiguousarray(other).view(np.uint32))


def test_files_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    """The memory for a file grows with it, and is used again for the next."""
    text = "".join(f"{k},{k % 7}.5\n" for k in range(200_000))
    data, shapes, odds = of_texts("1,2", text, "3,4")
    values = np.frombuffer(data, np.float32)
    assert shapes == [(1, 2), (200_000, 2), (1, 2)]
    np.testing.assert_array_equal(values[2:200_002], np.arange(200_000))
    assert values[-3:].tolist() == [199_999 % 7 + 0.5, 3.0, 4.0]
    assert odds == []


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (b"# \xe9t\xe9\n1,2\n", {"skip_lines": 1, "encoding": "ascii"}, "line 1 has the byte 0xe9, which is no ascii text"),
        (b"caf\x81\n1,2\n", {"skip_lines": 1, "encoding": "cp1252"}, "line 1 has the byte 0x81, which is no cp1252 text"),
        (b"\xd9\xa3,2\n", {"encoding": "latin-1"}, "line 1, column 1 is '\xd9\xa3'; expected a number"),
        (b"\xc2\xa01,2\n", {"encoding": "latin-1"}, "line 1, column 1 is '\xc2\\\\xa01'; expected a number"),
        ("1,2\n".encode("utf-16"), {}, "which is no utf-8 text"),
        (b"3.4028234663852889415e38,2\n", {}, "expected a number in float32's range"),
    ],
)
@pytest.mark.usefixtures("_compiled")
def test_both_ways_refuse_the_same(content: bytes, settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        CSVSequenceRecordReader(**settings).initialize(GlobInputSplit(tmp_path / "*.csv")).read([0])


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("1\uff1b2\n", {"delimiter": "\uff1b"}),
        ("\xe9\n\xa01;2\n", {"delimiter": ";", "encoding": "latin-1", "skip_lines": 1}),
        ("1;2\n", {"delimiter": ";", "encoding": "utf-16"}),
        ("1;2\n", {"delimiter": ";", "encoding": "cp1252"}),
    ],
)
@pytest.mark.usefixtures("_compiled")
def test_both_ways_read_the_same(text: str, settings: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(text.encode(settings.get("encoding", "utf-8")))
    (table,) = CSVSequenceRecordReader(**settings).initialize(GlobInputSplit(tmp_path / "*.csv")).read([0])
    np.testing.assert_array_equal(table, [[1, 2]])
