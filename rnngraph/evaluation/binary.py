"""EvaluationBinary: outputs that are each yes or no, by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric
from rnngraph.errors import InputError
from rnngraph.evaluation.base import BaseEvaluation, checked_count, read_counts
from rnngraph.evaluation.counts import Counts
from rnngraph.evaluation.rows import Rows
from rnngraph.evaluation.text import binary_table
from rnngraph.names import shown
from rnngraph.spelling import spelled

_FIELDS = ("tp", "fp", "fn", "tn")


class EvaluationBinary(BaseEvaluation):
    """Counts for each output how often yes and no were right, over any number of calls of :meth:`eval`.

    Labels are 0 or 1; an output says yes where it is above its threshold, of ``thresholds`` one for all or one for each, 0 to 1.
    ``n_outputs`` None: the first rows tell it. A mask may be one of rows or steps, or of single outputs. The numbers, by output, are those
    of DL4J's org.nd4j.evaluation.classification.EvaluationBinary: NaN where 0/0, but for the rates, which are 0 then.

    Raises InputError for a number of outputs below 1, another number of thresholds or names, and a threshold that is no probability.
    """

    _noun, _nouns = "output", "outputs"
    _masks_outputs = True
    _counts: Counts

    @spelled
    def __init__(
        self, n_outputs: int | None = None, thresholds: float | Sequence[float] | np.ndarray = 0.5, labels: Sequence[str] | None = None
    ) -> None:
        columns = None if n_outputs is None else checked_count(n_outputs, "n_outputs", "the number of outputs, at least 1")
        self._thresholds = _as_thresholds(thresholds)
        if self._thresholds.ndim == 1:
            columns = len(self._thresholds) if columns is None else columns
        super().__init__(columns, labels)
        if self._thresholds.ndim == 1 and len(self._thresholds) != self._width:
            raise InputError(f"thresholds has {len(self._thresholds)} values; expected one for each of {self._width} outputs")

    @property
    def thresholds(self) -> tuple[float, ...]:
        """By output, above what it says yes."""
        return tuple(np.broadcast_to(self._thresholds, self._width or 0).tolist())

    def num_examples(self) -> int:
        """The largest number of values that were counted of an output: that of the rows, unless all have single outputs masked."""
        return int(self._counts.total.max(initial=0))

    # Numbers by output

    def total_count(self, i: int) -> int:
        """How many values of output ``i`` were counted."""
        return int(self._of(lambda counts: counts.total, i))

    def true_positives(self, i: int) -> int:
        """How often output ``i`` said yes and was right."""
        return int(self._of(lambda counts: counts.tp, i))

    def false_positives(self, i: int) -> int:
        """How often output ``i`` said yes and was wrong."""
        return int(self._of(lambda counts: counts.fp, i))

    def false_negatives(self, i: int) -> int:
        """How often output ``i`` said no and was wrong."""
        return int(self._of(lambda counts: counts.fn, i))

    def true_negatives(self, i: int) -> int:
        """How often output ``i`` said no and was right."""
        return int(self._of(lambda counts: counts.tn, i))

    def accuracy(self, i: int) -> float:
        """The share that output ``i`` got right."""
        return self._of(Counts.accuracy, i)

    def precision(self, i: int) -> float:
        """Of what output ``i`` said yes to, the share that is."""
        return self._of(Counts.precision, i)

    def recall(self, i: int) -> float:
        """Of what is, the share that output ``i`` said yes to."""
        return self._of(Counts.recall, i)

    def f1(self, i: int) -> float:
        """The harmonic mean of precision and recall; 0 where one of them is 0."""
        return self.f_beta(1.0, i)

    def f_beta(self, beta: float, i: int) -> float:
        """(1 + β²) p r / (β² p + r) of precision p and recall r; 0 where one of them is 0."""
        return self._of(lambda counts: counts.f_beta(beta), i)

    def matthews_correlation(self, i: int) -> float:
        """The correlation of labels and answers of output ``i``."""
        return self._of(Counts.matthews_correlation, i)

    def g_measure(self, i: int) -> float:
        """√(precision · recall)."""
        return self._of(Counts.g_measure, i)

    def false_positive_rate(self, i: int) -> float:
        """Of what is not, the share that output ``i`` said yes to."""
        return float(np.nan_to_num(self._of(Counts.false_positive_rate, i)))

    def false_negative_rate(self, i: int) -> float:
        """Of what is, the share that output ``i`` said no to."""
        return float(np.nan_to_num(self._of(Counts.false_negative_rate, i)))

    # Means over the outputs, NaN where one of them is

    def average_accuracy(self) -> float:
        """The mean of the outputs' accuracies."""
        return _mean(self._counts.accuracy())

    def average_precision(self) -> float:
        """The mean of the outputs' precisions."""
        return _mean(self._counts.precision())

    def average_recall(self) -> float:
        """The mean of the outputs' recalls."""
        return _mean(self._counts.recall())

    def average_f1(self) -> float:
        """The mean of the outputs' F1."""
        return _mean(self._counts.f_beta(1.0))

    def metrics(self) -> dict[str, float]:
        """The means of accuracy, precision, recall and F1 over the outputs; NaN where one of them is."""
        averages = self.average_accuracy(), self.average_precision(), self.average_recall(), self.average_f1()
        return dict(zip(("accuracy", "precision", "recall", "f1"), averages, strict=True))

    def stats(self) -> str:
        """A table with a line for each output, byte for byte DL4J's."""
        c = self._counts
        numbers = np.stack([c.accuracy(), c.f_beta(1.0), c.precision(), c.recall()], axis=1)
        table = binary_table(self.labels, numbers, np.stack([c.tp, c.tn, c.fp, c.fn], axis=1))
        if not self.num_examples() or (self._thresholds == 0.5).all():
            return table
        return f"{table}\nPer-output decision thresholds: [{', '.join(str(np.float32(t)) for t in self.thresholds)}]"

    # Counting

    def _of(self, what: Callable[[Counts], np.ndarray], i: int) -> float:
        return float(what(self._counts)[self._index(i)])

    def _check(self, rows: Rows) -> None:
        rows.check_numbers(finite=False)
        rows.check_binary()

    def _add(self, rows: Rows) -> None:
        exact = rows.predictions.dtype if rows.predictions.dtype.kind == "f" else np.float64
        yes = rows.predictions > self._thresholds.astype(exact)  # in the precision of the predictions, as DL4J
        true, counts = rows.labels == 1, rows.counting()
        cells = [yes & true, yes & ~true, ~yes & true, ~yes & ~true]
        self._join(Counts(*((cell & counts).sum(axis=0) for cell in cells)))

    def _merge(self, other: EvaluationBinary) -> None:
        if other._width is not None:
            self._join(other._counts)

    def _join(self, more: Counts) -> None:
        self._counts = Counts(*(getattr(self._counts, name) + getattr(more, name) for name in _FIELDS))

    def _clear(self) -> None:
        self._counts = Counts(*(np.zeros(self._width or 0, np.int64) for _ in _FIELDS))

    def _settings(self) -> dict[str, Any]:
        names = None if self._names is None else list(self._names)
        return {"n_outputs": self._width, "thresholds": self._thresholds.tolist(), "labels": names}

    def _state(self) -> dict[str, Any]:
        return {name: getattr(self._counts, name).tolist() for name in _FIELDS}

    def _restore(self, held: Mapping[str, Any]) -> None:
        self._counts = Counts(*(read_counts(held, name, [self._width or 0]) for name in _FIELDS))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _as_thresholds(thresholds: ArrayLike) -> np.ndarray:
    array = as_numeric(thresholds, "thresholds")
    if array.ndim > 1 or array.dtype.kind == "b" or not ((array >= 0) & (array <= 1)).all() or not array.size:
        raise InputError(f"thresholds is {shown(thresholds)}; expected a number from 0 to 1, or one for each output")
    return array.astype(np.float64)
