"""ROC, ROCBinary and ROCMultiClass: against scikit-learn, by counting and by hand; DL4J's own numbers and text stand in test_goldens.py."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.errors import InputError

LABELS = [[1], [1], [0], [1], [0], [0]]
SCORES = [[0.9], [0.8], [0.7], [0.6], [0.2], [0.1]]


def evaluated(kind: Any, *arguments: Any, **settings: Any) -> Any:
    evaluation = kind(**settings)
    evaluation.eval(*arguments)
    return evaluation


def draw(rows: int, columns: int = 1, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores that know something of them; with ``levels`` many scores are equal."""
    rng = np.random.default_rng(rows + columns)
    labels = rng.integers(0, 2, (rows, columns))
    labels[:2] = [[0] * columns, [1] * columns]
    scores = np.clip(labels * 0.2 + 0.8 * rng.random((rows, columns)), 0, 1)
    return labels, np.round(scores * levels) / levels if levels else scores


@pytest.mark.parametrize("levels", [0, 10])
@pytest.mark.parametrize("rows", [5, 60, 3000])
def test_areas_are_scikit_learn_s(rows: int, levels: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores = draw(rows, levels=levels)
    roc = evaluated(rg.ROC, labels, scores)
    assert roc.calculate_auc() == pytest.approx(metrics.roc_auc_score(labels[:, 0], scores[:, 0]), rel=1e-12)
    precision, recall, _ = metrics.precision_recall_curve(labels[:, 0], scores[:, 0])
    assert roc.calculate_aucpr() == pytest.approx(metrics.auc(recall, precision), rel=1e-12)
    assert [roc.count_actual_positive(), roc.count_actual_negative()] == [labels.sum(), rows - labels.sum()]


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2))
def test_the_area_is_the_chance_to_order_a_pair_right(rows: list[tuple[bool, int]]) -> None:
    roc = evaluated(rg.ROC, [[int(label)] for label, _ in rows], [[score] for _, score in rows])
    pairs = [(a > b) + 0.5 * (a == b) for yes, a in rows if yes for no, b in rows if not no]
    assert roc.calculate_auc() == pytest.approx(sum(pairs) / len(pairs) if pairs else math.nan, nan_ok=True)


def test_curves_by_hand() -> None:
    roc = evaluated(rg.ROC, LABELS, SCORES)
    curve = roc.roc_curve()  # without (1/3, 1) at 0.2, which lies between others on a line
    np.testing.assert_array_equal(curve.threshold, [1.0, 0.8, 0.7, 0.6, 0.0])
    np.testing.assert_allclose(curve.fpr, np.array([0, 0, 1, 1, 3]) / 3)
    np.testing.assert_allclose(curve.tpr, np.array([0, 2, 2, 3, 3]) / 3)
    assert curve.calculate_auc() == roc.calculate_auc() == pytest.approx(8 / 9)
    curve = roc.precision_recall_curve()
    np.testing.assert_array_equal(curve.threshold, [0.0, 0.6, 0.7, 0.8, 1.0])
    np.testing.assert_allclose(curve.precision, [1 / 2, 3 / 4, 2 / 3, 1, 1])
    np.testing.assert_allclose(curve.recall, [1, 1, 2 / 3, 2 / 3, 0])
    assert curve.calculate_auprc() == roc.calculate_aucpr() == pytest.approx(2 / 3 + (3 / 4 + 2 / 3) / 2 / 3)


def test_text_of_a_small_area_is_java_s() -> None:
    labels, scores = np.zeros((4001, 1)), np.linspace(1, 0, 4001)[:, None]
    labels[-2] = 1  # 3999 rows of no in front of the one of yes, one behind it
    roc = evaluated(rg.ROC, labels, scores)
    assert roc.calculate_aucpr() == 1.25e-4  # half of 1/4000
    assert roc.stats().endswith("E-4\nAUPRC (Area under Precision/Recall Curve): 1.25E-4")


def test_scores_that_are_no_probabilities() -> None:
    whole = evaluated(rg.ROC, LABELS, np.array(SCORES) * 20 - 9)
    assert whole.calculate_auc() == evaluated(rg.ROC, LABELS, SCORES).calculate_auc()
    assert whole.roc_curve().threshold[[0, -1]].tolist() == [9.0, -7.0]
    message = "predictions are outside of 0 to 1 in 5 of 6 rows that count; thresholds lie there alone: threshold_steps=0 takes any numbers"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        evaluated(rg.ROC, LABELS, [[0.5], [-1], [2], [3], [4], [5]], threshold_steps=10)


def test_two_columns_are_those_of_two_classes() -> None:
    labels, scores = draw(40)
    both = evaluated(rg.ROC, np.hstack([1 - labels, labels]), np.hstack([1 - scores, scores]))
    one = evaluated(rg.ROC, labels, scores)
    assert both.to_json() == one.to_json()
    both.eval(labels, scores)  # one column may follow
    assert both.count_actual_positive() == 2 * labels.sum()


@pytest.mark.parametrize("steps", [1, 7, 20])
def test_thresholds_by_counting(steps: int) -> None:
    labels, scores = draw(300, levels=20)
    roc = evaluated(rg.ROC, labels, scores, threshold_steps=steps)
    curve, fine = roc.roc_curve(), roc.precision_recall_curve()
    for k in range(steps + 1):
        yes = (scores >= k * (1 / steps)) & (k < steps)  # at 1 nothing is positive, as in DL4J
        tp, fp = int((yes & (labels == 1)).sum()), int((yes & (labels == 0)).sum())
        assert [curve.threshold[k], curve.tpr[k], curve.fpr[k]] == [k * (1 / steps), tp / labels.sum(), fp / (300 - labels.sum())]
        assert [fine.recall[k], fine.precision[k]] == [tp / labels.sum(), tp / (tp + fp) if tp + fp else 1.0]
    assert roc.stats().endswith(
        f"\n[Note: Thresholded AUC/AUPRC calculation used with {steps} steps); accuracy may reduced compared to exact mode]"
    )


def test_thresholds_are_compared_in_the_precision_of_the_scores() -> None:
    for dtype in (np.float32, np.float64):  # 0.9 in float32 is below 0.9 in float64
        roc = evaluated(rg.ROC, [[1], [0]], np.array([[0.9], [0.1]], dtype), threshold_steps=10)
        assert roc.roc_curve().tpr[9] == 1


@pytest.mark.parametrize("steps", [0, 10])
def test_one_class_alone(steps: int) -> None:
    scores = np.array([[0.3], [0.6], [0.6]])
    for label, aucpr in ((1, 1.0), (0, 0.0 if steps else math.nan)):  # where no label is positive DL4J's counts have a recall of 1
        roc = evaluated(rg.ROC, np.full((3, 1), label), scores, threshold_steps=steps)
        assert math.isnan(roc.calculate_auc())
        assert roc.calculate_aucpr() == pytest.approx(aucpr, nan_ok=True)
        assert roc.stats().startswith("AUC (Area under ROC Curve):                NaN\n")
    empty = rg.ROC(steps)
    assert np.isnan(list(empty.metrics().values())).all()
    assert repr(empty) == "ROC(0 rows, auc nan)"
    if not steps:
        assert len(empty.roc_curve().fpr) == len(empty.precision_recall_curve().recall) == 0


def test_masked_steps_are_not_read() -> None:
    labels, scores = (array.reshape(10, 1, 6).astype(float) for array in draw(60))
    mask = np.random.default_rng(1).integers(0, 2, (10, 6))
    chosen = mask.astype(bool)
    rows = evaluated(rg.ROC, labels[:, 0][chosen][:, None], scores[:, 0][chosen][:, None])
    labels[:, 0][~chosen], scores[:, 0][~chosen] = 7, np.nan
    assert evaluated(rg.ROC, labels, scores, mask).to_json() == rows.to_json()


def test_many_scores_are_sorted_in_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, scores = draw(500, levels=50)
    whole = evaluated(rg.ROC, labels, scores)
    monkeypatch.setattr("rnngraph.evaluation.scores._PENDING", 8)
    pieces = rg.ROC()
    for k in range(0, 500, 5):
        pieces.eval(labels[k : k + 5], scores[k : k + 5])
    assert pieces.to_json() == whole.to_json()
    assert len(json.loads(whole.to_json())["scores"]) == len(np.unique(scores))


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        (rg.ROC, [[0, 0.5], [1, 0]], "labels are neither 0 nor 1 in 1 of 2 rows that count; give labels > 0.5 for probabilities"),
        (
            rg.ROC,
            [[0, 0], [1, 0]],
            "labels have another number of ones than one in 1 of 2 rows that count; give one-hot labels, or mask these rows",
        ),
        (
            rg.ROC,
            [[0, 0, 1], [1, 0, 0]],
            "labels and predictions have shape [2, 3]; ROC takes one column, or two of two classes. ROCMultiClass takes more classes, "
            "ROCBinary outputs that are each yes or no",
        ),
        (rg.ROCMultiClass, [[0], [1]], "labels and predictions have shape [2, 1], one class; ROC takes a column of yes or no"),
        (
            rg.ROCMultiClass,
            [[0, 1, 1], [1, 0, 0]],
            "labels have another number of ones than one in 1 of 2 rows that count; give one-hot labels, or mask these rows",
        ),
        (rg.ROCBinary, [[0, 2], [1, 0]], "labels are neither 0 nor 1 in 1 of 2 rows that count; give labels > 0.5 for probabilities"),
    ],
)
def test_labels_are_checked(kind: Any, labels: Any, message: str) -> None:
    evaluation = kind()
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        evaluation.eval(labels, np.full(np.shape(labels), 0.5))
    assert evaluation.num_examples() == 0


@pytest.mark.parametrize("kind", [rg.ROC, rg.ROCBinary, rg.ROCMultiClass])
def test_settings_are_checked(kind: Any) -> None:
    with pytest.raises(InputError, match=r"^threshold_steps is -1; expected 0, which is exact, or a number of steps$"):
        kind(-1)
    with pytest.raises(InputError, match=r"^merge: threshold_steps is 0 there and 20 here; only evaluations of the same settings add up$"):
        kind(20).merge(kind())


# Several


@pytest.mark.parametrize("rows", [40, 900])
def test_classes_are_scikit_learn_s(rows: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(rows)
    classes = rng.integers(0, 4, rows)
    raw = rng.normal(size=(rows, 4)) + np.eye(4)[classes]
    scores = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    roc = evaluated(rg.ROCMultiClass, np.eye(4)[classes], scores)
    areas = [metrics.roc_auc_score(classes == i, scores[:, i]) for i in range(4)]
    assert [roc.calculate_auc(i) for i in range(4)] == pytest.approx(areas, rel=1e-12)
    average = metrics.roc_auc_score(classes, scores, multi_class="ovr", average="macro")
    assert roc.calculate_average_auc() == roc.metrics()["auc"] == pytest.approx(average, rel=1e-12)
    assert roc.calculate_average_aucpr() == pytest.approx(np.mean([roc.calculate_aucpr(i) for i in range(4)]))
    np.testing.assert_array_equal(roc.roc_curve(2).fpr, evaluated(rg.ROC, np.eye(4)[classes, 2:3], scores[:, 2:3]).roc_curve().fpr)


def test_single_outputs_are_masked() -> None:
    labels, scores = draw(50, columns=3)
    mask = np.random.default_rng(0).integers(0, 2, (50, 3))
    several = evaluated(rg.ROCBinary, np.where(mask == 1, labels, -1), np.where(mask == 1, scores, np.nan), mask)
    for i in range(3):
        chosen = mask[:, i] == 1
        alone = evaluated(rg.ROC, labels[chosen, i : i + 1], scores[chosen, i : i + 1])
        assert several.roc(i).to_json() == alone.to_json()
        np.testing.assert_array_equal(several.precision_recall_curve(i).precision, alone.precision_recall_curve().precision)
    with pytest.raises(InputError, match=r"^mask has shape \[50, 3\]: it masks single outputs, but a class is told by whole rows"):
        evaluated(rg.ROCMultiClass, np.eye(3)[scores.argmax(1)], scores, mask)


def test_tables() -> None:
    labels, scores = np.hstack([LABELS, [[1], [0], [0], [1], [0], [1]]]), np.hstack([SCORES, SCORES])
    assert str(evaluated(rg.ROCBinary, labels, scores, labels=["door", "an output of long name"])) == (
        "Label                      AUC         AUPRC       # Pos     # Neg     \n"
        "door                       0.8889      0.9028      3         3         \n"
        "an output of long name     0.4444      0.6222      3         3         "
    )
    one_hot = np.hstack([LABELS, 1 - np.array(LABELS)])
    text = str(evaluated(rg.ROCMultiClass, one_hot, np.hstack([SCORES, 1 - np.array(SCORES)]), threshold_steps=10))
    assert text == (
        "Label               AUC         # Pos     # Neg     \n"
        "0                   0.8889      3         3         \n"
        "1                   0.8889      3         3         \n"
        "Average AUC: 0.8889      \n"
        "[Note: Thresholded AUC/AUPRC calculation used with 10 steps); accuracy may reduced compared to exact mode]"
    )
    assert str(rg.ROCBinary(labels=["a"])) == "Label               AUC         AUPRC       # Pos     # Neg     \n-- No Data --\n"
    with pytest.raises(InputError, match=r"^class 0 is not there: nothing was evaluated yet$"):
        rg.ROCMultiClass().calculate_auc(0)
    assert np.isnan(rg.ROCMultiClass().calculate_average_aucpr())
