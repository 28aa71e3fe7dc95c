"""RegressionEvaluation: how far predicted numbers are from the right ones, column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from rnngraph.checks import is_count
from rnngraph.errors import InputError
from rnngraph.evaluation.base import BaseEvaluation, read_counts
from rnngraph.evaluation.counts import divide
from rnngraph.evaluation.moments import PairMoments
from rnngraph.evaluation.rows import Rows
from rnngraph.evaluation.text import regression_table
from rnngraph.names import shown
from rnngraph.spelling import spelled

LEAST_SPREAD = 1e-5
"""The relative squared error is infinite where Σ(y - ȳ)² is not above it, as DL4J's."""


class RegressionEvaluation(BaseEvaluation):
    """Measures of each column's error, gathered over any number of calls of :meth:`eval`.

    ``columns`` is their number, a list of their names, or None: the first rows tell it. A mask may be one of rows or steps, or of single
    outputs. With labels y and predictions p the numbers are those of DL4J's org.nd4j.evaluation.regression.RegressionEvaluation, NaN of a
    column without rows; averages are means over the columns. Sums are in float64 and around means, so that no offset of the labels takes
    away their digits.

    Raises InputError for a number of columns below 1, and for anything but a number and names.
    """

    _masks_outputs = True
    _prefix = "col_"
    _moments: PairMoments

    @spelled
    def __init__(self, columns: int | Sequence[str] | None = None) -> None:
        width, names = None, None
        if is_count(columns):
            width = int(columns)  # type: ignore[arg-type]
        elif isinstance(columns, (list, tuple)) and columns:
            names = columns
        elif columns is not None:
            raise InputError(f"columns is {shown(columns)}; expected their number, at least 1, or a list of their names")
        super().__init__(width, names)

    def num_examples(self) -> int:
        """The largest number of values that were counted of a column: that of the rows, unless all have single outputs masked."""
        return int(self._moments.count.max(initial=0))

    # Numbers by column

    def mean_squared_error(self, column: int) -> float:
        """Σ(p - y)² / N."""
        return self._of(_mse, column)

    def mean_absolute_error(self, column: int) -> float:
        """Σ|p - y| / N."""
        return self._of(_mae, column)

    def root_mean_squared_error(self, column: int) -> float:
        """√(Σ(p - y)² / N)."""
        return self._of(_rmse, column)

    def relative_squared_error(self, column: int) -> float:
        """Σ(p - y)² / Σ(y - ȳ)²; infinite where Σ(y - ȳ)² is at most 1e-5, as DL4J's."""
        return self._of(_rse, column)

    def pearson_correlation(self, column: int) -> float:
        """Σ(y - ȳ)(p - p̄) / √(Σ(y - ȳ)² Σ(p - p̄)²); NaN where one of them is constant."""
        return self._of(_pc, column)

    def r_squared(self, column: int) -> float:
        """1 - Σ(p - y)² / Σ(y - ȳ)²: 1 at best, 0 for predictions as good as ȳ, -inf or NaN where the labels are constant."""
        return self._of(_r2, column)

    # Means over the columns

    def average_mean_squared_error(self) -> float:
        """The mean of the columns' mean squared errors."""
        return self._average(_mse)

    def average_mean_absolute_error(self) -> float:
        """The mean of the columns' mean absolute errors."""
        return self._average(_mae)

    def average_root_mean_squared_error(self) -> float:
        """The mean of the columns' root mean squared errors."""
        return self._average(_rmse)

    def average_relative_squared_error(self) -> float:
        """The mean of the columns' relative squared errors."""
        return self._average(_rse)

    def average_pearson_correlation(self) -> float:
        """The mean of the columns' correlations."""
        return self._average(_pc)

    def average_r_squared(self) -> float:
        """The mean of the columns' R²."""
        return self._average(_r2)

    def metrics(self) -> dict[str, float]:
        """The means over the columns of all measures, by the names of their methods."""
        return {
            "mean_squared_error": self._average(_mse),
            "mean_absolute_error": self._average(_mae),
            "root_mean_squared_error": self._average(_rmse),
            "relative_squared_error": self._average(_rse),
            "pearson_correlation": self._average(_pc),
            "r_squared": self._average(_r2),
        }

    def stats(self) -> str:
        """A table with a line for each column, in DL4J's form; float32 that DL4J sums in float32 may differ in its last digit."""
        if not self.num_examples():
            return "RegressionEvaluation: No Data"
        return regression_table(self.labels, np.stack([of(self._moments) for of in (_mse, _mae, _rmse, _rse, _pc, _r2)], axis=1))

    # Counting

    def _of(self, measure: Callable[[PairMoments], np.ndarray], column: int) -> float:
        return float(measure(self._moments)[self._index(column)])

    def _average(self, measure: Callable[[PairMoments], np.ndarray]) -> float:
        return float(measure(self._moments).mean()) if self._width else float("nan")

    def _check(self, rows: Rows) -> None:
        rows.check_numbers(finite=True)

    def _add(self, rows: Rows) -> None:
        self._moments = self._moments.joined(PairMoments.of(rows))

    def _merge(self, other: RegressionEvaluation) -> None:
        if other._width is not None:
            self._moments = self._moments.joined(other._moments)

    def _clear(self) -> None:
        self._moments = PairMoments.none(self._width or 0)

    def _settings(self) -> dict[str, Any]:
        return {"columns": self._width if self._names is None else list(self._names)}

    def _state(self) -> dict[str, Any]:
        return {name: array.tolist() for name, array in asdict(self._moments).items()}

    def _restore(self, held: Mapping[str, Any]) -> None:
        shape = (self._width or 0,)
        sums = {field.name: np.array(held[field.name]) for field in fields(PairMoments)[1:]}
        for name, array in sums.items():
            if array.shape != shape or array.dtype.kind not in "iuf":
                raise InputError(f"{name} is {shown(held[name])}; expected {list(shape)} numbers")
        floats = {name: array.astype(np.float64) for name, array in sums.items()}
        self._moments = PairMoments(read_counts(held, "count", shape), **floats)


def _mse(m: PairMoments) -> np.ndarray:
    return divide(m.squared_errors, m.count)


def _mae(m: PairMoments) -> np.ndarray:
    return divide(m.absolute_errors, m.count)


def _rmse(m: PairMoments) -> np.ndarray:
    return np.asarray(np.sqrt(_mse(m)))


def _rse(m: PairMoments) -> np.ndarray:
    spread = np.where(m.label_squares > LEAST_SPREAD, m.label_squares, 0.0)
    return np.where(m.count == 0, np.nan, np.where(spread == 0, np.inf, divide(m.squared_errors, spread)))


def _pc(m: PairMoments) -> np.ndarray:
    return divide(m.products, np.sqrt(m.label_squares) * np.sqrt(m.prediction_squares))


def _r2(m: PairMoments) -> np.ndarray:
    return divide(m.label_squares - m.squared_errors, m.label_squares)
