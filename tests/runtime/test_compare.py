"""How verify compares two arrays where a value is NaN or infinite."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from rnngraph.runtime.verify import compare

BIG = float(np.finfo(np.float32).max)


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


@pytest.mark.parametrize("tolerance", [0.0, None])
def test_what_overflows_alike_is_equal(tolerance: float | None) -> None:
    values = row(1.0, np.nan, np.inf, -np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = compare("y", values, values.copy(), tolerance=tolerance)
    assert (got.ok, got.absolute, got.relative) == (True, 0.0, 0.0)


def test_the_tolerance_is_of_the_largest_finite_value() -> None:
    got = compare("y", row(np.inf, 200.0, 1.001), row(np.inf, 200.0, 1.0))
    assert got.ok
    assert got.tolerance == pytest.approx(200 * 1e-5)
    assert got.absolute == pytest.approx(1e-3, rel=1e-3)
    assert not compare("y", row(np.inf, 1.001), row(np.inf, 1.0)).ok


@pytest.mark.parametrize(
    ("got", "expected"), [(np.nan, np.inf), (np.inf, -np.inf), (np.nan, 1.0), (1.0, np.nan), (np.inf, BIG), (-BIG, np.inf)]
)
def test_what_overflows_on_one_side_is_off(got: float, expected: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compared = compare("y", row(0.0, got), row(0.0, expected))
    assert not compared.ok
    assert math.isinf(compared.absolute)


def test_a_difference_beyond_float32_is_told() -> None:
    compared = compare("y", row(BIG), row(-BIG))
    assert not compared.ok
    assert compared.absolute == 2 * BIG
