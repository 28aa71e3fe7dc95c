"""Decimal numbers in text as float32, thousands at a time: arithmetic on columns of characters, not a call for each number.

1. The last characters of each field stand in a matrix [W, fields], the fields' ends in the last row.
2. A field is *plain* where it has a sign or none, digits with one point at most, and an exponent of two digits or none.
3. The digits in front of a point move up by one row, so that they are one whole number, and pairs of rows are joined, as pairs of digits,
   then of four, then of eight.
4. That number is divided by a power of ten in float64. The quotient is off by some units in the last place at most, so its float32 is that
   of the decimal number, unless it is next to the middle between two; such a field is not plain.

What is not plain is left to :func:`number`, which takes all that ``float`` takes. Both give the same bits.
"""

from __future__ import annotations

import numpy as np

LONGEST = 24
"""The most characters of a plain field, without its exponent."""
_EXPONENT = 14
"""The largest exponent of a plain field: nothing becomes too large for float32, or too small for all its digits."""
_SCALES = np.array([float(f"1e{k}") for k in range(-_EXPONENT, LONGEST + _EXPONENT)])
_LARGEST = float(np.finfo(np.float32).max)


def number(field: str) -> float | None:
    """The number in a field, nan and inf included; None for text, and for what float32 would make infinite."""
    try:
        value = float(field)
    except ValueError:
        return None
    # float() reads 1_000 as a number; no other program does.
    return None if "_" in field or _LARGEST < abs(value) < float("inf") else value


def numbers(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 [n] of the fields of ``text`` (uint8) from ``starts`` to before ``ends``, and whether each is plain; any number for others.

    ``text`` begins with LONGEST characters that belong to no field. A field may have blanks in front.
    """
    ends, exponents, scaled = _without_exponents(text, starts, ends)
    width = next(w for w in (8, 16, LONGEST) if w >= min(LONGEST, int((ends - starts).max())))
    last = np.uint8(width - 1)
    rows = np.arange(width, dtype=np.uint8)[:, None]
    characters = np.empty((width, len(ends)), np.uint8)
    first = ends - width
    for row in range(width):
        text[row:].take(first, out=characters[row], mode="clip")  # without "clip", numpy checks each index by a copy
    starts = _behind_blanks(characters, rows, text, starts, ends)
    inside = _inside(rows, width, starts, ends)
    digits = characters - np.uint8(ord("0"))
    is_digit, is_point = (digits < 10) & inside, (characters == ord(".")) & inside
    sign = text[starts]
    minus = sign == ord("-")
    digit_count, point_count = _counts(is_digit), _counts(is_point)
    plain = (digit_count + point_count + (minus | (sign == ord("+"))) == ends - starts) & (point_count <= 1) & (digit_count > 0)
    decimals = np.add.reduce(is_point.view(np.uint8) * (last - rows), 0, dtype=np.uint8)
    digits *= is_digit.view(np.uint8)
    before = ((rows <= last - decimals) & (point_count != 0)).view(np.uint8) * np.uint8(255)
    digits[1:] ^= (digits[1:] ^ digits[:-1]) & before[1:]  # one row up where it is before the point, else as it was
    digits[0] &= ~before[0]
    values = _joined(digits) / _SCALES.take(decimals.astype(np.intp) - exponents + _EXPONENT, mode="clip")  # beyond: no plain one
    if width > 8 or scaled:  # else there are so few digits that the quotient is the nearest float64
        beyond = values.view(np.int64) & (2**29 - 1)  # the bits that float32 does not have
        plain &= np.abs(beyond - 2**28) > 16
    values *= 1.0 - 2.0 * minus
    return values.astype(np.float32), plain


def _without_exponents(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray | int, bool]:
    """Where mantissas end, the exponents, 0 without one, and whether there are any; one that is not e+dd or e-dd stays in the field."""
    marks = text[ends - 4] | np.uint8(32)  # in lower case
    found = (marks == ord("e")) & (ends - starts > 4)
    if not found.any():
        return ends, 0, False
    sign, tens, ones = (text[ends - k] for k in (3, 2, 1))
    size = (tens - np.uint8(48)).astype(np.int64) * 10 + (ones - np.uint8(48))
    found &= (tens - np.uint8(48) < 10) & (ones - np.uint8(48) < 10) & ((sign == ord("+")) | (sign == ord("-"))) & (size <= _EXPONENT)
    exponents = np.where(sign == ord("-"), -size, size) * found
    return ends - 4 * found, exponents, True


def _behind_blanks(characters: np.ndarray, rows: np.ndarray, text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where fields start behind the blanks in front. Blanks elsewhere count too: what is left has one in it then, and is not plain."""
    if not (text[starts] == ord(" ")).any():
        return starts
    blanks = _counts((characters == ord(" ")) & _inside(rows, len(characters), starts, ends))
    behind: np.ndarray = np.minimum(starts + blanks, ends - (ends > starts))
    return behind


def _inside(rows: np.ndarray, width: int, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which characters belong to their field."""
    inside: np.ndarray = rows >= (width - np.minimum(ends - starts, width)).astype(np.uint8)
    return inside


def _counts(of: np.ndarray) -> np.ndarray:
    """How many of each column are true."""
    counts: np.ndarray = np.add.reduce(of.view(np.uint8), 0, dtype=np.uint8)
    return counts


def _joined(digits: np.ndarray) -> np.ndarray:
    """The whole numbers, as float64, whose digits stand in columns of a multiple of eight rows."""
    pairs = digits[0::2] * np.uint8(10) + digits[1::2]
    fours = pairs[0::2] * np.uint16(100) + pairs[1::2]
    eights = fours[0::2] * np.uint32(10000) + fours[1::2]
    values: np.ndarray = eights[0].astype(np.float64)
    for following in eights[1:]:
        values = values * 1e8 + following
    return values
