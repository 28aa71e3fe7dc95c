"""ROC: how well the scores of a yes-or-no classifier tell positive rows from negative ones, over all thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from rnngraph.errors import InputError
from rnngraph.evaluation import java
from rnngraph.evaluation.base import BaseEvaluation, checked_count
from rnngraph.evaluation.curves import PrecisionRecallCurve, RocCurve
from rnngraph.evaluation.rows import Rows
from rnngraph.evaluation.scores import ExactScores, ThresholdedScores
from rnngraph.spelling import spelled


class ROC(BaseEvaluation):
    """Areas under the ROC and under the precision-recall curve, over any number of calls of :meth:`eval`.

    One column is the probability of yes, labels 0 or 1; of two, as of a softmax over two classes, the second is, labels one-hot.
    ``threshold_steps=0`` is exact and keeps every different score: any numbers then, not only probabilities, and rows with the same score
    make one point. Above 0 it counts at so many steps from 0 to 1, as DL4J does it, in memory that does not grow. The areas are those of
    DL4J's org.nd4j.evaluation.classification.ROC: NaN without data, and without a row of yes or one of no (AUC) or of yes (AUPRC).

    Raises InputError for a number of steps below 0.
    """

    @spelled
    def __init__(self, threshold_steps: int = 0) -> None:
        self.threshold_steps = checked_count(threshold_steps, "threshold_steps", "0, which is exact, or a number of steps", 0)
        super().__init__(None, None)

    def num_examples(self) -> int:
        """The number of rows that were counted: examples, or steps of time series."""
        return self.count_actual_positive() + self.count_actual_negative()

    def count_actual_positive(self) -> int:
        """How many rows are yes."""
        return self._scores.totals()[0]

    def count_actual_negative(self) -> int:
        """How many rows are no."""
        return self._scores.totals()[1]

    def calculate_auc(self) -> float:
        """The area under the ROC curve, by trapezoids: the chance that a row of yes has a larger score than one of no."""
        return self.roc_curve().calculate_auc() if self.num_examples() else float("nan")

    def calculate_aucpr(self) -> float:
        """The area under the precision-recall curve, by trapezoids."""
        return self.precision_recall_curve().calculate_auprc() if self.num_examples() else float("nan")

    def roc_curve(self) -> RocCurve:
        """False and true positive rates by threshold; the exact curve without points on straight lines, empty without data."""
        return self._scores.roc_curve()

    def precision_recall_curve(self) -> PrecisionRecallCurve:
        """Precision and recall by threshold; the exact curve without points on straight lines, empty without data."""
        return self._scores.precision_recall_curve()

    def metrics(self) -> dict[str, float]:
        """Both areas, ``auc`` and ``auprc``."""
        return {"auc": self.calculate_auc(), "auprc": self.calculate_aucpr()}

    def stats(self) -> str:
        """Both areas as text, byte for byte DL4J's."""
        lines = [f"AUC (Area under ROC Curve):                {java.plain(self.calculate_auc())}"]
        lines.append(f"AUPRC (Area under Precision/Recall Curve): {java.plain(self.calculate_aucpr())}")
        return "\n".join([*lines, *steps_note(self.threshold_steps)])

    # Counting

    def _check_shapes(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        super()._check_shapes(labels, predictions)
        if labels.shape[1] > 2:
            raise InputError(
                f"labels and predictions have shape {list(labels.shape)}; ROC takes one column, or two of two classes. ROCMultiClass takes "
                "more classes, ROCBinary outputs that are each yes or no"
            )

    def _check(self, rows: Rows) -> None:
        check_scores(rows, self.threshold_steps, classes=rows.labels.shape[1] == 2)

    def _add(self, rows: Rows) -> None:
        self._scores.add(rows.predictions[:, -1], rows.labels[:, -1] == 1)

    def _merge(self, other: Self) -> None:
        self._scores.merge(other._scores)  # type: ignore[arg-type]  # the same number of steps

    def _take_width(self, columns: int) -> None:
        """One column and two may follow each other."""

    def _clear(self) -> None:
        self._scores = ThresholdedScores(self.threshold_steps) if self.threshold_steps else ExactScores()

    def _settings(self) -> dict[str, Any]:
        return {"threshold_steps": self.threshold_steps}

    def _state(self) -> dict[str, Any]:
        return self._scores.state()

    def _restore(self, held: Mapping[str, Any]) -> None:
        self._scores.restore(held)


def check_scores(rows: Rows, threshold_steps: int, *, classes: bool) -> None:
    """InputError for rows that have no place on a curve; ``classes``: labels are one-hot, else each is 0 or 1."""
    rows.check_numbers(finite=True)
    if classes:
        rows.check_one_hot()
    else:
        rows.check_binary()
    if threshold_steps:
        rows.check_probabilities()


def steps_note(threshold_steps: int) -> list[str]:
    """DL4J's note on areas that are not exact."""
    told = f"[Note: Thresholded AUC/AUPRC calculation used with {threshold_steps} steps); accuracy may reduced compared to exact mode]"
    return [told] if threshold_steps else []
