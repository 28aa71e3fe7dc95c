"""The evaluations against DL4J's own numbers, curves and text, for all cases and all of their keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.evaluation import BaseEvaluation
from rnngraph.evaluation.text import regression_table

Numbers = dict[str, float]
CLASSES = {  # columns, top_n
    "evaluation_multiclass": (5, 1),
    "evaluation_multiclass_unmasked": (4, 1),
    "evaluation_perfect": (3, 1),
    "evaluation_binary_classes": (2, 1),
    "evaluation_single_column": (1, 1),
    "evaluation_top2": (5, 2),
}
AVERAGED = ("precision", "recall", "f1", "matthews", "gmeasure", "false_positive_rate", "false_negative_rate")
METHODS = {"matthews": "matthews_correlation", "gmeasure": "g_measure"}


def told(case: Path) -> tuple[Numbers, dict[str, np.ndarray]]:
    """The case's numbers and arrays."""
    numbers = {name: float(value) for name, value in json.loads((case / "metrics.json").read_text()).items()}
    return numbers, dict(np.load(case / "arrays.npz"))


def through_json(evaluation: Any) -> Any:
    """What JSON makes of it, which has to say the same."""
    return BaseEvaluation.from_json(evaluation.to_json())


@pytest.mark.parametrize("name", CLASSES)
def test_classification(name: str, goldens: Path) -> None:
    expected, arrays = told(goldens / name)
    evaluation = rg.Evaluation(CLASSES[name][0], top_n=CLASSES[name][1])
    evaluation.eval_time_series(arrays["y"], arrays["p"], arrays.get("mask"))
    evaluation = through_json(evaluation)
    found = {key: getattr(evaluation, key)() for key in ("accuracy", "precision", "recall", "f1")}
    if len(expected) > 4:  # the case of a single column has no more
        found |= _averages(evaluation) | _by_class(evaluation)
    if evaluation.top_n > 1:
        found["top_n_accuracy"] = evaluation.top_n_accuracy()
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)
    np.testing.assert_array_equal(evaluation.confusion, arrays["confusion"])
    assert str(evaluation).encode() == (goldens / name / "stats.txt").read_bytes()


def _averages(evaluation: rg.Evaluation) -> Numbers:
    return {
        f"{key}_{averaging}": getattr(evaluation, METHODS.get(key, key))(averaging=averaging)
        for averaging in ("macro", "micro")
        for key in AVERAGED
    }


def _by_class(evaluation: rg.Evaluation) -> Numbers:
    found: Numbers = {}
    for i in range(evaluation.n_classes):
        found |= {f"{key}_{i}": getattr(evaluation, key)(i) for key in ("precision", "recall", "f1")}
        found[f"fbeta2_{i}"] = evaluation.f_beta(2.0, i)
        found[f"true_positives_{i}"] = float(evaluation.true_positives()[i])
        found[f"false_positives_{i}"] = float(evaluation.false_positives()[i])
    return found


def test_binary(goldens: Path) -> None:
    case = goldens / "evaluation_binary"
    expected, arrays = told(case)
    found: Numbers = {}
    for kind, mask in {"unmasked": None, "masked": arrays["mask"], "per_output": arrays["mask_per_output"]}.items():
        evaluation = rg.EvaluationBinary(3)
        evaluation.eval(arrays["y"], arrays["p"], mask)
        evaluation = through_json(evaluation)
        for i in range(3):
            counts: dict[str, Callable[[int], float]] = {
                "tp": evaluation.true_positives,
                "tn": evaluation.true_negatives,
                "fp": evaluation.false_positives,
                "fn": evaluation.false_negatives,
                "total": evaluation.total_count,
                "matthews": evaluation.matthews_correlation,
                "gmeasure": evaluation.g_measure,
            }
            found |= {f"{kind}_{key}_{i}": float(of(i)) for key, of in counts.items()}
            found |= {f"{kind}_{key}_{i}": getattr(evaluation, key)(i) for key in ("accuracy", "precision", "recall", "f1")}
        assert str(evaluation).encode() == (case / f"stats_{kind}.txt").read_bytes()
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_regression(goldens: Path) -> None:
    """DL4J sums the float32 values of a call in float32, which the last digit of its text shows: its text is that of its own numbers."""
    case = goldens / "evaluation_regression"
    expected, arrays = told(case)
    y, p = arrays["y"], arrays["p"]
    found: Numbers = {}
    kinds = {"unmasked": (y, p, None), "masked": (y, p, arrays["mask"]), "rows": (y[:, :, 0], p[:, :, 0], None)}
    methods = {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "rmse": "root_mean_squared_error",
        "rse": "relative_squared_error",
        "pc": "pearson_correlation",
        "r2": "r_squared",
    }
    for kind, given in kinds.items():
        evaluation = rg.RegressionEvaluation(3)
        evaluation.eval(*given)
        evaluation = through_json(evaluation)
        for key, method in methods.items():
            found |= {f"{kind}_{key}_{i}": getattr(evaluation, method)(i) for i in range(3)}
            found[f"{kind}_{key}"] = getattr(evaluation, f"average_{method}")()
        theirs = np.array([[expected[f"{kind}_{key}_{i}"] for key in methods] for i in range(3)])
        assert regression_table(evaluation.labels, theirs).encode() == (case / f"stats_{kind}.txt").read_bytes()
        assert str(evaluation) == regression_table(
            evaluation.labels, np.array([[found[f"{kind}_{k}_{i}"] for k in methods] for i in range(3)])
        )
        assert evaluation.metrics() == {method: found[f"{kind}_{key}"] for key, method in methods.items()}
    assert found == pytest.approx(expected, rel=1e-6)


def test_roc(goldens: Path) -> None:
    case = goldens / "evaluation_roc"
    expected, arrays = told(case)
    y, p, mask = arrays["y"], arrays["p"], arrays["mask"]
    kinds: dict[str, tuple[Any, ...]] = {
        "one_column": (0, y[:, 1:], p[:, 1:], mask),
        "two_columns": (0, y, p, mask),
        "one_column_unmasked": (0, y[:, 1:], p[:, 1:], None),
        "steps_20": (20, y[:, 1:], p[:, 1:], mask),
    }
    found: Numbers = {}
    for kind, (steps, *given) in kinds.items():
        roc = rg.ROC(steps)
        roc.eval(*given)
        roc = through_json(roc)
        found |= {f"{kind}_auc": roc.calculate_auc(), f"{kind}_auprc": roc.calculate_aucpr()}
        for prefix, curve in ((kind, roc.roc_curve()), (f"{kind}_pr", roc.precision_recall_curve())):
            for name, points in vars(curve).items():
                np.testing.assert_allclose(points, arrays[f"{prefix}_{name}"], rtol=1e-14, atol=0, err_msg=f"{prefix}_{name}")
        assert str(roc).encode() == (case / f"stats_{kind}.txt").read_bytes()
    assert found == expected  # to the last bit, which its text shows


def test_every_case_is_here(goldens: Path) -> None:
    index = json.loads((goldens / "index.json").read_text())
    found = {name for name, entry in index.items() if entry["family"] == "evaluation"}
    assert found == {*CLASSES, "evaluation_binary", "evaluation_regression", "evaluation_roc"}
