"""RegressionEvaluation: against scikit-learn, exact sums and by hand; DL4J's own numbers and text stand in test_goldens.py."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import InputError
from rnngraph.evaluation import RegressionEvaluation

LABELS = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [6.0, 5.0]])
PREDICTIONS = np.array([[1.5, 4.0], [2.0, 6.0], [2.0, 5.0], [6.5, 5.0]])


def evaluated(*arguments: Any, columns: Any = None) -> RegressionEvaluation:
    evaluation = RegressionEvaluation(columns)
    evaluation.eval(*arguments)
    return evaluation


@pytest.mark.parametrize("rows", [3, 70, 2000])
def test_numbers_are_scikit_learn_s(rows: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(rows)
    y = rng.normal(size=(rows, 3)) * [1, 100, 0.01] + [0, -5, 3]
    p = y + rng.normal(size=(rows, 3)) * [0.5, 200, 0.001]
    evaluation = evaluated(y, p)
    for method, name in (
        ("mean_squared_error",) * 2,
        ("mean_absolute_error",) * 2,
        ("root_mean_squared_error",) * 2,
        ("r_squared", "r2_score"),
    ):
        expected = getattr(metrics, name)(y, p, multioutput="raw_values")
        assert [getattr(evaluation, method)(i) for i in range(3)] == pytest.approx(expected, rel=1e-10)
        assert getattr(evaluation, f"average_{method}")() == pytest.approx(expected.mean(), rel=1e-10)
    correlations = [np.corrcoef(y[:, i], p[:, i])[0, 1] for i in range(3)]
    assert [evaluation.pearson_correlation(i) for i in range(3)] == pytest.approx(correlations, rel=1e-10)
    assert [evaluation.relative_squared_error(i) for i in range(3)] == pytest.approx([1 - evaluation.r_squared(i) for i in range(3)])


def test_by_hand() -> None:
    evaluation = evaluated(LABELS, PREDICTIONS, columns=["height", "constant"])
    assert evaluation.labels == ("height", "constant")
    assert [evaluation.mean_squared_error(0), evaluation.mean_absolute_error(0)] == [1.5 / 4, 2 / 4]
    assert evaluation.relative_squared_error(0) == pytest.approx(1.5 / 14)
    assert evaluation.pearson_correlation(0) == pytest.approx(14.5 / math.sqrt(14 * 16.5))
    assert [evaluation.relative_squared_error(1), evaluation.r_squared(1)] == [math.inf, -math.inf]
    assert math.isnan(evaluation.pearson_correlation(1))
    assert evaluation.stats() == (
        "Column       MSE            MAE            RMSE           RSE            PC             R^2            \n"
        "height       3.75000e-01    5.00000e-01    6.12372e-01    1.07143e-01    9.54030e-01    8.92857e-01    \n"
        "constant     5.00000e-01    5.00000e-01    7.07107e-01    Infinity       NaN            -Infinity      \n"
    )
    assert repr(evaluation) == "RegressionEvaluation(2 columns, 4 rows, mean_squared_error 0.4375)"


@pytest.mark.parametrize("offset", [1e6, 1e9, -1e12])
@pytest.mark.parametrize("pieces", [1, 7])
def test_an_offset_takes_no_digits_away(offset: float, pieces: int) -> None:
    rng = np.random.default_rng(3)
    y = offset + rng.normal(size=(350, 1)) * abs(offset) * 1e-6
    p = y + rng.normal(size=(350, 1)) * abs(offset) * 1e-7
    evaluation = RegressionEvaluation()
    for some in np.array_split(np.arange(350), pieces):
        evaluation.eval(y[some], p[some])
    a, b = ([Fraction(float(v)) for v in array[:, 0]] for array in (y, p))
    mean_a, mean_b = sum(a) / 350, sum(b) / 350
    spread_a, spread_b = sum((v - mean_a) ** 2 for v in a), sum((v - mean_b) ** 2 for v in b)
    errors, products = (
        sum((u - v) ** 2 for u, v in zip(a, b, strict=True)),
        sum((u - mean_a) * (v - mean_b) for u, v in zip(a, b, strict=True)),
    )
    assert evaluation.r_squared(0) == pytest.approx(float(1 - errors / spread_a), rel=1e-9)
    assert evaluation.pearson_correlation(0) == pytest.approx(float(products) / math.sqrt(spread_a) / math.sqrt(spread_b), rel=1e-9)
    assert evaluation.mean_squared_error(0) == pytest.approx(float(errors / 350), rel=1e-9)


def test_a_constant_column_is_constant_however_it_came() -> None:
    evaluation = RegressionEvaluation(1)
    for rows in (3, 1, 50):
        evaluation.eval(np.full((rows, 1), 0.1), np.full((rows, 1), 0.3))
    assert [evaluation.relative_squared_error(0), evaluation.r_squared(0)] == [math.inf, -math.inf]
    assert math.isnan(evaluation.pearson_correlation(0))
    perfect = evaluated(np.full((3, 1), 0.1), np.full((3, 1), 0.1))
    assert math.isnan(perfect.r_squared(0))


def test_a_spread_of_1e_5_is_none_for_the_relative_error() -> None:
    y = np.array([[0.0], [2e-3]])  # Σ(y - ȳ)² is 2e-6
    evaluation = evaluated(y, y + 1e-3)
    assert evaluation.relative_squared_error(0) == math.inf
    assert evaluation.r_squared(0) == pytest.approx(0.0, abs=1e-9)


def test_masks_of_steps_rows_and_single_outputs() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=(2, 5, 2, 4))
    mask = rng.integers(0, 2, (5, 4))
    single = rng.integers(0, 2, (5, 2, 4))
    for weights, given in ((np.broadcast_to(mask[:, None], y.shape), mask), (single, single)):
        hidden, wrong = np.where(weights == 1, y, np.nan), np.where(weights == 1, p, np.inf)
        evaluation = evaluated(hidden, wrong, given)
        for i in range(2):
            chosen = weights[:, i] == 1
            kept, guessed = y[:, i][chosen], p[:, i][chosen]
            assert evaluation.mean_absolute_error(i) == pytest.approx(np.abs(kept - guessed).mean())
            assert evaluation.pearson_correlation(i) == pytest.approx(np.corrcoef(kept, guessed)[0, 1])
    rows = evaluated(y[:, :, 0], p[:, :, 0], [0, 1, 1, 0, 0])
    assert rows.mean_squared_error(1) == pytest.approx(((y - p)[1:3, 1, 0] ** 2).mean())


def test_nothing_was_evaluated() -> None:
    for evaluation in (RegressionEvaluation(), RegressionEvaluation(2), evaluated(LABELS, PREDICTIONS, np.zeros(4))):
        assert str(evaluation) == "RegressionEvaluation: No Data"
        assert np.isnan(list(evaluation.metrics().values())).all()
    half = evaluated(LABELS, PREDICTIONS, np.broadcast_to([1, 0], LABELS.shape))
    assert half.mean_squared_error(0) == 1.5 / 4
    assert np.isnan([half.mean_squared_error(1), half.relative_squared_error(1), half.average_mean_squared_error()]).all()


@pytest.mark.parametrize("columns", [0, True, "height", [], 2.5])
def test_columns_are_checked(columns: Any) -> None:
    message = f"columns is {columns!r}; expected their number, at least 1, or a list of their names"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        RegressionEvaluation(columns)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"^predictions are not finite in 1 of 4 rows that count; evaluate finite numbers, or mask these rows$"
    ):
        evaluated(LABELS, np.where(PREDICTIONS == 6.5, np.inf, PREDICTIONS))
    with pytest.raises(InputError, match=r"^column 2 is not there; expected 0 to 1$"):
        evaluated(LABELS, PREDICTIONS).r_squared(2)
    message = "labels and predictions have shape [4, 2]; expected [N, 3] or [N, 3, T]"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        evaluated(LABELS, PREDICTIONS, columns=3)
