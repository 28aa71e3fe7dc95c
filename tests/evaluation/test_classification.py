"""Evaluation: against scikit-learn and by hand; DL4J's own numbers and text stand in test_goldens.py."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnngraph.errors import InputError
from rnngraph.evaluation import Evaluation

FIVE = [[0, 0, 0, 0, 0], [13, 9, 6, 13, 0], [3, 2, 3, 2, 0], [4, 2, 4, 10, 0], [4, 3, 3, 4, 0]]
FIVE_TEXT = """

========================Evaluation Metrics========================
 # of classes:    5
 Accuracy:        0.2588
 Precision:       0.2737\t(1 class excluded from average)
 Recall:          0.2549\t(1 class excluded from average)
 F1 Score:        0.3182\t(2 classes excluded from average)
Precision, recall & F1: macro-averaged (equally weighted avg. of 5 classes)

Warning: 1 class was never predicted by the model and was excluded from average precision
Classes excluded from average precision: [4]
Warning: 1 class was never predicted by the model and was excluded from average recall
Classes excluded from average recall: [0]

=========================Confusion Matrix=========================
  0  1  2  3  4
----------------
  0  0  0  0  0 | 0 = 0
 13  9  6 13  0 | 1 = 1
  3  2  3  2  0 | 2 = 2
  4  2  4 10  0 | 3 = 3
  4  3  3  4  0 | 4 = 4

Confusion matrix format: Actual (rowClass) predicted as (columnClass) N times
=================================================================="""


def counted(confusion: Any, labels: list[str] | None = None) -> Evaluation:
    """An evaluation that saw rows which make this confusion matrix."""
    cells = np.asarray(confusion)
    actual, predicted = (np.repeat(index.ravel(), cells.ravel()) for index in np.indices(cells.shape))
    evaluation = Evaluation(len(cells), labels)
    eye = np.eye(len(cells))
    evaluation.eval(eye[actual], eye[predicted])
    return evaluation


def held(**changed: Any) -> str:
    """The JSON of an evaluation, with other values."""
    return json.dumps({**json.loads(Evaluation(2).to_json()), **changed})


def test_text_of_left_out_classes() -> None:
    assert counted(FIVE).stats() == FIVE_TEXT


def test_text_of_two_named_classes() -> None:
    text = counted([[18, 13], [24, 30]], ["quiet", "alarm"]).stats()
    assert ' F1 Score:        0.6186\nPrecision, recall & F1: reported for positive class (class 1 - "alarm") only\n\n\n====' in text
    assert "  0  1\n-------\n 18 13 | 0 = quiet\n 24 30 | 1 = alarm\n\n" in text


def test_text_of_several_left_out_classes_and_wide_counts() -> None:
    text = counted([[1000, 0, 0], [0, 0, 0], [7, 0, 0]]).stats()
    assert " Precision:       0.9930\t(2 classes excluded from average)\n" in text
    assert " Recall:          0.5000\t(1 class excluded from average)\n" in text
    assert "Warning: 2 classes were never predicted by the model and were excluded from average precision\n" in text
    assert "Classes excluded from average precision: [1, 2]\n" in text
    # DL4J takes ceil(log10(1000)) = 3 digits for 1000, which then has no space before it
    assert "\n   0   1   2\n-------------\n1000   0   0 | 0 = 0\n" in text


def test_text_without_any_defined_class() -> None:
    text = counted([[0, 3, 0], [0, 0, 0], [0, 0, 0]]).stats()
    assert " Precision:       0.0000\t(2 classes excluded from average)\n" in text
    assert " F1 Score:        NaN\t(3 classes excluded from average)\n" in text


def test_text_of_many_classes_has_no_matrix() -> None:
    assert "| 19 = 19\n" in counted(np.eye(20, dtype=int)).stats()
    text = counted(np.eye(21, dtype=int)).stats()
    assert text.endswith(
        "(equally weighted avg. of 21 classes)\n\n\n\nNote: Confusion matrix not generated due to space requirements for 21 classes.\n"
        "Use the attribute confusion to see it\n" + "=" * 66
    )


def test_nothing_was_evaluated() -> None:
    evaluation = Evaluation(3)
    assert str(evaluation) == "Evaluation: No data available (no evaluation has been performed)"
    assert [evaluation.accuracy(), evaluation.precision(), evaluation.recall(0), evaluation.f1(), evaluation.top_n_accuracy()] == [0.0] * 5
    assert [evaluation.f1(averaging="micro"), evaluation.matthews_correlation(1), evaluation.false_alarm_rate()] == [0.0] * 3
    assert repr(evaluation) == "Evaluation(3 classes, 0 rows, accuracy 0.0000)"
    evaluation.eval(np.eye(3), np.eye(3), np.zeros(3))
    assert evaluation.num_examples() == 0


CONFUSIONS = st.integers(2, 6).flatmap(lambda c: st.lists(st.lists(st.integers(0, 9), min_size=c, max_size=c), min_size=c, max_size=c))


@given(CONFUSIONS)
def test_numbers_are_scikit_learn_s(confusion: list[list[int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    cells = np.array(confusion)
    assume(cells.any())
    actual, predicted = (np.repeat(index.ravel(), cells.ravel()) for index in np.indices(cells.shape))
    evaluation, c = counted(cells), len(cells)
    np.testing.assert_array_equal(evaluation.confusion, metrics.confusion_matrix(actual, predicted, labels=range(c)))
    assert evaluation.accuracy() == pytest.approx(metrics.accuracy_score(actual, predicted))
    arguments: dict[str, Any] = {"labels": range(c), "zero_division": np.nan}
    expected = [
        metrics.precision_score(actual, predicted, average=None, **arguments),
        metrics.recall_score(actual, predicted, average=None, **arguments),
    ]
    # scikit-learn's F1 of a class that is present and never predicted is 0; DL4J's is undefined
    with np.errstate(invalid="ignore"):
        f1 = metrics.f1_score(actual, predicted, average=None, **arguments)
    expected.append(np.where(np.isnan(expected[0]) | np.isnan(expected[1]), np.nan, f1))
    for method, values in zip((evaluation.precision, evaluation.recall, evaluation.f1), expected, strict=True):
        assert [method(i) for i in range(c)] == pytest.approx(np.nan_to_num(values))
        defined = values[~np.isnan(values)]
        overall = np.nan_to_num(values[1]) if c == 2 else defined.mean() if defined.size else np.nan
        assert method() == pytest.approx(overall, nan_ok=True)
    if c > 2:
        micro = {name: getattr(metrics, f"{name}_score")(actual, predicted, average="micro", **arguments) for name in ("precision", "f1")}
        assert {name: getattr(evaluation, name)(averaging="micro") for name in micro} == pytest.approx(micro)
        macro = {
            name: metrics.__dict__[f"{name}_score"](actual, predicted, average="macro", **arguments) for name in ("precision", "recall")
        }
        assert {name: getattr(evaluation, name)(averaging="macro") for name in macro} == pytest.approx(macro, nan_ok=True)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_numbers_of_each_class_are_scikit_learn_s(classes: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(classes)
    actual, predicted = rng.integers(0, classes, (2, 400))
    evaluation = counted(metrics.confusion_matrix(actual, predicted))
    by_class: dict[str, list[float]] = {"matthews_correlation": [], "false_positive_rate": [], "false_negative_rate": [], "g_measure": []}
    for i in range(classes):
        ((tn, fp), (fn, tp)) = metrics.confusion_matrix(actual == i, predicted == i)
        by_class["matthews_correlation"].append(metrics.matthews_corrcoef(actual == i, predicted == i))
        by_class["false_positive_rate"].append(fp / (fp + tn))
        by_class["false_negative_rate"].append(fn / (fn + tp))
        by_class["g_measure"].append(np.sqrt(tp / (tp + fp) * tp / (tp + fn)))
        beta = metrics.fbeta_score(actual == i, predicted == i, beta=0.5)
        assert evaluation.f_beta(0.5, i) == pytest.approx(beta)
        counts = [getattr(evaluation, f"{kind}_{side}")()[i] for kind in ("true", "false") for side in ("positives", "negatives")]
        assert counts == [tp, tn, fp, fn]
    for name, values in by_class.items():
        assert [getattr(evaluation, name)(i) for i in range(classes)] == pytest.approx(values)
        assert getattr(evaluation, name)(averaging="macro") == pytest.approx(np.mean(values))
    for name in ("matthews_correlation", "g_measure"):  # no class is the one that is looked for
        assert getattr(evaluation, name)() == pytest.approx(np.mean(by_class[name]))
    rates = [
        by_class[name][1] if classes == 2 else float(np.mean(by_class[name])) for name in ("false_positive_rate", "false_negative_rate")
    ]
    assert evaluation.false_alarm_rate() == pytest.approx(np.mean(rates))
    if classes > 2:
        expected = metrics.fbeta_score(actual, predicted, beta=2, average="macro")
        assert evaluation.f_beta(2.0) == evaluation.f_beta(2.0, averaging="macro") == pytest.approx(expected)
        assert evaluation.f_beta(2.0, averaging="micro") == pytest.approx(metrics.fbeta_score(actual, predicted, beta=2, average="micro"))


def test_what_is_not_defined() -> None:
    evaluation = counted(FIVE)
    assert np.isnan([evaluation.matthews_correlation(4), evaluation.matthews_correlation()]).all()
    assert [evaluation.g_measure(4), evaluation.precision(4), evaluation.f_beta(2.0, 0), evaluation.false_negative_rate(0)] == [0.0] * 4
    all_of_class_1 = counted([[0, 0], [0, 3]])
    assert [all_of_class_1.false_positive_rate(), all_of_class_1.f1(0), all_of_class_1.f1(averaging="macro")] == [0.0, 0.0, 1.0]
    all_of_class_0 = counted([[3, 0], [0, 0]])
    assert all_of_class_0.f1() == 0.0
    assert np.isnan(all_of_class_0.f1(averaging="macro"))  # of class 1, as DL4J's
    assert evaluation.metrics() == pytest.approx(
        {"accuracy": 22 / 85, "precision": 0.27370689, "recall": 0.25487804, "f1": 0.31824065, "matthews_correlation": np.nan}, nan_ok=True
    )


def test_table_of_the_confusion() -> None:
    assert counted([[12, 3], [0, 5]], ["quiet", "alarm"]).confusion_to_string() == (
        "   Predicted:         0      1\n"
        "   Actual:\n"
        "0  quiet      |      12      3\n"
        "1  alarm      |       0      5\n"
    )  # fmt: skip


def test_top_1_is_accuracy_where_values_are_equal() -> None:
    once, twice = Evaluation(3), Evaluation(3, top_n=2)
    for evaluation in (once, twice):
        evaluation.eval([[0, 0, 1], [0, 1, 0]], [[0.4, 0.2, 0.4], [0.3, 0.3, 0.4]])
    assert [once.accuracy(), once.top_n_accuracy(), twice.top_n_accuracy()] == [0.0, 0.0, 1.0]
    assert twice.metrics()["top_n_accuracy"] == 1.0


# What counts


def test_only_steps_with_mask_one_count() -> None:
    labels = np.eye(3)[[[0, 1, 2], [2, 1, 0]]].transpose(0, 2, 1)  # [2, 3, 3]
    predictions = np.eye(3)[[[0, 2, 2], [1, 1, 1]]].transpose(0, 2, 1).copy()
    mask = np.array([[1, 1, 0.5], [0, 1, np.nan]])
    predictions[:, :, 2] = np.nan  # nothing is read where the mask is not 1
    evaluation = Evaluation(3)
    evaluation.eval(labels, predictions, mask)
    np.testing.assert_array_equal(evaluation.confusion, [[1, 0, 0], [0, 1, 1], [0, 0, 0]])


@pytest.mark.parametrize("mask", [[1, 0, 1, 0], [[1], [0], [1], [0]], [True, False, True, False]])
def test_masked_rows_without_time(mask: Any) -> None:
    evaluation = Evaluation(2)
    evaluation.eval(np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 0, 1]], mask)
    np.testing.assert_array_equal(evaluation.confusion, [[1, 0], [1, 0]])


def test_first_of_equal_values_is_the_class() -> None:
    evaluation = Evaluation(3)
    evaluation.eval([[0, 0.5, 0.5]], [[0.4, 0.2, 0.4]])
    np.testing.assert_array_equal(evaluation.confusion, [[0, 0, 0], [1, 0, 0], [0, 0, 0]])


def test_one_column_is_decided_above_one_half() -> None:
    evaluation = Evaluation(1, ["no", "yes"])
    evaluation.eval([[1], [1], [0]], [[0.5], [0.51], [0.4]])
    np.testing.assert_array_equal(evaluation.confusion, [[1, 0], [1, 1]])
    assert evaluation.n_classes == 2


def test_calls_and_merged_evaluations_add_up() -> None:
    rng = np.random.default_rng(0)
    labels, predictions = np.eye(4)[rng.integers(0, 4, 50)], rng.random((50, 4))
    whole, first, second = (Evaluation(4, top_n=2) for _ in range(3))
    whole.eval(labels, predictions)
    first.eval(labels[:20], predictions[:20])
    second.eval(labels[20:30], predictions[20:30])
    second.eval(labels[30:], predictions[30:])
    first.merge(second)
    assert first.stats() == whole.stats()
    ranks = (predictions > predictions[np.arange(50), labels.argmax(1)][:, None]).sum(1)
    assert first.top_n_accuracy() == (ranks < 2).mean()


def test_json_round_trip() -> None:
    for evaluation in (counted(FIVE, ["a", "b", "c", "d", "ü"]), Evaluation(1, top_n=1)):
        again = Evaluation.from_json(evaluation.to_json())
        assert again.stats() == evaluation.stats()
        assert again.to_json() == evaluation.to_json()
        again.merge(evaluation)
        np.testing.assert_array_equal(again.confusion, 2 * evaluation.confusion)


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(3), np.eye(3)[:2]), "labels have shape [3, 3] and predictions [2, 3]; expected the same for both"),
        (
            (np.eye(2), np.eye(2)),
            "labels and predictions have shape [2, 2]; expected [N, 3] or [N, 3, T], one column a class",
        ),
        (([0, 1], [0, 1]), "labels and predictions have shape [2]; expected [N, 3] or [N, 3, T], one column a class"),
        (
            (np.eye(3), [[0, 1, np.nan]] * 3, [1, 1, 0]),
            "predictions are NaN in 2 of 2 rows that count; evaluate finite numbers, or mask these rows",
        ),
        (([[0, 1, np.nan]], [[0, 1, 0]]), "labels are NaN in 1 of 1 rows that count; evaluate finite numbers, or mask these rows"),
        (
            (np.eye(3), np.eye(3), np.ones((3, 2))),
            "mask has shape [3, 2]; expected [3, 1], one value a row, or [3, 3], one an output",
        ),
        (
            (np.eye(3), np.eye(3), np.ones((3, 3))),
            "mask has shape [3, 3]: it masks single outputs, but a class is told by whole rows; evaluate with a mask of rows or steps",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    evaluation = counted([[1, 0, 0], [0, 1, 1], [0, 0, 2]])
    before = evaluation.to_json()
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        evaluation.eval(*arguments)
    assert evaluation.to_json() == before


def test_classes_are_checked() -> None:
    with pytest.raises(InputError, match=r"^n_classes is 0; expected the number of output columns, at least 1$"):
        Evaluation(0)
    with pytest.raises(InputError, match=r"^top_n is 0; expected an integer of at least 1$"):
        Evaluation(2, top_n=0)
    with pytest.raises(InputError, match=r"^labels has 2 names \(a, b\); expected one for each of 3 classes$"):
        Evaluation(3, ["a", "b"])
    with pytest.raises(InputError, match=r"^class 3 is not there; expected 0 to 2$"):
        counted(np.eye(3, dtype=int)).precision(3)
    with pytest.raises(InputError, match=r"^class 'alarm' is not there; expected 0 to 2$"):
        counted(np.eye(3, dtype=int)).recall("alarm")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^labels is 'ab'; expected a list of names$"):
        Evaluation(2, "ab")
    with pytest.raises(InputError, match=r"^merge: n_classes is 2 there and 3 here; only evaluations of the same settings add up$"):
        Evaluation(3).merge(Evaluation(2))
    with pytest.raises(InputError, match=r"^merge: n_classes is 1 there and 2 here; only"):
        Evaluation(2).merge(Evaluation(1))
    with pytest.raises(InputError, match=r"^merge: labels is \['a', 'b'\] there and \['0', '1'\] here; only"):
        Evaluation(2).merge(Evaluation(2, ["a", "b"]))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"averaging": "Macro"}, """averaging is 'Macro'; expected "macro" or "micro\""""),
        ({"i": 1, "averaging": "macro"}, "averaging is 'macro' beside class 1; give one of them"),
        ({"i": -1}, "class -1 is not there; expected 0 to 1"),
    ],
)
@pytest.mark.parametrize("method", ["precision", "f1", "matthews_correlation", "g_measure", "false_negative_rate"])
def test_averages_that_do_not_exist(method: str, choice: dict[str, Any], message: str) -> None:
    for evaluation in (counted(np.eye(2, dtype=int)), Evaluation(2)):
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            getattr(evaluation, method)(**choice)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "'{' is not what to_json writes (JSONDecodeError: "),
        ("{}", "'{}' is not what to_json writes (KeyError: 'evaluation')"),
        ("[]", "'[]' is not what to_json writes (TypeError: "),
        (held(evaluation="ROC"), "InputError: it holds 'ROC'; expected Evaluation)"),
        (held(evaluation=[]), "TypeError: unhashable type"),
        (held(settings={"n_classes": 0}), "InputError: n_classes is 0; expected the number of output columns, at least 1)"),
        (held(settings={"classes": 2}), "TypeError: Evaluation has no argument 'classes'"),
        (held(confusion=[[1, -1], [0, 0]]), "InputError: confusion is [[1, -1], [0, 0]]; expected [2, 2] counts)"),
        (held(confusion=[[1, 1, 1]]), "InputError: confusion is [[1, 1, 1]]; expected [2, 2] counts)"),
        (held(confusion=[[1, 0.5], [0, 0]]), "InputError: confusion is [[1, 0.5], [0, 0]]; expected [2, 2] counts)"),
        (held(confusion=[[10**30, 1], [0, 0]]), "expected [2, 2] counts)"),
        (held(top_n_correct=float("inf")), "InputError: top_n_correct is inf; expected a count)"),
    ],
)
def test_json_of_others_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^from_json: .*{re.escape(message)}"):
        Evaluation.from_json(text)
