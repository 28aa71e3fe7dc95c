"""What is kept of scores and their labels to draw curves: all different scores, or counts at fixed thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnngraph.errors import InputError
from rnngraph.evaluation.base import read_counts
from rnngraph.evaluation.counts import divide
from rnngraph.evaluation.curves import PrecisionRecallCurve, RocCurve, without_redundant_points
from rnngraph.names import shown

_PENDING = 1 << 16
"""How many scores wait, at least, before they are sorted in."""


class ExactScores:
    """Every different score with how many positive and how many negative labels it had: as much as all rows tell, in any order."""

    def __init__(self) -> None:
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._hold(np.zeros(0), np.zeros((2, 0), np.int64))

    def add(self, scores: np.ndarray, positive: np.ndarray) -> None:
        """Take in scores [R] and which of them have a positive label."""
        self._append(scores.astype(np.float64) + 0.0, np.stack([positive, ~positive]).astype(np.int64))  # -0.0 becomes 0.0

    def merge(self, other: ExactScores) -> None:
        """Take in all that another one has."""
        self._append(*other._sorted())

    def totals(self) -> tuple[int, int]:
        """How many positive and negative labels there are."""
        positives, negatives = self._sorted()[1].sum(axis=1).tolist()
        return positives, negatives

    def roc_curve(self) -> RocCurve:
        """Its points, from the highest threshold: none is positive, then one more score after the other, then all are."""
        threshold, tp, fp = self._falling()
        if not len(tp):
            return RocCurve(tp, tp, tp)
        tpr, fpr = divide(tp, tp[-1:]), divide(fp, fp[-1:])
        return RocCurve(*without_redundant_points(threshold, _between(0.0, fpr, 1.0), _between(0.0, tpr, 1.0)))

    def precision_recall_curve(self) -> PrecisionRecallCurve:
        """Its points, from the lowest threshold; where nothing is positive, precision is 1."""
        threshold, tp, fp = self._falling()
        if not len(tp):
            return PrecisionRecallCurve(tp, tp, tp)
        precision = divide(tp, tp + fp)
        precision, recall = _between(1.0, precision, precision[-1]), _between(0.0, divide(tp, tp[-1:]), 1.0)
        return PrecisionRecallCurve(*without_redundant_points(threshold[::-1], precision[::-1], recall[::-1]))

    def state(self) -> dict[str, Any]:
        """As JSON holds it."""
        scores, (positives, negatives) = self._sorted()
        return {"scores": scores.tolist(), "positives": positives.tolist(), "negatives": negatives.tolist()}

    def restore(self, held: Mapping[str, Any]) -> None:
        """Have what :meth:`state` gave. InputError for anything else."""
        scores = np.array(held["scores"], dtype=np.float64)
        if scores.ndim != 1 or not np.isfinite(scores).all() or (np.diff(scores) <= 0).any():
            raise InputError(f"scores is {shown(held['scores'])}; expected ascending numbers")
        counts = [read_counts(held, name, scores.shape) for name in ("positives", "negatives")]
        self._hold(scores, np.stack(counts))

    def _falling(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Thresholds [K + 2] from above all scores to below them; true and false positives at each of the K scores, which it includes."""
        scores, counts = self._sorted()
        tp, fp = counts[:, ::-1].cumsum(axis=1)
        return _between(scores.max(initial=1.0), scores[::-1], scores.min(initial=0.0)), tp, fp

    def _append(self, scores: np.ndarray, counts: np.ndarray) -> None:
        self._waiting.append((scores, counts))
        self._wait += len(scores)
        if self._wait > max(_PENDING, len(self._scores)):
            self._sorted()

    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """All different scores, ascending, and their counts of positive and negative labels, [2, K]."""
        if self._waiting:
            scores = np.concatenate([self._scores, *(scores for scores, _ in self._waiting)])
            counts = np.concatenate([self._counts, *(counts for _, counts in self._waiting)], axis=1)
            order = np.argsort(scores)
            starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
            self._hold(scores[order][starts], np.add.reduceat(counts[:, order], starts, axis=1) if len(starts) else counts)
        return self._scores, self._counts

    def _hold(self, scores: np.ndarray, counts: np.ndarray) -> None:
        """Have these alone, ascending."""
        self._scores, self._counts = scores, counts
        self._waiting.clear()
        self._wait = 0


class ThresholdedScores:
    """True and false positives at thresholds 0, 1/steps, .., 1: memory that does not grow, areas that are approximate."""

    def __init__(self, steps: int) -> None:
        self._thresholds = np.arange(steps + 1) * (1.0 / steps)
        self._tp, self._fp = np.zeros((2, steps + 1), np.int64)
        self._positives = self._negatives = 0

    def add(self, scores: np.ndarray, positive: np.ndarray) -> None:
        """Take in scores [R] and which of them have a positive label."""
        exact = scores.dtype if scores.dtype.kind == "f" else np.float64
        limits = self._thresholds.astype(exact)  # in the precision of the scores, as DL4J
        self._tp += _reached(scores[positive], limits)
        self._fp += _reached(scores[~positive], limits)
        self._positives += int(np.count_nonzero(positive))
        self._negatives += int(np.count_nonzero(~positive))

    def merge(self, other: ThresholdedScores) -> None:
        """Take in all that another one of as many steps has."""
        self._tp += other._tp
        self._fp += other._fp
        self._positives += other._positives
        self._negatives += other._negatives

    def totals(self) -> tuple[int, int]:
        """How many positive and negative labels there are."""
        return self._positives, self._negatives

    def roc_curve(self) -> RocCurve:
        """A point for each threshold, from 0."""
        fpr, tpr = divide(self._fp, np.array(self._negatives)), divide(self._tp, np.array(self._positives))
        return RocCurve(self._thresholds.copy(), fpr, tpr)

    def precision_recall_curve(self) -> PrecisionRecallCurve:
        """A point for each threshold, from 0; precision is 1 where nothing is predicted positive, recall where no label is."""
        precision = np.where(self._tp + self._fp == 0, 1.0, divide(self._tp, self._tp + self._fp))
        recall = divide(self._tp, np.array(self._positives)) if self._positives else np.ones(len(self._tp))
        return PrecisionRecallCurve(self._thresholds.copy(), precision, recall)

    def state(self) -> dict[str, Any]:
        """As JSON holds it."""
        totals = {"positives": self._positives, "negatives": self._negatives}
        return {"true_positives": self._tp.tolist(), "false_positives": self._fp.tolist(), **totals}

    def restore(self, held: Mapping[str, Any]) -> None:
        """Have what :meth:`state` gave. InputError for anything else."""
        tp, fp = (read_counts(held, name, self._tp.shape) for name in ("true_positives", "false_positives"))
        positives, negatives = (int(read_counts(held, name, ())) for name in ("positives", "negatives"))
        self._tp, self._fp, self._positives, self._negatives = tp, fp, positives, negatives


def _reached(scores: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """By limit, how many scores are not below it; at the last, which is 1, none counts as positive, as in DL4J."""
    below = np.searchsorted(np.sort(scores), limits)
    reached = len(scores) - below
    reached[-1] = 0
    return reached


def _between(first: float, values: np.ndarray, last: float) -> np.ndarray:
    """``values`` with an end at each side."""
    return np.concatenate([[first], values, [last]])
