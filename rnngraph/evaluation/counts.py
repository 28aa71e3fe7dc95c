"""What follows from counts of true and false positives and negatives. Sources: DL4J's EvaluationUtils; the usual definitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """True positives, false positives, false negatives and true negatives of C classes or outputs, each [C]; all results are [C].

    What is 0/0 is NaN.
    """

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray

    @classmethod
    def of_confusion(cls, confusion: np.ndarray) -> Counts:
        """Each class against all others, from counts [actual, predicted]."""
        tp = np.diag(confusion)
        fp, fn = confusion.sum(axis=0) - tp, confusion.sum(axis=1) - tp
        return cls(tp, fp, fn, confusion.sum() - tp - fp - fn)

    def summed(self) -> Counts:
        """The counts of all together, each [1]: what micro averages are made of."""
        return Counts(*(np.array([counts.sum()]) for counts in (self.tp, self.fp, self.fn, self.tn)))

    @property
    def total(self) -> np.ndarray:
        """How many values were counted."""
        return np.asarray(self.tp + self.fp + self.fn + self.tn)

    def accuracy(self) -> np.ndarray:
        """(tp + tn) / total."""
        return divide(self.tp + self.tn, self.total)

    def precision(self) -> np.ndarray:
        """tp / (tp + fp)."""
        return divide(self.tp, self.tp + self.fp)

    def recall(self) -> np.ndarray:
        """tp / (tp + fn)."""
        return divide(self.tp, self.tp + self.fn)

    def f_beta(self, beta: float) -> np.ndarray:
        """(1 + β²) p r / (β² p + r), and 0 where precision p or recall r is 0."""
        p, r = self.precision(), self.recall()
        return np.where((p == 0) | (r == 0), 0.0, divide((1 + beta * beta) * p * r, beta * beta * p + r))

    def g_measure(self) -> np.ndarray:
        """√(precision · recall)."""
        return np.asarray(np.sqrt(self.precision() * self.recall()))

    def false_positive_rate(self) -> np.ndarray:
        """fp / (fp + tn)."""
        return divide(self.fp, self.fp + self.tn)

    def false_negative_rate(self) -> np.ndarray:
        """fn / (fn + tp)."""
        return divide(self.fn, self.fn + self.tp)

    def matthews_correlation(self) -> np.ndarray:
        """(tp tn - fp fn) / √((tp + fp)(tp + fn)(tn + fp)(tn + fn))."""
        tp, fp, fn, tn = (counts.astype(np.float64) for counts in (self.tp, self.fp, self.fn, self.tn))
        return divide(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient in float64, NaN where 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator / denominator, np.float64)
