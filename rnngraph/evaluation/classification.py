"""Evaluation of a classifier: confusion matrix, accuracy, precision, recall and F1, with DL4J's rules and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from rnngraph.errors import InputError
from rnngraph.evaluation.base import BaseEvaluation, checked_count, read_counts
from rnngraph.evaluation.counts import Counts, divide
from rnngraph.evaluation.rows import Rows
from rnngraph.evaluation.text import classification_stats, confusion_table
from rnngraph.names import shown
from rnngraph.spelling import spelled

Averaging = Literal["macro", "micro"]
"""macro: the mean of the classes' values; micro: the value of the sum of their counts."""


class Evaluation(BaseEvaluation):
    """Counts how often each class was taken for which, over any number of calls of :meth:`eval`.

    ``n_classes`` is the number of output columns; one column is a probability of class 1 of two, decided at 0.5. ``labels`` names the
    classes. Labels that are evaluated are one-hot or probabilities: the class is the first of the largest values. With ``top_n`` above 1 a
    row also counts as right in :meth:`top_n_accuracy` where fewer than ``top_n`` classes have a larger probability than the right one.

    The numbers are those of DL4J's org.nd4j.evaluation.classification.Evaluation. A method takes a class ``i``, or ``averaging``, "macro"
    or "micro"; without both it gives with two classes the value of class 1 alone, with more the macro average. Precision, recall and F of a
    class that has 0/0 are left out of macro averages; a single value that is 0/0 is 0. Without data all are 0.

    Raises InputError for a number of classes below 1 and for another number of names.
    """

    _noun, _nouns = "class", "classes"

    @spelled
    def __init__(self, n_classes: int, labels: Sequence[str] | None = None, top_n: int = 1) -> None:
        columns = checked_count(n_classes, "n_classes", "the number of output columns, at least 1")
        self.top_n = checked_count(top_n, "top_n", "an integer of at least 1")
        self.n_classes = max(2, columns)
        super().__init__(columns, labels)

    @property
    def _count(self) -> int:
        return self.n_classes

    @property
    def confusion(self) -> np.ndarray:
        """A copy of the counts [actual class, predicted class], int64."""
        return self._confusion.copy()

    def num_examples(self) -> int:
        """The number of rows that were counted: examples, or steps of time series."""
        return int(self._confusion.sum())

    # Numbers

    def accuracy(self) -> float:
        """The share of rows that were predicted right."""
        return _ratio(np.trace(self._confusion), self.num_examples())

    def top_n_accuracy(self) -> float:
        """The share of rows whose class is among the ``top_n`` likeliest."""
        return self.accuracy() if self.top_n == 1 else _ratio(self._top_n_correct, self.num_examples())

    @spelled
    def precision(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """Of the rows predicted as the class, the share that is of it."""
        return self._metric(Counts.precision, i, averaging)

    @spelled
    def recall(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """Of the rows of the class, the share predicted as it."""
        return self._metric(Counts.recall, i, averaging)

    @spelled
    def f1(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """The harmonic mean of precision and recall; :meth:`f_beta` with β = 1."""
        return self.f_beta(1.0, i, averaging)

    @spelled
    def f_beta(self, beta: float, i: int | None = None, averaging: Averaging | None = None) -> float:
        """(1 + β²) p r / (β² p + r) of precision p and recall r. With two classes averages are of class 1 alone, as DL4J's."""
        if averaging is not None and self.n_classes == 2:
            self._check_choice(i, averaging)
            return self._metric(lambda counts: counts.f_beta(beta), 1, None, undefined="nan")
        return self._metric(lambda counts: _f_beta(counts, beta), i, averaging)

    @spelled
    def matthews_correlation(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """The correlation of labels and predictions of one class against all others; macro, where neither is given.

        NaN for a class that is never predicted or never present, and for the macro average where there is one.
        """
        return self._metric(Counts.matthews_correlation, i, averaging or ("macro" if i is None else None), undefined="nan")

    @spelled
    def g_measure(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """√(precision · recall); macro, where neither is given."""
        return self._metric(Counts.g_measure, i, averaging or ("macro" if i is None else None), undefined="zero")

    @spelled
    def false_positive_rate(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """Of the rows of other classes, the share predicted as the class."""
        return self._metric(Counts.false_positive_rate, i, averaging, undefined="zero")

    @spelled
    def false_negative_rate(self, i: int | None = None, averaging: Averaging | None = None) -> float:
        """Of the rows of the class, the share predicted as another. The micro average is DL4J's, fn / (fn + tn) of the sums."""
        if averaging == "micro":
            return self._metric(lambda counts: divide(counts.fn, counts.fn + counts.tn), i, averaging, undefined="zero")
        return self._metric(Counts.false_negative_rate, i, averaging, undefined="zero")

    def false_alarm_rate(self) -> float:
        """The mean of false positive and false negative rate."""
        return (self.false_positive_rate() + self.false_negative_rate()) / 2

    def true_positives(self) -> np.ndarray:
        """By class, how many of its rows were predicted as it, [n_classes] int64."""
        return self._counts().tp.copy()

    def false_positives(self) -> np.ndarray:
        """By class, how many rows of others were predicted as it, [n_classes] int64."""
        return self._counts().fp

    def false_negatives(self) -> np.ndarray:
        """By class, how many of its rows were predicted as others, [n_classes] int64."""
        return self._counts().fn

    def true_negatives(self) -> np.ndarray:
        """By class, how many rows of others were predicted as others, [n_classes] int64."""
        return self._counts().tn

    def metrics(self) -> dict[str, float]:
        """Accuracy, with ``top_n`` the top-N accuracy, precision, recall, F1 and the Matthews correlation; NaN where not defined."""
        top = {"top_n_accuracy": self.top_n_accuracy()} if self.top_n > 1 else {}
        rest = {"precision": self.precision(), "recall": self.recall(), "f1": self.f1()}
        return {"accuracy": self.accuracy(), **top, **rest, "matthews_correlation": self.matthews_correlation()}

    def stats(self) -> str:
        """The metrics and the confusion matrix as text, byte for byte DL4J's; above 20 classes without the matrix."""
        overall = [self.accuracy(), self.precision(), self.recall(), self.f1()]
        top = (self.top_n, self.top_n_accuracy()) if self.top_n > 1 else None
        counts = self._counts()
        return classification_stats(self._confusion, self.labels, overall, [counts.precision(), counts.recall(), _f_beta(counts, 1.0)], top)

    def confusion_to_string(self) -> str:
        """The confusion matrix as a table with the names of the classes, as DL4J writes it."""
        return confusion_table(self._confusion, self.labels)

    # Counting

    def _check(self, rows: Rows) -> None:
        rows.check_numbers(finite=False)

    def _add(self, rows: Rows) -> None:
        actual, predicted = rows.labels, rows.predictions
        if self._width == 1:
            actual, predicted = _two_columns(actual), _two_columns(predicted)
        right, taken = actual.argmax(axis=1), predicted.argmax(axis=1)
        cells = np.bincount(right * self.n_classes + taken, minlength=self.n_classes**2)
        self._confusion += cells.reshape(self.n_classes, self.n_classes)
        larger = predicted > np.take_along_axis(predicted, right[:, None], axis=1)
        self._top_n_correct += int((larger.sum(axis=1) < self.top_n).sum())

    def _merge(self, other: Evaluation) -> None:
        self._confusion += other._confusion
        self._top_n_correct += other._top_n_correct

    def _clear(self) -> None:
        self._confusion = np.zeros((self.n_classes, self.n_classes), np.int64)
        self._top_n_correct = 0

    def _settings(self) -> dict[str, Any]:
        return {"n_classes": self._width, "labels": list(self.labels), "top_n": self.top_n}

    def _state(self) -> dict[str, Any]:
        return {"confusion": self._confusion.tolist(), "top_n_correct": self._top_n_correct}

    def _restore(self, held: Mapping[str, Any]) -> None:
        self._confusion = read_counts(held, "confusion", self._confusion.shape)
        self._top_n_correct = int(read_counts(held, "top_n_correct", ()))

    # Averages

    def _counts(self) -> Counts:
        return Counts.of_confusion(self._confusion)

    def _metric(
        self,
        of: Callable[[Counts], np.ndarray],
        i: int | None,
        averaging: Averaging | None,
        undefined: Literal["left out", "zero", "nan"] = "left out",
    ) -> float:
        """What ``of`` gives of class ``i``, or the average; ``undefined`` is what a macro average makes of a class that has NaN.

        A value that is no macro average is 0 where it is NaN, except with "nan".
        """
        self._check_choice(i, averaging)
        if not self._confusion.any():
            return 0.0
        by_class = of(self._counts().summed() if averaging == "micro" else self._counts())
        if undefined == "zero":
            by_class = np.nan_to_num(by_class)
        if averaging == "macro" or (i is None and averaging is None and self.n_classes > 2):
            defined = by_class[~np.isnan(by_class)] if undefined == "left out" else by_class
            return float(defined.mean()) if defined.size else float("nan")
        value = float(by_class[0 if averaging == "micro" else 1 if i is None else i])
        return value if undefined == "nan" or not np.isnan(value) else 0.0

    def _check_choice(self, i: int | None, averaging: str | None) -> None:
        """InputError for a class that is not there, an average that does not exist, and both at once."""
        if i is not None:
            self._index(i)
        if averaging is not None and (i is not None or averaging not in ("macro", "micro")):
            both = f" beside class {i}; give one of them" if i is not None else '; expected "macro" or "micro"'
            raise InputError(f"averaging is {shown(averaging)}{both}")


def _f_beta(counts: Counts, beta: float) -> np.ndarray:
    """By class; NaN where precision or recall is 0/0, although one of them may be 0."""
    return np.where(np.isnan(counts.precision() + counts.recall()), np.nan, counts.f_beta(beta))


def _two_columns(array: np.ndarray) -> np.ndarray:
    """One column p as (not above 0.5, above 0.5)."""
    above = array[:, 0] > 0.5
    return np.stack([~above, above], axis=1)


def _ratio(count: int, total: int) -> float:
    """``count / total``, 0 where there is no total."""
    return float(count / total) if total else 0.0
