"""Predictions of a model over files, and what evaluations say of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.runs.files import Pair
from rnngraph.runs.models import Model
from rnngraph.runs.reading import minibatches
from rnngraph.runs.record import Reading

if TYPE_CHECKING:
    from rnngraph.evaluation import BaseEvaluation


@dataclass(frozen=True)
class Predicted:
    """A minibatch: what came in, what came out of it and what should have, and which rows or steps count (None: all).

    features [N, F, T] with their mask [N, T]; outputs and labels [N, C, T] with a mask [N, T], or [N, C].
    """

    features: np.ndarray
    features_mask: np.ndarray | None
    outputs: np.ndarray
    labels: np.ndarray
    counts: np.ndarray | None


def predicted(model: Model, pairs: Sequence[Pair], reading: Reading, batch_size: int) -> Iterator[Predicted]:
    """The predictions for the sequences of ``pairs``, in their order and in the labels' own units."""
    size = batch_size if model.takes_masks else 1  # without a mask input nothing can be padded
    for one in minibatches(pairs, reading, size):
        y = model.output(one.features, one.features_mask)
        counts = one.labels_mask
        if counts is None and model.gives_time:
            counts = one.features_mask
        yield Predicted(one.features, one.features_mask, y, one.labels, counts)


def evaluations(model: Model, reading: Reading, labels: Sequence[str] | None, roc: bool) -> list[BaseEvaluation]:
    """The evaluations that fit what the network is for. InputError for ``roc`` of numbers."""
    if reading.task == "regression":
        if roc:
            raise InputError("--roc is of classes and of yes or no; the network predicts numbers, for which there is no ROC")
        return [rg.RegressionEvaluation(labels or model.n_out)]
    if reading.task == "binary":
        found: list[BaseEvaluation] = [rg.EvaluationBinary(model.n_out, labels=labels)]
        return [*found, *([rg.ROCBinary(0, labels)] if roc else [])]
    several = model.n_out > 2
    curves: list[BaseEvaluation] = [rg.ROCMultiClass(0, labels) if several else rg.ROC()]
    return [rg.Evaluation(model.n_out, labels), *(curves if roc else [])]


def evaluate(
    model: Model, pairs: Sequence[Pair], reading: Reading, batch_size: int, labels: Sequence[str] | None, roc: bool = False
) -> list[BaseEvaluation]:
    """The evaluations over the sequences of ``pairs``."""
    found = evaluations(model, reading, labels, roc)
    for batch in predicted(model, pairs, reading, batch_size):
        for one in found:
            one.eval(batch.labels, batch.outputs, batch.counts)
    return found


def as_json(found: Sequence[BaseEvaluation]) -> dict[str, Any]:
    """All metrics by the class of their evaluation; NaN is null. Of classes also the counts [actual, predicted]."""
    told: dict[str, Any] = {}
    for one in found:
        numbers = {name: value if math.isfinite(value) else None for name, value in one.metrics().items()}
        told[type(one).__name__] = {"examples": one.num_examples(), **numbers}
        if isinstance(one, rg.Evaluation):
            told[type(one).__name__] |= {"labels": list(one.labels), "confusion": one.confusion.tolist()}
    return told
