"""EvaluationBinary: against scikit-learn and by hand; DL4J's own numbers and text stand in test_goldens.py."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import InputError
from rnngraph.evaluation import EvaluationBinary

LABELS = [[1, 0], [1, 0], [0, 0], [0, 0]]
PREDICTIONS = [[0.9, 0.6], [0.4, 0.1], [0.6, 0.2], [0.5, 0.3]]


def evaluated(*arguments: Any, **settings: Any) -> EvaluationBinary:
    evaluation = EvaluationBinary(**settings)
    evaluation.eval(*arguments)
    return evaluation


@pytest.mark.parametrize("rows", [8, 500])
def test_numbers_are_scikit_learn_s(rows: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(rows)
    labels, predictions = rng.integers(0, 2, (rows, 3)), rng.random((rows, 3))
    limits = [0.5, 0.3, 0.8]
    evaluation = evaluated(labels, predictions, thresholds=limits)
    averages: dict[str, list[float]] = {"accuracy": [], "precision": [], "recall": [], "f1": []}
    for i in range(3):
        y, p = labels[:, i], predictions[:, i] > limits[i]
        ((tn, fp), (fn, tp)) = metrics.confusion_matrix(y, p)
        names = [f"{kind}_{side}" for kind in ("true", "false") for side in ("positives", "negatives")]
        assert [getattr(evaluation, name)(i) for name in names] == [tp, tn, fp, fn]
        assert evaluation.total_count(i) == rows
        for name, values in averages.items():
            values.append(getattr(metrics, f"{name}_score")(y, p))
            assert getattr(evaluation, name)(i) == pytest.approx(values[-1])
        assert evaluation.f_beta(2.0, i) == pytest.approx(metrics.fbeta_score(y, p, beta=2))
        assert evaluation.matthews_correlation(i) == pytest.approx(metrics.matthews_corrcoef(y, p))
        assert evaluation.false_positive_rate(i) == pytest.approx(1 - metrics.recall_score(y, p, pos_label=0))
        assert evaluation.false_negative_rate(i) == pytest.approx(1 - metrics.recall_score(y, p))
        assert evaluation.g_measure(i) == pytest.approx(np.sqrt(evaluation.precision(i) * evaluation.recall(i)))
    assert evaluation.metrics() == pytest.approx({name: np.mean(values) for name, values in averages.items()})
    assert [getattr(evaluation, f"average_{name}")() for name in averages] == list(evaluation.metrics().values())


def test_text_and_what_is_not_defined() -> None:
    evaluation = evaluated(LABELS, PREDICTIONS, None, labels=["door", "window, left"])
    assert str(evaluation) == (
        "Label               Accuracy    F1          Precision   Recall      Total   TP     TN     FP     FN     \n"
        "door                0.5000      0.5000      0.5000      0.5000      4       1      1      1      1      \n"
        "window, left        0.7500      0.0000      0.0000      NaN         4       0      3      1      0      "
    )
    assert [evaluation.false_negative_rate(1), evaluation.f1(1)] == [0.0, 0.0]
    assert np.isnan([evaluation.recall(1), evaluation.matthews_correlation(1), evaluation.average_recall()]).all()
    assert repr(evaluation) == "EvaluationBinary(2 outputs, 4 rows, accuracy 0.6250)"


def test_rounds_half_up_in_text_as_java() -> None:
    labels = np.zeros((32, 1))
    labels[0] = 1
    assert "0                   0.0313 " in evaluated(labels, np.ones((32, 1))).stats()  # 1/32 = 0.03125


def test_thresholds_are_told() -> None:
    for thresholds in (0.3, [0.3, 0.3]):
        evaluation = evaluated(LABELS, PREDICTIONS, thresholds=thresholds)
        assert evaluation.thresholds == (0.3, 0.3)
        assert evaluation.stats().endswith("\nPer-output decision thresholds: [0.3, 0.3]")
        assert evaluation.true_positives(0) == 2
    single = np.array([[0.3], [0.30000004]], np.float32)
    assert evaluated(np.ones((2, 1)), single, thresholds=0.3).true_positives(0) == 1  # 0.3 in float32 is not above 0.3 in float32


def test_masks_of_rows_and_of_single_outputs() -> None:
    labels, predictions = np.array(LABELS, float), np.array(PREDICTIONS)
    labels[3] = np.nan
    predictions[3] = np.nan
    assert evaluated(labels, predictions, [1, 1, 0, 0]).total_count(0) == 2
    evaluation = evaluated(labels, predictions, [[1, 0], [1, 1], [0, 1], [0, 0]])
    assert [evaluation.total_count(0), evaluation.total_count(1), evaluation.num_examples()] == [2, 2, 2]
    assert [evaluation.accuracy(0), evaluation.accuracy(1)] == [0.5, 1.0]


def test_nothing_was_evaluated() -> None:
    for evaluation in (EvaluationBinary(), EvaluationBinary(2), evaluated(LABELS, PREDICTIONS, np.zeros(4))):
        assert evaluation.stats().endswith("FN     \n-- No Data --\n")
        assert np.isnan(list(evaluation.metrics().values())).all()
    with pytest.raises(InputError, match=r"^output 0 is not there: nothing was evaluated yet$"):
        EvaluationBinary().accuracy(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_outputs": 0}, "n_outputs is 0; expected the number of outputs, at least 1"),
        ({"thresholds": 1.5}, "thresholds is 1.5; expected a number from 0 to 1, or one for each output"),
        ({"thresholds": [0.5, float("nan")]}, "thresholds is [0.5, nan]; expected a number from 0 to 1, or one for each output"),
        ({"thresholds": []}, "thresholds is []; expected a number from 0 to 1, or one for each output"),
        ({"thresholds": [0.5, 0.5], "n_outputs": 3}, "thresholds has 2 values; expected one for each of 3 outputs"),
        ({"thresholds": [0.5, 0.5], "labels": ["a"]}, "labels has 1 names (a); expected one for each of 2 outputs"),
        ({"labels": ["a"], "n_outputs": 2}, "labels has 1 names (a); expected one for each of 2 outputs"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        EvaluationBinary(**settings)


def test_labels_have_to_be_yes_or_no() -> None:
    message = "labels are neither 0 nor 1 in 2 of 3 rows that count; give labels > 0.5 for probabilities"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        evaluated([[0.2, 1], [-1, 1], [0, 0], [7, 7]], PREDICTIONS, [1, 1, 1, 0])
    with pytest.raises(InputError, match=r"^predictions are NaN in 1 of 2 rows that count; evaluate finite numbers, or mask these rows$"):
        evaluated([[0], [1]], [[np.nan], [1]])
