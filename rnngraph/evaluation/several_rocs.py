"""ROCBinary and ROCMultiClass: a ROC for each output, and for each class against all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from rnngraph.errors import InputError
from rnngraph.evaluation import java
from rnngraph.evaluation.base import BaseEvaluation, checked_count
from rnngraph.evaluation.curves import PrecisionRecallCurve, RocCurve
from rnngraph.evaluation.roc import ROC, check_scores, steps_note
from rnngraph.evaluation.rows import Rows
from rnngraph.evaluation.text import area_table
from rnngraph.names import shown
from rnngraph.spelling import spelled


class _SeveralROCs(BaseEvaluation):
    """A :class:`ROC` for each column."""

    _classes: ClassVar[bool]
    """Whether labels are one-hot."""
    _areas: ClassVar[tuple[str, ...]]
    """Which areas the table has."""

    @spelled
    def __init__(self, threshold_steps: int = 0, labels: Sequence[str] | None = None) -> None:
        self.threshold_steps = checked_count(threshold_steps, "threshold_steps", "0, which is exact, or a number of steps", 0)
        super().__init__(None, labels)

    def num_examples(self) -> int:
        """The largest number of values that were counted of a column: that of the rows, unless all have single outputs masked."""
        return max((roc.num_examples() for roc in self._rocs), default=0)

    def roc(self, i: int) -> ROC:
        """The ROC of column ``i``."""
        return self._rocs[self._index(i)]

    def count_actual_positive(self, i: int) -> int:
        """How many rows of column ``i`` are yes."""
        return self.roc(i).count_actual_positive()

    def count_actual_negative(self, i: int) -> int:
        """How many rows of column ``i`` are no."""
        return self.roc(i).count_actual_negative()

    def calculate_auc(self, i: int) -> float:
        """The area under the ROC curve of column ``i``."""
        return self.roc(i).calculate_auc()

    def calculate_aucpr(self, i: int) -> float:
        """The area under the precision-recall curve of column ``i``."""
        return self.roc(i).calculate_aucpr()

    def calculate_average_auc(self) -> float:
        """The mean of the columns' areas under the ROC curve; NaN where one of them is."""
        return float(np.mean([roc.calculate_auc() for roc in self._rocs] or [np.nan]))

    def calculate_average_aucpr(self) -> float:
        """The mean of the columns' areas under the precision-recall curve; NaN where one of them is."""
        return float(np.mean([roc.calculate_aucpr() for roc in self._rocs] or [np.nan]))

    def roc_curve(self, i: int) -> RocCurve:
        """The ROC curve of column ``i``."""
        return self.roc(i).roc_curve()

    def precision_recall_curve(self, i: int) -> PrecisionRecallCurve:
        """The precision-recall curve of column ``i``."""
        return self.roc(i).precision_recall_curve()

    def metrics(self) -> dict[str, float]:
        """The means of both areas over the columns, ``auc`` and ``auprc``."""
        return {"auc": self.calculate_average_auc(), "auprc": self.calculate_average_aucpr()}

    def stats(self) -> str:
        """A table with a line for each column, as DL4J writes it."""
        areas = [[roc.metrics()[title.lower()] for title in self._areas] for roc in self._rocs]
        totals = [[roc.count_actual_positive(), roc.count_actual_negative()] for roc in self._rocs]
        table = area_table(self.labels, self._areas, np.array(areas), np.array(totals))
        return "\n".join([table, *self._closing(), *steps_note(self.threshold_steps)]) if self.num_examples() else table

    def _closing(self) -> list[str]:
        """What stands below the table."""
        return []

    # Counting

    def _check(self, rows: Rows) -> None:
        check_scores(rows, self.threshold_steps, classes=self._classes)

    def _add(self, rows: Rows) -> None:
        counts = rows.counting()
        for k, roc in enumerate(self._rocs):
            roc._add(Rows(rows.labels[counts[:, k], k : k + 1], rows.predictions[counts[:, k], k : k + 1]))

    def _merge(self, other: Self) -> None:
        for mine, theirs in zip(self._rocs, other._rocs, strict=bool(other._rocs)):
            mine.merge(theirs)

    def _clear(self) -> None:
        self._rocs = [ROC(self.threshold_steps) for _ in range(self._width or 0)]

    def _settings(self) -> dict[str, Any]:
        return {"threshold_steps": self.threshold_steps, "labels": None if self._names is None else list(self._names)}

    def _state(self) -> dict[str, Any]:
        return {self._nouns: [roc._state() for roc in self._rocs]}

    def _restore(self, held: Mapping[str, Any]) -> None:
        states = held[self._nouns]
        if not isinstance(states, list) or self._width not in (len(states), None):
            many = "a list of states" if self._width is None else f"a list of {self._width} states"
            raise InputError(f"{self._nouns} is {shown(states)}; expected {many}")
        if states:
            self._take_width(len(states))
        for roc, state in zip(self._rocs, states, strict=bool(states)):
            roc._restore(state)


class ROCBinary(_SeveralROCs):
    """A :class:`ROC` for each of several outputs that are each yes or no by themselves; labels 0 or 1.

    ``threshold_steps`` as of :class:`ROC`; ``labels`` names the outputs. A mask may be one of rows or steps, or of single outputs. As
    DL4J's org.nd4j.evaluation.classification.ROCBinary. Raises InputError for a number of steps below 0.
    """

    _noun, _nouns = "output", "outputs"
    _masks_outputs = True
    _classes = False
    _areas = ("AUC", "AUPRC")


class ROCMultiClass(_SeveralROCs):
    """A :class:`ROC` for each of several classes against all others; labels one-hot.

    ``threshold_steps`` as of :class:`ROC`; ``labels`` names the classes. As DL4J's org.nd4j.evaluation.classification.ROCMultiClass. Raises
    InputError for a number of steps below 0.
    """

    _noun, _nouns = "class", "classes"
    _classes = True
    _areas = ("AUC",)

    def _check_shapes(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        super()._check_shapes(labels, predictions)
        if labels.shape[1] == 1:
            raise InputError(f"labels and predictions have shape {list(labels.shape)}, one class; ROC takes a column of yes or no")

    def _closing(self) -> list[str]:
        return [f"Average AUC: {java.fixed(self.calculate_average_auc()):<12}"]
