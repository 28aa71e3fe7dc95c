"""Names and values in messages."""

from __future__ import annotations

import numpy as np
import pytest

from rnngraph.names import nearest, shown, squeezed

NAMES = ("hardsigmoid", "sigmoid", "xavier_uniform")


@pytest.mark.parametrize("given", ["XAVIER_UNIFORM", "xavierUniform", "Xavier-Uniform", "xavier uniform", "xavier_uniform"])
def test_case_and_separators_do_not_matter(given: str) -> None:
    assert squeezed(given) == "xavieruniform"


def test_nearest_names_come_best_first() -> None:
    assert nearest("HardSigmod", NAMES) == ["hardsigmoid", "sigmoid"]
    assert nearest("qqq", NAMES) == []


def test_values_are_shown_short_and_on_one_line() -> None:
    assert shown(int) == "int"
    assert shown(0.5) == "0.5"
    assert shown("a  b") == "'a  b'"
    assert shown("x" * 200) == "'" + "x" * 76 + "..."
    assert shown(np.eye(2)) == "array([[1., 0.], [0., 1.]])"
    assert len(shown(np.zeros((40, 40)))) == 80
