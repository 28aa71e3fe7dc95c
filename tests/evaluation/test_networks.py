"""Networks and exported files evaluated: one pass, all masks, data of every kind; the numbers are those of the outputs by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import InputError
from tests.graph_networks import multi, padded, two_heads

RNG = np.random.default_rng(4)
X = RNG.normal(size=(6, 3, 5))
LENGTHS = (np.arange(5) < np.array([[5], [2], [3], [5], [1], [4]])).astype(float)
OUTPUTS = RNG.integers(0, 2, (6, 2, 5)).astype(float)


def network(columns: int = 2, activation: str = "softmax", loss: str = "mcxent", last: bool = False) -> rg.MultiLayerNetwork:
    lstm = rg.LSTM(n_in=3, n_out=4)
    end = rg.OutputLayer if last else rg.RnnOutputLayer
    layers = [rg.LastTimeStep(lstm) if last else lstm, end(n_out=columns, activation=activation, loss=loss)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=2, layers=layers))


def one_hot(columns: int, *shape: int) -> np.ndarray:
    return np.moveaxis(np.eye(columns)[np.random.default_rng(1).integers(0, columns, shape)], -1, 1)


def in_pieces(data: rg.DataSet) -> dict[str, Callable[[], Any]]:
    """The same rows as everything that data may be."""
    parts = [
        rg.DataSet(data.features[k : k + 2], data.labels[k : k + 2], *(m if m is None else m[k : k + 2] for m in masks_of(data)))
        for k in range(0, 6, 2)
    ]
    return {
        "one": lambda: data,
        "minibatches": lambda: rg.MiniBatches(data, 4, shuffle=False),
        "list": lambda: parts,
        "generator": lambda: iter(parts),
        "tuples": lambda: [(p.features, p.labels, p.features_mask, p.labels_mask) for p in parts],
    }


def masks_of(data: rg.DataSet) -> tuple[np.ndarray | None, np.ndarray | None]:
    return data.features_mask, data.labels_mask


@pytest.mark.parametrize("kind", ["one", "minibatches", "list", "generator", "tuples"])
@pytest.mark.parametrize("own", [False, True])
def test_steps_count_by_the_labels_mask_else_by_the_features_mask(kind: str, own: bool) -> None:
    net, labels, last = network(), one_hot(2, 6, 5), np.eye(5)[LENGTHS.sum(1).astype(int) - 1]
    data = rg.DataSet(X, labels, LENGTHS, last if own else None)
    found = net.do_evaluation(in_pieces(data)[kind](), rg.Evaluation(2), rg.ROC(), rg.RegressionEvaluation(2), rg.EvaluationBinary())
    y = net.output(X, LENGTHS)
    for evaluation in found:
        by_hand = evaluation._empty()
        by_hand.eval(labels, y, last if own else LENGTHS)
        assert evaluation.num_examples() == (6 if own else LENGTHS.sum())
        assert evaluation.metrics() == pytest.approx(
            by_hand.metrics(), rel=1e-6, nan_ok=True
        )  # a batch of another size has other last bits


def test_methods_of_a_network_in_a_row() -> None:
    net, data = network(), rg.DataSet(X, one_hot(2, 6, 5), LENGTHS)
    classes, roc, roc20, several, regression = net.do_evaluation(
        data, rg.Evaluation(2, ["no", "yes"], 2), rg.ROC(), rg.ROC(20), rg.ROCMultiClass(5), rg.RegressionEvaluation(2)
    )
    assert net.evaluate(data, ["no", "yes"], top_n=2).to_json() == classes.to_json()
    assert net.evaluate_roc(data).to_json() == roc.to_json()
    assert net.evaluate_roc(data, threshold_steps=20).to_json() == roc20.to_json()
    assert net.evaluate_roc_multi_class(data, threshold_steps=5).to_json() == several.to_json()
    assert net.evaluate_regression(data).to_json() == regression.to_json()


def test_methods_of_a_graph_take_an_output() -> None:
    net, data = two_heads(), multi()
    steps, whole = net.output(data.features, data.features_masks)
    mask = data.features_masks[0]
    by_hand = rg.ROC()
    by_hand.eval(data.labels[0], steps, mask)
    assert net.evaluate_roc(data, output="steps").to_json() == by_hand.to_json()
    classes = rg.ROCMultiClass()
    classes.eval(data.labels[0], steps, mask)
    assert net.evaluate_roc_multi_class(data, output="steps").to_json() == classes.to_json()
    regression, binary = rg.RegressionEvaluation(), rg.EvaluationBinary()
    for evaluation in (regression, binary):
        evaluation.eval(data.labels[1], whole)
    assert net.evaluate_regression(data, output="whole").to_json() == regression.to_json()
    assert net.do_evaluation(data, rg.EvaluationBinary(3), output="whole")[0].to_json() == binary.to_json()
    assert net.evaluate(data, "steps", ["a", "b"]).labels == ("a", "b")
    for method in (net.evaluate_regression, net.evaluate_roc, net.evaluate_roc_multi_class):
        message = f"{method.__name__}: the network has the outputs steps, whole; say which by output='steps'"
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            method(data)
    with pytest.raises(InputError, match=r"^do_evaluation: output='y'; expected one of steps, whole$"):
        net.do_evaluation(data, rg.ROC(), output="y")


def test_masks_of_single_outputs_are_for_evaluations_by_output() -> None:
    net = network(activation="sigmoid", loss="xent")
    data = rg.DataSet(X, RNG.integers(0, 2, (6, 2, 5)), None, OUTPUTS)
    (binary, several) = net.do_evaluation(data, rg.EvaluationBinary(), rg.ROCBinary())
    assert [binary.total_count(i) for i in range(2)] == OUTPUTS.sum(axis=(0, 2)).tolist()
    assert [several.roc(i).num_examples() for i in range(2)] == OUTPUTS.sum(axis=(0, 2)).tolist()
    errors = np.abs(net.output(X) - data.labels)[:, 1][OUTPUTS[:, 1] == 1]
    assert net.evaluate_regression(data).mean_absolute_error(1) == pytest.approx(errors.mean(), rel=1e-6)
    message = (
        "labels_mask has shape [6, 2, 5]: it masks single outputs, but a class is told by whole rows; evaluate with a mask of rows or steps"
    )
    for method in (net.evaluate, net.evaluate_roc_multi_class):
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            method(data)


def test_a_network_without_a_time_axis_at_the_end() -> None:
    net = network(1, "sigmoid", "xent", last=True)
    labels = RNG.integers(0, 2, (6, 1))
    rows = np.array([1, 0, 1, 1, 1, 1])
    roc = net.evaluate_roc(rg.DataSet(X, labels, LENGTHS, rows))
    by_hand = rg.ROC()
    by_hand.eval(labels, net.output(X, LENGTHS), rows)
    assert roc.to_json() == by_hand.to_json()
    assert net.evaluate(rg.DataSet(X, labels, LENGTHS)).num_examples() == 6


def test_several_passes_add_up_and_a_refused_one_changes_nothing() -> None:
    net, data = network(), rg.DataSet(X, one_hot(2, 6, 5), LENGTHS)
    classes, roc = rg.Evaluation(2), rg.ROC()
    for k in (1, 2):
        assert net.do_evaluation(data, classes, roc) == (classes, roc)
        assert [classes.num_examples(), roc.num_examples()] == [k * LENGTHS.sum()] * 2
    before = classes.to_json(), roc.to_json()
    soft = rg.DataSet(X, np.full((6, 2, 5), 0.5))
    with pytest.raises(InputError, match=r"^labels are neither 0 nor 1 in 30 of 30 rows that count"):
        net.do_evaluation([data, soft], classes, roc)
    assert (classes.to_json(), roc.to_json()) == before


def test_what_is_no_evaluation_is_refused() -> None:
    net, data = network(), rg.DataSet(X, one_hot(2, 6, 5))
    message = "do_evaluation: there is no evaluation; give one or more, as do_evaluation(data, rg.Evaluation(2), rg.ROC())"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        net.do_evaluation(data)
    with pytest.raises(
        InputError, match=r"^do_evaluation: Evaluation is no evaluation; give objects such as rg.Evaluation\(2\) behind the data$"
    ):
        net.do_evaluation(data, rg.Evaluation)
    message = "labels and predictions have shape [6, 2, 5]; expected [N, 3] or [N, 3, T], one column a class"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        net.do_evaluation(data, rg.Evaluation(3))
    with pytest.raises(InputError, match=r"^labels has 3 names \(a, b, c\); expected one for each of 2 classes$"):
        net.evaluate(data, ["a", "b", "c"])


def test_what_an_exported_file_gives_is_evaluated(tmp_path: Path) -> None:
    from rnngraph.exporters import export_onnx
    from rnngraph.runtime import StreamingSession

    net, data = network(), padded(n=6)
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    session = StreamingSession(tmp_path / "net.onnx", device="cpu")
    whole, stepped = rg.Evaluation(2), rg.Evaluation(2)
    whole.eval(data.labels, session.output(data.features, data.features_mask), data.features_mask)
    assert data.features_mask is not None
    for t in range(data.features.shape[2]):  # as the steps come
        y = session.rnn_time_step(data.features[:, :, t], data.features_mask[:, t])
        stepped.eval(data.labels[:, :, t], y, data.features_mask[:, t])
    assert whole.to_json() == stepped.to_json() == net.evaluate(data).to_json()
