"""The text of evaluations, as DL4J's stats() writes it: what programs that read its logs expect."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rnngraph.evaluation import java

MOST_CLASSES_WITH_MATRIX = 20
NO_DATA = "-- No Data --\n"


def classification_stats(
    confusion: np.ndarray, labels: Sequence[str], overall: Sequence[float], by_class: Sequence[np.ndarray], top: tuple[int, float] | None
) -> str:
    """Of an Evaluation: header, metrics, warnings, matrix.

    ``confusion`` [actual, predicted]; ``overall``: accuracy, precision, recall, F1; ``by_class``: precision, recall, F1 of each class, NaN
    where 0/0; ``top``: N and the top-N accuracy, None to leave them out.
    """
    if not confusion.any():
        return "Evaluation: No data available (no evaluation has been performed)"
    n = len(labels)
    left_out = [np.flatnonzero(np.isnan(values)).tolist() for values in by_class]
    notes = ["" if n == 2 else _excluded(len(classes)) for classes in left_out]
    lines = ["", "", "========================Evaluation Metrics========================", f" # of classes:    {n}"]
    lines.append(f" Accuracy:        {_number(overall[0])}")
    if top is not None:
        lines.append(f" Top {top[0]} Accuracy:  {_number(top[1])}")
    for name, value, note in zip(("Precision:", "Recall:", "F1 Score:"), overall[1:], notes, strict=True):
        lines.append(f" {name:<16} {_number(value)}{note}")
    if n == 2:
        lines.append(f'Precision, recall & F1: reported for positive class (class 1 - "{labels[1]}") only')
    else:
        lines.append(f"Precision, recall & F1: macro-averaged (equally weighted avg. of {n} classes)")
    lines += ["", *_warnings(left_out[0], "precision"), *_warnings(left_out[1], "recall"), ""]
    lines += _matrix(confusion, labels) if n <= MOST_CLASSES_WITH_MATRIX else _no_matrix(n)
    lines.append("==================================================================")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Four decimals."""
    return "NaN" if math.isnan(value) else f"{value:.4f}"


def _excluded(count: int) -> str:
    """How many classes a mean leaves out."""
    return f"\t({count} class{'es' if count > 1 else ''} excluded from average)" if count else ""


def _warnings(classes: list[int], metric: str) -> list[str]:
    """The classes that a mean leaves out. For recall "never predicted" should read "never present"; DL4J's words are kept."""
    if not classes:
        return []
    noun, verb = ("class", "was") if len(classes) == 1 else ("classes", "were")
    return [
        f"Warning: {len(classes)} {noun} {verb} never predicted by the model and {verb} excluded from average {metric}",
        f"Classes excluded from average {metric}: {classes}",
    ]


def _matrix(confusion: np.ndarray, labels: Sequence[str]) -> list[str]:
    """The confusion matrix, cells as wide as the largest number needs."""
    n = len(labels)
    width = 1 + max(1, math.ceil(math.log10(max(int(confusion.max()), n))))
    return [
        "=========================Confusion Matrix=========================",
        "".join(f"{j:{width}d}" for j in range(n)),
        "-" * (width * n + 1),
        *("".join(f"{count:{width}d}" for count in row) + f" | {i} = {labels[i]}" for i, row in enumerate(confusion.tolist())),
        "",
        "Confusion matrix format: Actual (rowClass) predicted as (columnClass) N times",
    ]


def _no_matrix(n: int) -> list[str]:
    """What stands in the matrix's place where there are many classes."""
    return [
        "",
        f"Note: Confusion matrix not generated due to space requirements for {n} classes.",
        "Use the attribute confusion to see it",
    ]


def confusion_table(confusion: np.ndarray, labels: Sequence[str]) -> str:
    """The confusion matrix [actual, predicted] with names at its rows, as DL4J's confusionToString() writes it."""
    width = max(10, 5 + max(map(len, labels)))
    lines = [f"   {'Predicted:':<{width}}   " + "".join(f"{j:7d}" for j in range(len(labels))), "   Actual:"]
    lines += [f"{i:<3d}{name:<{width}} | " + "".join(f"{c:7d}" for c in confusion[i].tolist()) for i, name in enumerate(labels)]
    return "\n".join(lines) + "\n"


def regression_table(labels: Sequence[str], numbers: np.ndarray) -> str:
    """Of a RegressionEvaluation: by column MSE, MAE, RMSE, RSE, Pearson correlation and R², ``numbers`` [columns, 6]."""
    width = max(map(len, labels)) + 5
    lines = [f"{'Column':<{width}}" + "".join(f"{title:<15}" for title in ("MSE", "MAE", "RMSE", "RSE", "PC", "R^2"))]
    for name, values in zip(labels, numbers.tolist(), strict=True):
        lines.append(f"{name:<{width}}" + "".join(f"{java.exponent(value):<15}" for value in values))
    return "\n".join(lines) + "\n"


def binary_table(labels: Sequence[str], numbers: np.ndarray, counts: np.ndarray) -> str:
    """Of an EvaluationBinary: by output accuracy, F1, precision and recall, ``numbers`` [outputs, 4]; TP, TN, FP and FN, ``counts``."""
    width = max(15, *map(len, labels), 0) + 5
    header = "".join(f"{name:<12}" for name in ("Accuracy", "F1", "Precision", "Recall")) + f"{'Total':<8}"
    lines = [f"{'Label':<{width}}{header}" + "".join(f"{name:<7}" for name in ("TP", "TN", "FP", "FN"))]
    for name, values, cells in zip(labels, numbers.tolist(), counts.tolist(), strict=True):
        shown = "".join(f"{java.fixed(value):<12}" for value in values) + f"{sum(cells):<8d}"
        lines.append(f"{name:<{width}}{shown}" + "".join(f"{count:<7d}" for count in cells))
    return "\n".join(lines) if counts.any() else f"{lines[0]}\n{NO_DATA}"


def area_table(labels: Sequence[str], titles: Sequence[str], areas: np.ndarray, totals: np.ndarray) -> str:
    """Of a ROCBinary or ROCMultiClass: by column ``areas`` [columns, titles] and the counts of yes and no, ``totals`` [columns, 2]."""
    width = max(15, *map(len, labels), 0) + 5
    lines = [f"{'Label':<{width}}" + "".join(f"{title:<12}" for title in titles) + f"{'# Pos':<10}{'# Neg':<10}"]
    for name, values, counts in zip(labels, areas.tolist(), totals.tolist(), strict=True):
        shown = "".join(f"{java.fixed(value):<12}" for value in values)
        lines.append(f"{name:<{width}}{shown}" + "".join(f"{count:<10d}" for count in counts))
    return "\n".join(lines) if totals.any() else f"{lines[0]}\n{NO_DATA}"
