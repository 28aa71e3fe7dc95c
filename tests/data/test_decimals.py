"""Numbers in text, many at once: to the bit what ``float`` makes of each, and tables of whole files."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnngraph.data import fields
from rnngraph.data.decimals import LONGEST, number, numbers
from rnngraph.data.fields import tables


def plain(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    """The texts as fields of one line."""
    joined = b"\n" * LONGEST + ",".join(texts).encode() + b"\n"
    ends = np.cumsum([len(text.encode()) + 1 for text in texts]) + LONGEST - 1
    return numbers(joined, np.append(LONGEST, ends[:-1] + 1), ends)


def bits(values: Any) -> Any:
    return np.asarray(values, np.float32).view(np.uint32).tolist()


DIGITS = st.text("0123456789", max_size=13)
EXPONENTS = st.sampled_from(["", "", "e5", "e+05", "E-14", "e-15", "e+123", "e"])
DECIMALS = st.one_of(
    st.tuples(st.sampled_from(["", "  "]), st.sampled_from(["", "-", "+"]), DIGITS, st.sampled_from(["", "."]), DIGITS, EXPONENTS).map(
        "".join
    ),
    st.floats(width=32).map(repr),
    st.floats().map(repr),
    st.floats(-1e6, 1e6).map(lambda v: f"{v:.4f}"),
    st.text("0123456789.+-eE _xnaif", max_size=30),
)


@settings(max_examples=200)
@given(st.lists(DECIMALS, min_size=1, max_size=8))
def test_what_is_plain_is_what_float_makes_of_it(texts: list[str]) -> None:
    with np.errstate(all="raise"):
        values, is_plain = plain(*texts)
    for text, value, known in zip(texts, values, is_plain, strict=True):
        if known:
            assert bits(value) == bits(float(text)), text


def test_next_to_the_middle_between_two_numbers_they_go_where_float_goes() -> None:
    """There a quotient that is off by one bit of float64 would round to the other of the two."""
    rng, texts = np.random.default_rng(2), []
    with localcontext() as context:
        context.prec = 80
        for _ in range(2000):
            middle = Decimal(2 * int(rng.integers(2**23, 2**24)) + 1) * Decimal(2) ** int(rng.integers(-70, 10))
            last = Decimal(1).scaleb(middle.adjusted() - int(rng.integers(15, 20)))
            near = middle.quantize(last) + int(rng.integers(-3, 4)) * last
            texts.append(f"{near:f}" if rng.random() < 0.5 else f"{near:e}")
    values, is_plain = plain(*texts)
    wanted = np.array([float(text) for text in texts], np.float32)
    np.testing.assert_array_equal(values[is_plain], wanted[is_plain])
    assert not is_plain.all()


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "+7", "007", ".5", "5.", "-.25", "12345678", "3.1415927", "-0.20511234567890123", "1.764052345967664026e+00", "1E-07",
     "  1.5", "123456789012345.678", "0.000000000000000000001", "99999999999999999999999", "-1.5e+14"],
)  # fmt: skip
def test_the_usual_forms_are_plain(text: str) -> None:
    values, is_plain = plain(text, "0")
    assert is_plain.all()
    assert bits(values) == bits([float(text), 0.0])


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "+.", "1.2.3", "1-", "--1", "1e5", "1e+005", "e+05", "1e+15", "1 2", "1 ", "1_0", "0x10", "nan", "-inf", "1" * 25,
     "16777217.000000000", "\u0661"],
)  # fmt: skip
def test_all_else_is_left_to_float(text: str) -> None:
    assert plain("1", text, "2")[1].tolist() == [True, False, True]


def test_one_by_one() -> None:
    assert [number(text) for text in (" 1e5 ", "-inf", "1_0", "x", "", "3.5e38", "-1e400", "1" * 400, "3.4028234e38")] == [
        1e5, float("-inf"), None, None, None, None, None, None, 3.4028234e38,
    ]  # fmt: skip
    assert np.isnan(number("NaN") or 0.0)


TEXTS = {
    b"1,2\n3,4": [[1, 2], [3, 4]],
    b"5": [[5]],
    b" 1e5, 2 \n-inf,0.1": [[1e5, 2], [float("-inf"), 0.1]],
    b"1,2\n3": None,
    b"1\n\n2": None,
    b"1,x": None,
    b'"1",2': None,
    b"1,\xff": None,
    b"7,8,9": [[7, 8, 9]],
    b"1\n2\n3": [[1], [2], [3]],
    b"\n": None,
}


@pytest.mark.parametrize("piece", [1, 7, 1 << 17])
def test_tables_of_many_texts(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_PIECE", piece)
    for texts in (list(TEXTS), list(TEXTS)[:3], list(TEXTS)[3:4], [b"5"]):
        for text, table in zip(texts, tables(texts, b","), strict=True):
            expected = TEXTS[text]
            if table is None or expected is None:
                assert table is expected
            else:
                np.testing.assert_array_equal(table, np.array(expected, np.float32))
                assert table.dtype == np.float32
