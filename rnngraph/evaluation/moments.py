"""Sums over pairs of labels and predictions, column by column, in float64 and without cancellation.

Each call's own sums are taken around its means, then joined with those before as Chan, Golub and LeVeque (1983) join moments; products are
joined as squares are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from rnngraph.evaluation.rows import Rows


@dataclass(frozen=True)
class PairMoments:
    """What is kept of each of C columns, each [C]: of labels y and predictions p, with means ȳ and p̄."""

    count: np.ndarray
    label_mean: np.ndarray
    prediction_mean: np.ndarray
    label_squares: np.ndarray
    """Σ(y - ȳ)²."""
    prediction_squares: np.ndarray
    """Σ(p - p̄)²."""
    products: np.ndarray
    """Σ(y - ȳ)(p - p̄)."""
    squared_errors: np.ndarray
    """Σ(p - y)²."""
    absolute_errors: np.ndarray
    """Σ|p - y|."""

    @classmethod
    def none(cls, columns: int) -> PairMoments:
        """Those of no rows."""
        return cls(np.zeros(columns, np.int64), *(np.zeros(columns) for _ in fields(cls)[1:]))

    @classmethod
    def of(cls, rows: Rows) -> PairMoments:
        """Those of ``rows``."""
        if not len(rows):
            return cls.none(rows.labels.shape[1])
        kept = rows.counting()
        y, p = (np.where(kept, array, 0).astype(np.float64) for array in (rows.labels, rows.predictions))
        count = kept.sum(axis=0)
        label_mean, dy = _centred(y, kept, count)
        prediction_mean, dp = _centred(p, kept, count)
        errors = p - y
        sums = [terms.sum(axis=0) for terms in (dy * dy, dp * dp, dy * dp, errors * errors, np.abs(errors))]
        return cls(count, label_mean, prediction_mean, *sums)

    def joined(self, other: PairMoments) -> PairMoments:
        """Those of the rows of both."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        apart = self.count * share
        dy, dp = other.label_mean - self.label_mean, other.prediction_mean - self.prediction_mean
        return PairMoments(
            count,
            self.label_mean + dy * share,
            self.prediction_mean + dp * share,
            self.label_squares + other.label_squares + dy * dy * apart,
            self.prediction_squares + other.prediction_squares + dp * dp * apart,
            self.products + other.products + dy * dp * apart,
            self.squared_errors + other.squared_errors,
            self.absolute_errors + other.absolute_errors,
        )


def _centred(values: np.ndarray, kept: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of columns, and what values are apart from them. Measured from a column's first value, so that a constant column has 0."""
    first = values[kept.argmax(axis=0), np.arange(values.shape[1])]
    apart = np.where(kept, values - first, 0.0)
    mean = apart.sum(axis=0) / np.maximum(count, 1)
    return first + mean, np.where(kept, apart - mean, 0.0)
