"""Decimal numbers in text as float32, thousands at a time: arithmetic on columns of characters, not a call for each number.

1. The last characters of each field stand in a matrix [W, fields], the fields' ends in the last row.
2. A field is *plain* where it has a sign or none, digits with one point at most, and an exponent of two digits or none.
3. The digits in front of a point move up by one row, so that they and those behind it are one whole number. Its digits are joined to pairs,
   those to fours, to eights.
4. That number is divided by a power of ten in float64. The quotient is off by some units in the last place at most, so its float32 is that
   of the decimal number, unless it is next to the middle between two; such a field is not plain.

What is not plain is left to :func:`number`, which takes all that ``float`` takes. Both give the same bits.
"""

from __future__ import annotations

import numpy as np

LONGEST = 24
"""The most characters of a plain field, without its exponent."""
_LARGEST = float(np.finfo(np.float32).max)
_ZERO, _POINT, _PLUS, _MINUS, _BLANK, _E = (np.uint8(ord(character)) for character in "0.+- e")

_POWERS = np.ones(64)
"""The power of ten behind a point at row 1, 2, .. from the end, 1 at 0, which is no point; from 32 on the same for negative numbers."""
_POWERS[1 : LONGEST + 1] = [float(f"1e{k}") for k in range(LONGEST)]
_POWERS[32:] = -_POWERS[:32]

_EXPONENT = 14
"""The largest exponent of a plain field: nothing becomes too large for float32, or too small for all its digits."""
_FACTORS = np.array([float(f"1e{k}") for k in range(-_EXPONENT, _EXPONENT + 1)])


def number(field: str) -> float | None:
    """The number in a field, nan and inf included; None for text, and for what float32 would make infinite."""
    try:
        value = float(field)
    except ValueError:
        return None
    # float() reads 1_000 as a number, which no other program does, and digits of more than float64 has as infinity
    infinite = abs(value) == float("inf") and not any(character.isdigit() for character in field)
    return None if "_" in field or (abs(value) > _LARGEST and not infinite) else value


def numbers(joined: bytes, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 [n] of the fields from ``starts`` to before ``ends``, in order, and whether each is plain; of the others any number.

    ``joined`` begins with LONGEST characters that belong to no field. A field may have blanks in front.
    """
    text = np.frombuffer(joined, np.uint8)
    there = [character for character in b" eE" if joined.find(character, starts[0], ends[-1]) >= 0]
    exponents = None
    if len(there) > (_BLANK in there):
        ends, exponents = _without_exponents(text, ends)
    if _BLANK in there:
        starts = _behind_blanks(text, starts, ends)
    sizes = np.minimum(ends - starts, 255).astype(np.uint8)
    width = next(w for w in (8, 16, LONGEST) if w >= min(LONGEST, int(sizes.max())))
    digits, points, counts, plain = _digits(_last(text, ends, width), sizes)
    sign = text[starts]
    minus = sign == _MINUS
    plain &= counts + (minus | (sign == _PLUS)) == sizes
    values = _joined(digits) / _POWERS.take(points + minus * np.uint8(32), mode="clip")
    if exponents is not None:
        values *= _FACTORS[exponents + _EXPONENT]
    if exponents is not None or width > 8:  # else there are so few digits that the quotient is the nearest float64
        beyond = values.view(np.int64) & (2**29 - 1)  # the bits that float32 does not have
        plain &= np.abs(beyond - 2**28) > 16
    return values.astype(np.float32), plain


def _without_exponents(text: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where mantissas end, and the exponents, 0 without one; one that is not e+dd or e-dd stays in the field."""
    mark, sign, tens, ones = (text[ends - k] for k in (4, 3, 2, 1))
    tens, ones = tens - _ZERO, ones - _ZERO
    sizes = tens * np.int64(10) + ones
    found = ((mark | np.uint8(32)) == _E) & ((sign == _PLUS) | (sign == _MINUS))
    found &= (tens < 10) & (ones < 10) & (sizes <= _EXPONENT)
    return ends - 4 * found, np.where(sign == _MINUS, -sizes, sizes) * found


def _behind_blanks(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where fields start behind the blanks in front, up to so many as a plain field is long."""
    for _ in range(LONGEST):
        blank = (text[starts] == _BLANK) & (starts < ends - 1)
        if not blank.any():
            break
        starts = starts + blank
    return starts


def _last(text: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    """The last characters of each field, [width, n]."""
    characters, first = np.empty((width, len(ends)), np.uint8), ends - width
    for row in range(width):
        text[row:].take(first, out=characters[row], mode="clip")  # without "clip", numpy checks each index by a copy
    return characters


def _digits(characters: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The digits without a gap for the point, 0 in front of them; the row of the point from the end, 1 for the last, 0 without one.

    And how many characters are digits or a point, and whether there is a digit and no second point.
    """
    width = len(characters)
    rows = np.arange(width, 0, -1, dtype=np.uint8)[:, None]
    inside = rows <= np.minimum(sizes, np.uint8(width))
    digits = characters - _ZERO
    is_digit, is_point = ((digits < 10) & inside).view(np.uint8), ((characters == _POINT) & inside).view(np.uint8)
    digit_count, point_count = (np.add.reduce(of, 0, dtype=np.uint8) for of in (is_digit, is_point))
    points = np.add.reduce(is_point * rows, 0, dtype=np.uint8)
    digits *= is_digit
    before = -(rows - np.uint8(1) >= points - np.uint8(1)).view(np.uint8)  # 255 where the point or what is before it is, 0 elsewhere
    digits[1:] ^= (digits[1:] ^ digits[:-1]) & before[1:]  # one row up there, else as it was
    digits[0] &= ~before[0]
    return digits, points, digit_count + point_count, (point_count <= 1) & (digit_count > 0)


def _joined(digits: np.ndarray) -> np.ndarray:
    """The whole numbers, as float64, whose digits stand in columns of a multiple of eight rows."""
    pairs = digits[0::2] * np.uint8(10) + digits[1::2]
    fours = pairs[0::2] * np.uint16(100) + pairs[1::2]
    eights = fours[0::2] * np.uint32(10000) + fours[1::2]
    values: np.ndarray = eights[0].astype(np.float64)
    for following in eights[1:]:
        values = values * 1e8 + following
    return values
