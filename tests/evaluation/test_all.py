"""What holds for every evaluation: rows count the same however they come, and nothing is lost on the way through JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.evaluation import BaseEvaluation

MAKERS: dict[str, Callable[[], Any]] = {
    "classes": lambda: rg.Evaluation(3, ["a", "b", "c"], top_n=2),
    "binary": lambda: rg.EvaluationBinary(thresholds=[0.5, 0.4, 0.6]),
    "regression": rg.RegressionEvaluation,
    "roc_binary": lambda: rg.ROCBinary(labels=["a", "b", "c"]),
    "roc_binary_steps": lambda: rg.ROCBinary(10),
    "roc_classes": rg.ROCMultiClass,
    "roc": rg.ROC,
    "roc_steps": lambda: rg.ROC(20),
}
BY_OUTPUT = ("binary", "regression", "roc_binary", "roc_binary_steps")


def rows(name: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions and a mask that ``name`` can count; many predictions are equal."""
    rng = np.random.default_rng(seed)
    columns = 1 if name in ("roc", "roc_steps") else 3
    predictions = rng.integers(0, 11, (count, columns)) / 10
    if name == "regression":
        return rng.normal(1e3, 1, (count, 3)), predictions + 1e3, rng.integers(0, 2, (count, 3))
    labels = np.eye(3)[rng.integers(0, 3, count)] if name in ("classes", "roc_classes") else rng.integers(0, 2, (count, columns))
    return labels, predictions, rng.integers(0, 2, (count, 3 if name in BY_OUTPUT else 1))


def evaluated(name: str, labels: np.ndarray, predictions: np.ndarray, mask: np.ndarray) -> Any:
    evaluation = MAKERS[name]()
    evaluation.eval(labels, predictions, mask)
    return evaluation


def assert_same(found: Any, whole: Any) -> None:
    """The same, to the bit where counts are added up, else to rounding."""
    if isinstance(whole, rg.RegressionEvaluation):
        theirs, ours = (json.loads(one.to_json()) for one in (whole, found))
        assert ours.pop("settings") == theirs.pop("settings")
        assert ours.pop("evaluation") == theirs.pop("evaluation")
        for key, values in theirs.items():
            np.testing.assert_allclose(ours[key], values, rtol=1e-9, atol=1e-9, err_msg=key)
        np.testing.assert_allclose(list(found.metrics().values()), list(whole.metrics().values()), rtol=1e-9, atol=1e-12)
    else:
        assert found.to_json() == whole.to_json()
        assert found.stats() == whole.stats()


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=40)
@given(count=st.integers(0, 40), seed=st.integers(0, 9), data=st.data())
def test_any_split_in_any_order_counts_the_same(name: str, count: int, seed: int, data: st.DataObject) -> None:
    labels, predictions, mask = rows(name, count, seed)
    whole = evaluated(name, labels, predictions, mask)
    order = np.array(data.draw(st.permutations(range(count))), int)
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=4)))
    parts, called = [MAKERS[name]()], MAKERS[name]()
    for part in np.split(order, cuts):
        parts.append(evaluated(name, labels[part], predictions[part], mask[part]))
        called.eval(labels[part], predictions[part], mask[part])
    merged = MAKERS[name]()
    for one in data.draw(st.permutations(parts)):
        merged.merge(BaseEvaluation.from_json(one.to_json()))
    assert_same(merged, whole)
    assert_same(called, whole)


@pytest.mark.parametrize("name", MAKERS)
def test_a_time_axis_is_so_many_rows(name: str) -> None:
    labels, predictions, mask = rows(name, 12, 1)
    series = [array.reshape(3, 4, -1).transpose(0, 2, 1) for array in (labels, predictions, mask)]
    series[2] = series[2] if mask.shape[1] > 1 else series[2][:, 0]
    evaluation = MAKERS[name]()
    evaluation.eval_time_series(*series)
    assert evaluation.num_examples() > 0
    assert_same(evaluation, evaluated(name, labels, predictions, mask))


@pytest.mark.parametrize("name", MAKERS)
def test_json_holds_all_of_it(name: str) -> None:
    evaluation = evaluated(name, *rows(name, 30, 2))
    text = evaluation.to_json()
    json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity
    for again in (BaseEvaluation.from_json(text), type(evaluation).from_json(text)):
        assert type(again) is type(evaluation)
        assert again.to_json() == text
        assert again.stats() == str(evaluation)
        assert again.labels == evaluation.labels
        again.merge(evaluation)
        assert again.num_examples() == 2 * evaluation.num_examples()
    assert evaluation.to_json() == text  # merging it elsewhere left it alone
    with pytest.raises(InputError, match=r"from_json: .* expected (ROC|Evaluation)\)$"):
        (rg.Evaluation if name.startswith("roc") else rg.ROC).from_json(text)


@pytest.mark.parametrize("name", MAKERS)
def test_reset_forgets(name: str) -> None:
    evaluation = evaluated(name, *rows(name, 30, 2))
    assert evaluation.num_examples() > 0
    evaluation.reset()
    assert evaluation.to_json() == MAKERS[name]().to_json()


@pytest.mark.parametrize("name", MAKERS)
def test_refused_rows_leave_everything_as_it_was(name: str) -> None:
    for evaluation in (MAKERS[name](), evaluated(name, *rows(name, 30, 2))):
        before = evaluation.to_json()
        labels, predictions, _ = rows(name, 6, 3)
        one, other = list(labels.shape), list(labels[:3].shape)
        bad = [
            ((labels, predictions[:3]), f"labels have shape {one} and predictions {other}; expected the same for both"),
            ((labels[:, 0], predictions[:, 0]), "labels and predictions have shape [6]; expected [N, "),
            ((labels[:, :0], predictions[:, :0]), "labels and predictions have shape [6, 0]; expected [N, "),
            ((labels, predictions, np.ones(5)), "mask has shape [5]; expected [6, 1], "),
            ((labels, np.full(labels.shape, np.nan), np.arange(6) < 2), "in 2 of 2 rows that count; evaluate finite numbers, or mask"),
            ((labels, [["a"] * labels.shape[1]] * 6), "predictions is an array of <U1 of shape "),
        ]
        for arguments, message in bad:
            with pytest.raises(InputError, match=re.escape(message)):
                evaluation.eval(*arguments)
        assert evaluation.to_json() == before


@pytest.mark.parametrize("name", MAKERS)
def test_numbers_are_json_and_told_in_short(name: str) -> None:
    evaluation = evaluated(name, *rows(name, 30, 2))
    numbers = evaluation.metrics()
    assert json.loads(json.dumps(numbers)) == numbers
    assert all(type(value) is float for value in numbers.values())
    first, value = next(iter(numbers.items()))
    assert repr(evaluation).endswith(f"{evaluation.num_examples()} rows, {first} {value:.4f})")


def test_others_are_not_merged() -> None:
    with pytest.raises(InputError, match=r"^merge: expected another ROC, not EvaluationBinary\(0 rows, accuracy nan\)$"):
        rg.ROC().merge(rg.EvaluationBinary())  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^merge: columns is \['a', 'b'\] there and 3 here; only"):
        rg.RegressionEvaluation(3).merge(rg.RegressionEvaluation(["a", "b"]))
    two, three = rg.EvaluationBinary(), rg.EvaluationBinary()
    two.eval([[1, 0]], [[1, 0]])
    three.eval([[1, 0, 1]], [[1, 0, 1]])
    with pytest.raises(InputError, match=r"^merge: n_outputs is 3 there and 2 here; only evaluations of the same settings add up$"):
        two.merge(three)
    several, more = rg.ROCBinary(), rg.ROCBinary()
    several.eval([[1, 0]], [[1, 0]])
    more.eval([[1, 0, 1]], [[1, 0, 1]])
    before = several.to_json()
    with pytest.raises(
        InputError, match=r"^merge: the number of outputs is 3 there and 2 here; only evaluations of the same settings add up$"
    ):
        several.merge(more)
    assert several.to_json() == before


@pytest.mark.parametrize(
    ("evaluation", "changed", "message"),
    [
        (rg.ROC(), {"scores": [0.2, 0.1]}, "scores is [0.2, 0.1]; expected ascending numbers"),
        (rg.ROC(), {"scores": [0.1], "positives": [1]}, "negatives is []; expected [1] counts"),
        (rg.ROC(5), {"true_positives": [1]}, "true_positives is [1]; expected [6] counts"),
        (rg.ROCBinary(labels=["a", "b"]), {"outputs": []}, "outputs is []; expected a list of 2 states"),
        (rg.ROCBinary(), {"outputs": 3}, "outputs is 3; expected a list of states"),
        (rg.RegressionEvaluation(2), {"products": ["1", "2"]}, "products is ['1', '2']; expected [2] numbers"),
        (rg.RegressionEvaluation(2), {"count": [1.5, 2]}, "count is [1.5, 2]; expected [2] counts"),
        (rg.EvaluationBinary(2), {"tp": [1]}, "tp is [1]; expected [2] counts"),
        (rg.EvaluationBinary(2), {"evaluation": "Accuracy"}, "it holds 'Accuracy'; expected "),
    ],
)
def test_json_of_others_is_refused(evaluation: BaseEvaluation, changed: dict[str, Any], message: str) -> None:
    text = json.dumps({**json.loads(evaluation.to_json()), **changed})
    with pytest.raises(InputError, match=f"^from_json: .* is not what to_json writes \\(InputError: {re.escape(message)}"):
        BaseEvaluation.from_json(text)
