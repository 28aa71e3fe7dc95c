"""Losses: values against formulas written out in numpy, gradients against differences and DL4J's formulas, masks, weights, labels."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.losses import CLIP_EPS, LOSSES, WEIGHTED
from rnngraph.errors import GraphError, InputError
from rnngraph.lowering import lower

Array = npt.NDArray[Any]
N, C, T = 4, 3, 5


def logs(p: Array, y: Array, eps: float) -> Array:
    p = np.clip(p, eps, 1 - eps)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


FORMULAS: dict[str, Callable[[Array, Array], Array]] = {
    **dict.fromkeys(("mcxent", "negativeloglikelihood", "sparse_mcxent"), lambda p, y: -y * np.log(p)),
    "xent": lambda p, y: logs(p, y, 1e-5),
    "mse": lambda p, y: (y - p) ** 2 / C,
    "l2": lambda p, y: (y - p) ** 2,
    "l1": lambda p, y: abs(y - p),
    "mean_absolute_error": lambda p, y: abs(y - p) / C,
    "mean_absolute_percentage_error": lambda p, y: 100 / C * abs((y - p) / y),
    "mean_squared_logarithmic_error": lambda p, y: np.log((p + 1) / (y + 1)) ** 2 / C,
    "hinge": lambda p, y: np.maximum(0, 1 - y * p),
    "squared_hinge": lambda p, y: np.maximum(0, 1 - y * p) ** 2,
    "kl_divergence": lambda p, y: np.clip(y, 1e-5, 1) * np.log(np.clip(y, 1e-5, 1) / np.clip(p, 1e-5, 1)),
    "poisson": lambda p, y: p - y * np.log(p),
    "cosine_proximity": lambda p, y: -y * p / (np.linalg.norm(p, axis=1, keepdims=True) * np.linalg.norm(y, axis=1, keepdims=True)),
    "wasserstein": lambda p, y: y * p / C,
}
"""The loss of every output; y and p are [N, C, T]."""

ACTIVATION = {
    **dict.fromkeys(("mcxent", "negativeloglikelihood", "sparse_mcxent", "kl_divergence"), "softmax"),
    **dict.fromkeys(("mean_squared_logarithmic_error", "poisson"), "softplus"),
    **dict.fromkeys(("hinge", "squared_hinge"), "tanh"),
    "xent": "sigmoid",
}


def labels(loss: str, seed: int = 1) -> Array:
    """Labels [N, C, T] that the loss takes."""
    generator = np.random.default_rng(seed)
    if loss in ("mcxent", "negativeloglikelihood", "sparse_mcxent", "kl_divergence"):
        return np.eye(C)[generator.integers(0, C, (N, T))].transpose(0, 2, 1)
    if loss in ("xent", "hinge", "squared_hinge"):
        signs = generator.integers(0, 2, (N, C, T)).astype(float)
        return signs if loss == "xent" else 2 * signs - 1
    if loss == "poisson":
        return generator.integers(0, 5, (N, C, T)).astype(float)
    return 0.5 + generator.random((N, C, T))


def given(loss: str, dense: Array) -> Array:
    """The labels as the network takes them."""
    return dense.argmax(1)[:, None] if loss == "sparse_mcxent" else dense


def network(loss: Any, activation: str | None = None, **settings: Any) -> rg.MultiLayerNetwork:
    name = loss.name if isinstance(loss, rg.Loss) else loss
    layers = [
        rg.SimpleRnn(n_in=2, n_out=4),
        rg.RnnOutputLayer(n_out=C, activation=activation or ACTIVATION.get(name, "identity"), loss=loss),
    ]
    return rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(seed=2, layers=layers, data_type="float64", validate_output_layer=False, **settings)
    )


X = np.random.default_rng(0).standard_normal((N, 2, T))
STEPS = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]], float)
OUTPUTS = (np.random.default_rng(3).random((N, C, T)) > 0.4).astype(float)
WEIGHTS = np.array([0.5, 0.0, 2.0])


@pytest.mark.parametrize("loss", LOSSES)
def test_score_and_reference_equal_the_formula(loss: str) -> None:
    net, y = network(loss), labels(loss)
    p = net.output(X)
    every = FORMULAS[loss](p, y)
    for mask in (None, STEPS):
        counts = np.ones((N, 1, T)) if mask is None else mask[:, None]
        expected = (every * counts).sum() / N
        assert net.score(rg.DataSet(X, given(loss, y), None, mask)) == pytest.approx(expected, rel=1e-10)
        graph = lower(net.config, labels_mask=mask is not None, loss=True)
        feeds = {"x": X, "labels": y, "state_00_h": np.zeros((N, 4)), **net.parameters()}
        feeds.update({} if mask is None else {"labels_mask": mask})
        assert run(graph, feeds)["loss"] == pytest.approx(expected * N, rel=1e-10)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("loss", "activation"), [*((n, None) for n in LOSSES), ("mse", "softmax"), ("xent", "softmax"), ("mcxent", "sigmoid")]
)
def test_gradients_equal_differences_of_the_reference(loss: str, activation: str | None, masked: bool) -> None:
    """All but KL_DIVERGENCE's, see below; where labels are 0 the others' score and gradient belong together."""
    y = labels(loss)
    if loss == "kl_divergence":
        y = np.where(y > 0, 0.8, 0.1)  # nothing is clipped
    net = network(loss, activation)
    data = rg.DataSet(X, given(loss, y), None, STEPS if masked else None)
    _, gradient = net.gradient(data)
    graph = lower(net.config, labels_mask=masked, loss=True)
    feeds = {"x": X, "labels": y, "state_00_h": np.zeros((N, 4)), **net.parameters(), **({"labels_mask": STEPS} if masked else {})}
    for key in ("0.R", "1.W", "1.b"):
        for position in np.ndindex(*gradient[key].shape[:1], *(2,) * (gradient[key].ndim - 1)):
            values = []
            for sign in (1, -1):
                changed = feeds[key].copy()
                changed[position] += sign * 1e-6
                values.append(float(run(graph, {**feeds, key: changed})["loss"]))
            assert gradient[key][position] == pytest.approx((values[0] - values[1]) / 2e-6, rel=2e-6, abs=3e-8), (key, position)


def test_the_gradient_of_kl_divergence_is_not_clipped() -> None:
    """DL4J's: by the output minus label over output, though the score has y ln y with labels of at least 1e-5 in it."""
    net, y = network("kl_divergence"), labels("kl_divergence")
    _, gradient = net.gradient(rg.DataSet(X, y))
    p = net.output(X)
    np.testing.assert_allclose(gradient["1.b"], (p - y).sum((0, 2)), rtol=1e-12)


def test_a_row_of_zeros_pulls_the_softmax_down() -> None:
    """DL4J's gradient of softmax with a cross entropy is y - label, whatever the labels sum to; with weights it is 0 there."""
    zeros = np.zeros((N, C, T))
    net = network("mcxent")
    np.testing.assert_allclose(net.gradient(rg.DataSet(X, zeros))[1]["1.b"], net.output(X).sum((0, 2)), rtol=1e-12)
    assert net.score(rg.DataSet(X, zeros)) == 0
    weighted = network(rg.Loss("mcxent", weights=[1, 1, 1]))
    np.testing.assert_array_equal(weighted.gradient(rg.DataSet(X, zeros))[1]["1.b"], np.zeros(C))


@pytest.mark.parametrize("loss", WEIGHTED)
def test_weights_of_outputs(loss: str) -> None:
    net, y = network(rg.Loss(loss, weights=WEIGHTS)), labels(loss)
    every = FORMULAS[loss](net.output(X), y) * WEIGHTS[:, None]
    data = rg.DataSet(X, given(loss, y), None, STEPS)
    assert net.score(data) == pytest.approx((every * STEPS[:, None]).sum() / N, rel=1e-10)
    _, gradient = net.gradient(data)
    p = net.parameters()
    for k in range(C):
        scores = []
        for sign in (1, -1):
            changed = {name: v.copy() for name, v in p.items()}
            changed["1.b"][k] += sign * 1e-6
            net.set_parameters(changed)
            scores.append(net.score(data) * N)
        assert gradient["1.b"][k] == pytest.approx((scores[0] - scores[1]) / 2e-6, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("loss", [n for n in LOSSES if n not in ("mcxent", "negativeloglikelihood", "sparse_mcxent", "cosine_proximity")])
def test_masks_of_single_outputs(loss: str) -> None:
    """Whatever stands at outputs that do not count leaves no trace, in the gradient neither."""
    net, y = network(loss), labels(loss)
    every = FORMULAS[loss](net.output(X), y)
    clean, dirty = (rg.DataSet(X, labels_, None, OUTPUTS) for labels_ in (y, np.where(OUTPUTS > 0, y, np.nan)))
    assert net.score(clean) == pytest.approx((every * OUTPUTS).sum() / N, rel=1e-10)
    (score, gradient), (again, same) = net.gradient(clean), net.gradient(dirty)
    assert score == again
    for k, v in gradient.items():
        np.testing.assert_array_equal(v, same[k])
    whole = net.gradient(rg.DataSet(X, y, None, STEPS))[1]
    stretched = np.ascontiguousarray(np.broadcast_to(STEPS[:, None], (N, C, T)))
    for k, v in net.gradient(rg.DataSet(X, y, None, stretched))[1].items():
        np.testing.assert_allclose(v, whole[k], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_stands_at_masked_steps_leaves_no_trace(loss: str) -> None:
    net, y = network(loss), given(loss, labels(loss)).astype(float)
    dirty = rg.DataSet(X, np.where(STEPS[:, None] > 0, y, np.nan), None, STEPS)
    zeros = rg.DataSet(X, np.where(STEPS[:, None] > 0, y, 0.0), None, STEPS)
    clean = net.gradient(rg.DataSet(X, y, None, STEPS))
    for data in (dirty, zeros):
        score, gradient = net.gradient(data)
        assert score == clean[0]
        for k, v in gradient.items():
            assert np.isfinite(v).all()
            np.testing.assert_array_equal(v, clean[1][k])


def test_masks_of_rows_and_outputs_without_a_time_axis() -> None:
    layers = [rg.DenseLayer(n_in=2, n_out=4), rg.OutputLayer(n_out=C, activation="sigmoid", loss="xent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))
    x, y = X[:, :, 0], labels("xent")[:, :, 0]
    every = logs(net.output(x), y, 1e-5)
    rows = np.array([1.0, 0, 1, 1])
    for mask, counts in ((rows, rows[:, None]), (rows[:, None], rows[:, None]), (OUTPUTS[:, :, 0], OUTPUTS[:, :, 0])):
        assert net.score(rg.DataSet(x, y, None, mask)) == pytest.approx((every * counts).sum() / N, rel=1e-12)


@pytest.mark.parametrize("loss", CLIP_EPS)
def test_clipping(loss: str) -> None:
    """A wide clip shows in the score; the gradient of softmax stays, that of xent is taken at the clipped output."""
    y = labels(loss)
    plain, clipped = network(loss), network(rg.Loss(loss, clip_eps=0.3))
    p = np.clip(plain.output(X), 0.3, 0.7)
    expected = logs(p, y, 0.3) if loss == "xent" else -y * np.log(p)
    data = rg.DataSet(X, given(loss, y))
    assert clipped.score(data) == pytest.approx(expected.sum() / N, rel=1e-12)
    slope = plain.output(X) * (1 - plain.output(X)) / (p * (1 - p)) if loss == "xent" else 1.0
    rest = (p if loss == "xent" else plain.output(X)) - y
    np.testing.assert_allclose(clipped.gradient(data)[1]["1.b"], (rest * slope).sum((0, 2)), rtol=1e-12)


def test_without_division_by_the_minibatch() -> None:
    data = rg.DataSet(X, labels("mse"))
    settings: dict[str, Any] = {"l2": 0.1, "updater": rg.Sgd(0.01)}
    mean, total = network("mse", **settings), network("mse", mini_batch=False, **settings)
    penalty = 0.05 * sum(float((v**2).sum()) for k, v in mean.parameters().items() if not k.endswith("b"))
    assert total.score(data) - penalty == pytest.approx(N * (mean.score(data) - penalty), rel=1e-12)
    assert total.score(data.batch_by(3)) == pytest.approx(total.score(data), rel=1e-12)
    before, gradient = total.parameters()["1.b"], total.gradient(data)[1]["1.b"]
    total.fit(data, progress=False)
    np.testing.assert_allclose(total.parameters()["1.b"], before - 0.01 * gradient, rtol=1e-12)


SPARSE = np.array([[[0, 1, 2, 0, 1]]] * N, float)


@pytest.mark.parametrize(
    ("loss", "bad", "message"),
    [
        *(
            (loss, 1.5, f"the label is 1.5 at row 1, output 2, step 3, but loss='{loss}' takes numbers between 0 and 1: one-hot labels or")
            for loss in ("mcxent", "negativeloglikelihood", "xent", "kl_divergence")
        ),
        ("mcxent", -0.5, "the label is -0.5 at row 1, output 2, step 3"),
        ("hinge", 0.0, "the label is 0 at row 1, output 2, step 3, but loss='hinge' takes -1 or 1; labels of 0 and 1 become so as"),
        ("squared_hinge", 2.0, "the label is 2 at row 1, output 2, step 3, but loss='squared_hinge' takes -1 or 1"),
        (
            "mean_absolute_percentage_error",
            0.0,
            "the label is 0 at row 1, output 2, step 3, but loss='mean_absolute_percentage_error'",
        ),
        ("mean_squared_logarithmic_error", -1.0, "the label is -1 at row 1, output 2, step 3, but loss='mean_squared_logarithmic_error'"),
        ("poisson", -1.0, "the label is -1 at row 1, output 2, step 3, but loss='poisson' takes counts, which are at least 0"),
        ("mse", np.nan, None),
    ],
)
def test_labels_that_a_loss_cannot_take(loss: str, bad: float, message: str | None) -> None:
    net, y = network(loss), labels(loss)
    y[1, 2, 3] = bad
    masked = STEPS.copy()
    masked[1, 3] = 0
    net.score(rg.DataSet(X, y, None, masked))
    if "mcxent" not in loss and "likelihood" not in loss:
        net.score(rg.DataSet(X, y, None, np.where(np.arange(C)[:, None] == 2, 0.0, OUTPUTS)))
    if message is not None:
        for call in (net.score, net.gradient, lambda data: net.fit(data, progress=False)):
            with pytest.raises(InputError, match=f"^(data: )?{re.escape(f'layers[1] (RnnOutputLayer): {message}')}"):
                call(rg.DataSet(X, y))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3.0, "layers[1] (RnnOutputLayer): the label is 3 at row 1, step 3; loss='sparse_mcxent' takes class numbers from 0 to 2"),
        (0.5, "layers[1] (RnnOutputLayer): the label is 0.5 at row 1, step 3; loss='sparse_mcxent' takes class numbers from 0 to 2"),
        (-1.0, "layers[1] (RnnOutputLayer): the label is -1 at row 1, step 3; loss='sparse_mcxent' takes class numbers from 0 to 2"),
    ],
)
def test_class_numbers_that_are_none(given: float, message: str) -> None:
    net, numbers = network("sparse_mcxent"), SPARSE.copy()
    numbers[1, 0, 3] = given
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        net.score(rg.DataSet(X, numbers))
    mask = np.ones((N, T))
    mask[1, 3] = 0
    expected = network("mcxent").score(rg.DataSet(X, np.eye(C)[SPARSE[:, 0].astype(int)].transpose(0, 2, 1), None, mask))
    assert net.score(rg.DataSet(X, numbers, None, mask)) == expected


def test_class_numbers_and_one_hot_labels() -> None:
    net = network("sparse_mcxent")
    one_hot = np.eye(C)[SPARSE[:, 0].astype(int)].transpose(0, 2, 1)
    message = "labels have shape [4, 3, 5]; loss='sparse_mcxent' takes class numbers [4, 1, 5]; for one-hot labels use loss='mcxent'"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        net.score(rg.DataSet(X, one_hot))
    ours, theirs = net.evaluate(rg.DataSet(X, SPARSE)), network("mcxent").evaluate(rg.DataSet(X, one_hot))
    np.testing.assert_array_equal(ours.confusion, theirs.confusion)
    layers = [rg.DenseLayer(n_in=2, n_out=4), rg.OutputLayer(n_out=C, loss="sparse_mcxent")]
    flat = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    assert flat.evaluate(rg.DataSet(X[:, :, 0], [[0], [1], [2], [0]])).num_examples() == N
    flat.fit(rg.DataSet(X[:, :, 0], [[0], [1], [2], [9]], None, [1, 1, 1, 0]), progress=False)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            "mcxent",
            "layers[1] (RnnOutputLayer): labels_mask of shape [4, 3, 5]: single outputs are masked, but with activation='softmax' and "
            "loss='mcxent' the outputs of a row are one decision; mask rows or steps, or use activation='sigmoid' and loss='xent'",
        ),
        (
            "cosine_proximity",
            "layers[1] (RnnOutputLayer): labels_mask of shape [4, 3, 5]: single outputs are masked, but loss='cosine_proximity' is an "
            "angle of whole rows; mask rows or steps",
        ),
    ],
)
def test_where_single_outputs_cannot_be_masked(loss: str, message: str) -> None:
    net = network(loss)
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        net.score(rg.DataSet(X, labels(loss), None, OUTPUTS))
    with pytest.raises(GraphError, match=r"^labels_mask='outputs': single outputs are masked, but "):
        lower(net.config, loss=True, labels_mask="outputs")
    net.score(rg.DataSet(X, labels(loss), None, STEPS))


def test_classes_are_not_evaluated_by_single_outputs() -> None:
    with pytest.raises(InputError, match=r"labels_mask has shape \[4, 3, 5\]: it masks single outputs, but a class is told by whole rows"):
        network("xent").evaluate(rg.DataSet(X, labels("xent"), None, OUTPUTS))


@pytest.mark.parametrize("masks", [(STEPS * 0, None), (None, STEPS * 0), (None, OUTPUTS * 0)])
def test_a_minibatch_without_a_label_is_no_update(masks: tuple[Array | None, Array | None]) -> None:
    net = network("mse", l2=0.1, updater=rg.Adam(0.1))
    scores = rg.CollectScoresListener()
    before, empty, full = net.parameters(), rg.DataSet(X, labels("mse"), *masks), rg.DataSet(X, labels("mse"))
    with pytest.warns(rg.TrainingWarning, match="^a minibatch has no label that counts, its mask is 0 throughout: its loss is 0, and fit"):
        net.fit(empty, progress=False, listeners=[scores])
    assert net.iteration == 0
    for k, v in net.parameters().items():
        np.testing.assert_array_equal(v, before[k])
    with pytest.warns(rg.TrainingWarning):
        _, gradient = net.gradient(empty)
    assert not any(v.any() for v in gradient.values())
    with pytest.warns(rg.TrainingWarning):
        net.fit([empty, full, empty], progress=False, listeners=[scores])
    assert net.iteration == 1
    alone = network("mse", l2=0.1, updater=rg.Adam(0.1))
    alone.fit(full, progress=False)
    for k, v in net.parameters().items():
        np.testing.assert_array_equal(v, alone.parameters()[k])


def test_a_randomised_slope_is_not_trained() -> None:
    layers = [rg.LSTM(n_in=2, n_out=4, gate_activation=rg.RReLU(0.1, 0.2)), rg.RnnOutputLayer(n_out=C, activation="identity", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    message = (
        "layers[0] (LSTM): gate_activation=rrelu(lower=0.1, upper=0.2) draws slopes in training, which this version does not do "
        "inside a recurrent layer; "
        "train with LeakyReLU(alpha=0.15), which is what it is at inference"
    )
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        net.fit(rg.DataSet(X, labels("mse")), progress=False)
    assert np.isfinite(net.score(rg.DataSet(X, labels("mse"))))
