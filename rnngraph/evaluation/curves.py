"""The two curves of a yes-or-no classifier over all thresholds, with DL4J's points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnngraph.spelling import Spelled


@dataclass(frozen=True, eq=False)
class RocCurve(Spelled):
    """The receiver operating characteristic: at each ``threshold`` [K] the false positive rate ``fpr`` and true positive rate ``tpr``."""

    threshold: np.ndarray
    fpr: np.ndarray
    tpr: np.ndarray

    def calculate_auc(self) -> float:
        """The area under it, by trapezoids; NaN where a rate is 0/0."""
        return _area(self.fpr, self.tpr)


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve(Spelled):
    """At each ``threshold`` [K], from the lowest, ``precision`` and ``recall``."""

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    def calculate_auprc(self) -> float:
        """The area under precision over recall, by trapezoids; NaN where a recall is 0/0."""
        return _area(self.recall, self.precision)


def without_redundant_points(threshold: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points of a curve without those whose neighbours have both the same x, or both the same y: the area stays."""

    def between(values: np.ndarray) -> np.ndarray:
        return np.asarray((values[:-2] == values[1:-1]) & (values[1:-1] == values[2:]))

    keep = np.ones(len(threshold), bool)
    keep[1:-1] = ~between(x) & ~between(y)
    return threshold[keep], x[keep], y[keep]


def _area(x: np.ndarray, y: np.ndarray) -> float:
    """The area, summed point by point in the curve's order as DL4J sums it, so that the last bits are its too."""
    if len(x) < 2:
        return float("nan")
    return float(np.cumsum(np.abs(np.diff(x)) * ((y[1:] + y[:-1]) / 2))[-1])
