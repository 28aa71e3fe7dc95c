from __future__ import annotations

import re

import pytest

from rnngraph.conf.names import spell

NAMES = ("hardsigmoid", "sigmoid", "xavier_uniform")


@pytest.mark.parametrize("given", ["XAVIER_UNIFORM", "xavierUniform", "Xavier-Uniform", "xavier uniform", "xavier_uniform"])
def test_case_and_separators_do_not_matter(given: str) -> None:
    assert spell(given, NAMES) == "xavier_uniform"


def test_an_alias_stands_for_its_name() -> None:
    assert spell("Squared-Loss", ("mse",), {"squared_loss": "mse"}) == "mse"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sigmod", "expected one of hardsigmoid, sigmoid, xavier_uniform; did you mean 'sigmoid' or 'hardsigmoid'?"),
        ("qqq", "expected one of hardsigmoid, sigmoid, xavier_uniform"),
        (3, "expected one of hardsigmoid, sigmoid, xavier_uniform, as a string"),
        (None, "expected one of hardsigmoid, sigmoid, xavier_uniform, as a string"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spell(given, NAMES)


def test_a_name_that_means_something_else_gets_no_near_one() -> None:
    with pytest.raises(ValueError, match=r"^expected one of mcxent, mse; XENT is not in this version of rnngraph$"):
        spell("XENT", ("mcxent", "mse"), foreign=["xent"])
