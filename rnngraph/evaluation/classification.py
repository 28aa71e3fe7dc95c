"""Evaluation of a classifier: confusion matrix, accuracy, precision, recall and F1, with DL4J's rules and text."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_mask, as_numeric, is_count
from rnngraph.errors import InputError
from rnngraph.evaluation.text import stats
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled


class Evaluation(Spelled):
    """Counts how often each class was taken for which, over any number of calls of :meth:`eval`.

    ``n_classes`` is the number of output columns; one column is a probability of class 1 of two, decided at 0.5. ``labels`` names the
    classes. With ``top_n`` above 1 a row also counts as right in :meth:`top_n_accuracy` where fewer than ``top_n`` classes have a larger
    probability than the right one.

    The numbers are those of DL4J's org.nd4j.evaluation.classification.Evaluation: with two classes precision, recall and F1 are of class 1
    alone; with more they are means over the classes, from which those are left out whose value would be 0/0. Without data all are 0.

    Raises InputError for a number of classes below 1 and for another number of names.
    """

    @spelled
    def __init__(self, n_classes: int, labels: Sequence[str] | None = None, top_n: int = 1) -> None:
        if not is_count(n_classes):
            raise InputError(f"n_classes is {shown(n_classes)}; expected the number of output columns, at least 1")
        if not is_count(top_n):
            raise InputError(f"top_n is {shown(top_n)}; expected an integer of at least 1")
        self.n_classes = max(2, int(n_classes))
        self.top_n = int(top_n)
        names = [str(i) for i in range(self.n_classes)] if labels is None else [str(name) for name in labels]
        if len(names) != self.n_classes:
            raise InputError(f"labels has {len(names)} names ({', '.join(names)}); expected one for each of {self.n_classes} classes")
        self.labels = tuple(names)
        self._columns = int(n_classes)
        self._confusion = np.zeros((self.n_classes, self.n_classes), np.int64)
        self._top_n_correct = 0

    def __repr__(self) -> str:
        return f"Evaluation({self.n_classes} classes, {self.num_examples()} rows, accuracy {self.accuracy():.4f})"

    def __str__(self) -> str:
        return self.stats()

    @property
    def confusion(self) -> np.ndarray:
        """A copy of the counts [actual class, predicted class], int64."""
        return self._confusion.copy()

    def num_examples(self) -> int:
        """The number of rows that were counted: examples, or steps of time series."""
        return int(self._confusion.sum())

    def eval(self, labels: ArrayLike, predictions: ArrayLike, mask: ArrayLike | None = None) -> None:
        """Count the rows of ``labels`` and ``predictions``, both [N, C] or [N, C, T], whose ``mask`` ([N] or [N, 1], [N, T]) is exactly 1.

        Labels are one-hot or probabilities: the class is the first of the largest values. Raises InputError, and counts nothing, for shapes
        that differ from each other or from n_classes, for a mask that does not fit, and for NaN in a row that counts.
        """
        actual, predicted = as_numeric(labels, "labels"), as_numeric(predictions, "predictions")
        self._check_shapes(actual, predicted)
        kept: slice | np.ndarray = slice(None)
        if mask is not None:
            steps = 1 if actual.ndim == 2 else actual.shape[2]
            kept = as_mask(as_numeric(mask, "mask") == 1, len(actual), steps, "mask", "bool").ravel()
        actual, predicted = _rows(actual)[kept], _rows(predicted)[kept]
        for name, array in (("labels", actual), ("predictions", predicted)):
            if np.isnan(array).any():
                count = int(np.isnan(array).any(axis=1).sum())
                raise InputError(f"{name} are NaN in {count} of {len(array)} rows that count; evaluate finite numbers, or mask these rows")
        if self._columns == 1:
            actual, predicted = _two_columns(actual), _two_columns(predicted)
        right, taken = actual.argmax(axis=1), predicted.argmax(axis=1)
        cells = np.bincount(right * self.n_classes + taken, minlength=self.n_classes**2)
        self._confusion += cells.reshape(self.n_classes, self.n_classes)
        larger = predicted > np.take_along_axis(predicted, right[:, None], axis=1)
        self._top_n_correct += int((larger.sum(axis=1) < self.top_n).sum())

    def eval_time_series(self, labels: ArrayLike, predictions: ArrayLike, mask: ArrayLike | None = None) -> None:
        """The same as :meth:`eval`, under DL4J's older name."""
        self.eval(labels, predictions, mask)

    def merge(self, other: Evaluation) -> None:
        """Add what another evaluation counted. Raises InputError where its classes, their names or its top_n differ."""
        for field in ("n_classes", "_columns", "labels", "top_n"):
            mine, theirs = getattr(self, field), getattr(other, field)
            if mine != theirs:
                raise InputError(
                    f"merge: {field.strip('_')} is {theirs} there and {mine} here; only evaluations of the same classes add up"
                )
        self._confusion += other._confusion
        self._top_n_correct += other._top_n_correct

    def accuracy(self) -> float:
        """The share of rows that were predicted right."""
        return _ratio(np.trace(self._confusion), self._confusion.sum(), 0.0)

    def top_n_accuracy(self) -> float:
        """The share of rows whose class is among the ``top_n`` likeliest."""
        return _ratio(self._top_n_correct, self.num_examples(), 0.0)

    def precision(self, i: int | None = None) -> float:
        """Of the rows predicted as class ``i``, the share that is of it; 0 where there is none. None: the overall value (see the class)."""
        return self._metric(self._precisions(), i)

    def recall(self, i: int | None = None) -> float:
        """Of the rows of class ``i``, the share predicted as it; 0 where there is none. None: the overall value (see the class)."""
        return self._metric(self._recalls(), i)

    def f1(self, i: int | None = None) -> float:
        """The harmonic mean of precision and recall of class ``i``. None: the overall value, a mean of the classes' F1."""
        return self._metric(self._f1s(), i)

    def stats(self) -> str:
        """The metrics and the confusion matrix as text, byte for byte DL4J's; above 20 classes without the matrix."""
        overall = [self.accuracy(), self.precision(), self.recall(), self.f1()]
        top = (self.top_n, self.top_n_accuracy()) if self.top_n > 1 else None
        return stats(self._confusion, self.labels, overall, [self._precisions(), self._recalls(), self._f1s()], top)

    def to_json(self) -> str:
        """What :meth:`from_json` reads."""
        held = {"n_classes": self._columns, "labels": self.labels, "top_n": self.top_n, "confusion": self._confusion.tolist()}
        return json.dumps({**held, "top_n_correct": self._top_n_correct})

    @classmethod
    def from_json(cls, text: str) -> Evaluation:
        """The evaluation that :meth:`to_json` wrote. Raises InputError for anything else."""
        try:
            held = json.loads(text)
            made = cls(held["n_classes"], held["labels"], held["top_n"])
            confusion = np.array(held["confusion"])
            made._top_n_correct = int(held["top_n_correct"])
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise InputError(f"from_json: {shown(text)} is not what to_json writes ({type(error).__name__}: {error})") from error
        if confusion.shape != made._confusion.shape or confusion.dtype.kind != "i" or (confusion < 0).any():
            raise InputError(f"from_json: confusion is {held['confusion']}; expected {list(made._confusion.shape)} counts")
        made._confusion = confusion.astype(np.int64)
        return made

    def _precisions(self) -> np.ndarray:
        """By class, NaN where 0/0."""
        return _divide(np.diag(self._confusion), self._confusion.sum(axis=0))

    def _recalls(self) -> np.ndarray:
        """By class, NaN where 0/0."""
        return _divide(np.diag(self._confusion), self._confusion.sum(axis=1))

    def _f1s(self) -> np.ndarray:
        """By class: 0 where precision or recall is 0, NaN where one of them is."""
        p, r = self._precisions(), self._recalls()
        both = p + r
        return np.where(both == 0, 0.0, _divide(2 * p * r, both))

    def _metric(self, by_class: np.ndarray, i: int | None) -> float:
        """One class's value, or the overall one."""
        if i is not None and not (is_count(i, 0) and i < self.n_classes):
            raise InputError(f"class {shown(i)} is not there; expected 0 to {self.n_classes - 1}")
        if not self._confusion.any():
            return 0.0
        if i is None and self.n_classes > 2:
            defined = by_class[~np.isnan(by_class)]
            return float(defined.mean()) if defined.size else float("nan")
        return float(np.nan_to_num(by_class[1 if i is None else i]))

    def _check_shapes(self, actual: np.ndarray, predicted: np.ndarray) -> None:
        """Both [N, C] or both [N, C, T]."""
        if actual.shape != predicted.shape:
            raise InputError(f"labels have shape {list(actual.shape)} and predictions {list(predicted.shape)}; expected the same for both")
        if actual.ndim not in (2, 3) or actual.shape[1] != self._columns:
            raise InputError(
                f"labels and predictions have shape {list(actual.shape)}; expected [N, {self._columns}] or [N, {self._columns}, T], "
                f"one column a class (n_classes is {self._columns})"
            )


def _rows(array: np.ndarray) -> np.ndarray:
    """[N, C] as it is, [N, C, T] as [N·T, C] in the order of a mask [N, T]."""
    return array if array.ndim == 2 else array.transpose(0, 2, 1).reshape(-1, array.shape[1])


def _two_columns(array: np.ndarray) -> np.ndarray:
    """One column p as (not above 0.5, above 0.5)."""
    above = array[:, 0] > 0.5
    return np.stack([~above, above], axis=1)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient, NaN where 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator / denominator, np.float64)


def _ratio(count: int, total: int, nothing: float) -> float:
    """``count / total``, or ``nothing`` where there is no total."""
    return float(count / total) if total else nothing
