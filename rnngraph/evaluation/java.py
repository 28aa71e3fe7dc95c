"""Numbers as Java writes them, where DL4J's text has them: rounded half up from their shortest decimal form."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal


def fixed(value: float, decimals: int = 4) -> str:
    """``%.4f``.

    >>> fixed(0.03125), fixed(float("nan"))
    ('0.0313', 'NaN')
    """
    if not math.isfinite(value):
        return _word(value)
    return f"{Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, Context(prec=400)):f}"


def exponent(value: float, decimals: int = 5) -> str:
    """``%.5e``.

    >>> exponent(0.039768750000000004), exponent(float("inf"))
    ('3.97688e-02', 'Infinity')
    """
    if not math.isfinite(value):
        return _word(value)
    rounded = Context(prec=decimals + 1, rounding=ROUND_HALF_UP).create_decimal(repr(float(value)))
    return f"{float(rounded):.{decimals}e}"


def plain(value: float) -> str:
    """A double in the middle of text: plain from 1e-3 to 1e7, else with an exponent.

    >>> plain(0.5), plain(1.0), plain(2.5e-05), plain(float("nan"))
    ('0.5', '1.0', '2.5E-5', 'NaN')
    """
    if not math.isfinite(value):
        return _word(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    digits, _, power = f"{Decimal(repr(float(value))).normalize():e}".partition("e")
    return f"{digits}{'' if '.' in digits else '.0'}E{int(power)}"


def _word(value: float) -> str:
    """What is no number."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
