"""What is drawn in training: moments against closed forms, independence, schedules of rates, and the same noise after a resume.

Bounds are five standard deviations of the estimator; seeds are fixed.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.initializers import Distribution
from rnngraph.lowering import lower
from tests.lowering.noisy import by_hand, check, drawn, series

X = 1.5
LOW = -1.6732632423543772 * 1.0507009873554804
A = (0.7 + LOW**2 * 0.7 * 0.3) ** -0.5


def two_values(high: float, low: float, p: float) -> tuple[float, float, float]:
    """Mean, variance and fourth central moment of ``high`` with probability p, else ``low``."""
    q, d = 1 - p, high - low
    return p * high + q * low, p * q * d**2, p * q * (1 - 3 * p * q) * d**4


def normal(mean: float, std: float) -> tuple[float, float, float]:
    return mean, std**2, 3 * std**4


MOMENTS: dict[str, tuple[Any, tuple[float, float, float]]] = {
    "dropout": (rg.Dropout(retain=0.8), two_values(X / 0.8, 0.0, 0.8)),
    "spatial": (rg.SpatialDropout(retain=0.8), two_values(X / 0.8, 0.0, 0.8)),
    "gaussian dropout": (rg.GaussianDropout(0.2), normal(X, 0.5 * X)),
    "gaussian noise": (rg.GaussianNoise(0.4), normal(X, 0.4)),
    "alpha": (rg.AlphaDropout(retain=0.7), two_values(A * X - A * 0.3 * LOW, A * LOW - A * 0.3 * LOW, 0.7)),
}


def disturbed(kind: Any, x: np.ndarray, mask: np.ndarray | None = None, iteration: int = 0) -> np.ndarray:
    """x [N, F, T] behind this dropout alone, in the training graph, as [N, F, T]."""
    layers = [rg.DropoutLayer(kind), rg.ActivationLayer("identity")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.recurrent(x.shape[1]), seed=11))
    masks = {} if mask is None else {"features_mask": mask}
    noise = {k: v.numpy() for k, v in drawn(net, len(x), x.shape[2], iteration, mask is not None).items()}
    return run(lower(net.config, training=True, features_mask=mask is not None), {"x": x, **masks, **noise})["y"]


@pytest.mark.parametrize("name", MOMENTS)
def test_mean_and_variance_over_the_steps_that_exist(name: str) -> None:
    kind, (mean, variance, fourth) = MOMENTS[name]
    n, f, t = (4000, 5, 3) if name == "spatial" else (200, 5, 60)
    mask = (np.arange(t) < np.random.default_rng(2).integers(1, t + 1, n)[:, None]).astype(float)
    x = np.where(mask[:, None] > 0, X, np.nan) * np.ones((1, f, 1))
    y = disturbed(kind, x, mask).transpose(0, 2, 1)
    if name == "spatial":  # one draw a feature: the same at each step that exists
        first = y[:, :1]
        np.testing.assert_array_equal(np.where(mask[:, :, None] > 0, y, first), np.broadcast_to(first, y.shape))
        kept = first.ravel()
    else:
        kept = y[mask > 0].ravel()
    assert abs(kept.mean() - mean) < 5 * np.sqrt(variance / kept.size)
    assert abs(((kept - mean) ** 2).mean() - variance) < 5 * np.sqrt((fourth - variance**2) / kept.size)


def test_alpha_dropout_keeps_mean_0_and_variance_1() -> None:
    x = np.random.default_rng(4).standard_normal((300, 4, 50))
    y = disturbed(rg.AlphaDropout(retain=0.6), x).ravel()
    assert abs(y.mean()) < 5 / np.sqrt(y.size)
    a = (0.6 + LOW**2 * 0.6 * 0.4) ** -0.5
    kept, low = a * 1.0, a * LOW * 0.6  # of the two parts of y: deviation of the one, the other's value; b = -a 0.4 LOW is in both
    shift = -a * 0.4 * LOW
    fourth = 0.6 * (3 * kept**4 + 6 * kept**2 * shift**2 + shift**4) + 0.4 * low**4
    assert abs((y**2).mean() - 1) < 5 * np.sqrt((fourth - 1) / y.size)


DISTRIBUTIONS: list[tuple[Distribution, float, float, float]] = [
    (rg.NormalDistribution(0.5, 2.0), *normal(0.5, 2.0)),
    (rg.UniformDistribution(-1.0, 3.0), 1.0, 16 / 12, 4**4 / 80),
    (rg.BinomialDistribution(1, 0.3), *two_values(1.0, 0.0, 0.3)),
]


@pytest.mark.parametrize(("distribution", "mean", "variance", "fourth"), DISTRIBUTIONS, ids=lambda v: repr(v)[:12])
def test_weight_noise_is_of_its_distribution(distribution: Distribution, mean: float, variance: float, fourth: float) -> None:
    layers = [rg.LSTM(n_in=80, n_out=40, weight_noise=rg.WeightNoise(distribution)), rg.RnnOutputLayer(n_out=2)]
    numbers = drawn(rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)), 1)["noise_00_weights.W"]
    assert (numbers.dtype, numbers.shape) == (torch.float32, (160, 80))
    values = numbers.double().numpy()
    assert abs(values.mean() - mean) < 5 * np.sqrt(variance / values.size)
    assert abs(((values - mean) ** 2).mean() - variance) < 5 * np.sqrt((fourth - variance**2) / values.size)


def test_drop_connect_keeps_its_share_unscaled() -> None:
    """With weights of 1 and inputs of 1 a unit's sum counts the weights kept."""
    layer = rg.DenseLayer(n_in=500, n_out=400, activation="identity", weight_init="ones", weight_noise=rg.DropConnect(retain=0.7))
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer], seed=1))
    noise = {k: v.numpy() for k, v in drawn(net, 2).items()}
    y = run(lower(net.config, training=True), {"x": np.ones((2, 500)), **net.parameters(), **noise})["y"]
    np.testing.assert_array_equal(y[0], y[1])
    assert abs(y[0].sum() - 0.7 * 200_000) < 5 * np.sqrt(0.7 * 0.3 * 200_000)


def test_nothing_that_is_drawn_depends_on_another() -> None:
    """Correlations between iterations, layers, directions, time steps, and noise of inputs and weights."""
    both = rg.Bidirectional("concat", rg.SimpleRnn(n_in=60, n_out=60))
    layers = [both, rg.SimpleRnn(n_out=60), rg.RnnOutputLayer(n_out=60)]
    net = rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(layers=layers, dropout=rg.GaussianNoise(1.0), weight_noise=rg.WeightNoise(rg.NormalDistribution()))
    )
    first, second = (drawn(net, 60, 8, iteration) for iteration in range(2))
    names = ["noise_00_forward.drop", "noise_00_backward.drop", "noise_00_forward.weights.R", "noise_00_backward.weights.R"]
    names += ["noise_01_drop", "noise_01_weights.R", "noise_02_drop"]
    samples = [a[name].reshape(-1)[:3600] for a in (first, second) for name in names]
    samples += [first["noise_00_forward.drop"][t].reshape(-1) for t in range(1, 8)]
    assert {s.shape for s in samples} == {torch.Size([3600])}
    for a, b in combinations(samples, 2):
        assert abs(float((a.double() * b.double()).mean())) < 5 / 60


def test_a_layers_noise_does_not_depend_on_other_layers() -> None:
    noise = []
    for before in (None, rg.Dropout(retain=0.5)):
        layers = [rg.LSTM(n_in=3, n_out=4, dropout=before), rg.RnnOutputLayer(n_out=2, dropout=rg.Dropout(retain=0.5))]
        noise.append(drawn(rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)), 5, 6)["noise_01_drop"])
    assert torch.equal(noise[0], noise[1])


STEP = rg.StepSchedule("iteration", 0.8, 0.5, 2)


def alpha_dropout(x: torch.Tensor, u: torch.Tensor, p: float) -> torch.Tensor:
    a: float = (p + LOW**2 * p * (1 - p)) ** -0.5
    return a * (torch.where(u < p, x, LOW) - (1 - p) * LOW)


RATES: dict[str, tuple[Any, Any]] = {
    "dropout": (rg.Dropout(retain=STEP), lambda x, u, p: x * (u < p) / p),
    "gaussian dropout": (rg.GaussianDropout(STEP), lambda x, n, rate: x * (1 + np.sqrt(rate / (1 - rate)) * n)),
    "gaussian noise": (rg.GaussianNoise(STEP), lambda x, n, std: x + std * n),
    "alpha": (rg.AlphaDropout(retain=STEP), alpha_dropout),
}


def network(**fields: Any) -> rg.MultiLayerNetwork:
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(**{"layers": layers, "seed": 3, "data_type": "float64", **fields}))


@pytest.mark.parametrize("name", RATES)
def test_a_schedule_gives_the_rate_of_each_iteration(name: str) -> None:
    kind, formula = RATES[name]
    x, labels = series(5, 3, 6, 2)
    net, data = network(dropout=kind), rg.DataSet(x, labels)
    for net.iteration, rate in enumerate((0.8, 0.8, 0.4, 0.4, 0.2)):
        noise = drawn(net, 5, 6, net.iteration)
        first, second = noise["noise_00_drop"], noise["noise_01_drop"]
        changes = (lambda v, n=first, r=rate: formula(v, n, r), lambda v, n=second, r=rate: formula(v, n, r))
        check(net, data, by_hand(net, data, changes))


def test_a_schedule_by_epochs_and_of_drop_connect() -> None:
    x, labels = series(5, 3, 6, 2)
    net, data = network(weight_noise=rg.DropConnect(retain=rg.MapSchedule("epoch", {0: 1.0, 2: 0.5}))), rg.DataSet(x, labels)
    for net.epoch, rate in enumerate((1.0, 1.0, 0.5, 0.5)):
        noise = drawn(net, 5, 6)

        def dropped(name: str, w: torch.Tensor, rate: float = rate, noise: Any = noise) -> torch.Tensor:
            layer, key = name.split(".")
            return w if key == "b" else w * (noise[f"noise_0{layer}_weights.{key}"] < rate)

        check(net, data, by_hand(net, data, weights=dropped))


def test_fit_counts_iterations_and_epochs_for_schedules() -> None:
    """Nothing is dropped until the second epoch: until then fit does what it does without dropout, then it does not."""
    x, labels = series(6, 3, 5, 2)
    data = [rg.DataSet(x[:3], labels[:3]), rg.DataSet(x[3:], labels[3:])]
    schedules = rg.MapSchedule("epoch", {0: 1.0, 1: 0.5}), rg.MapSchedule("iteration", {0: 1.0, 2: 0.5})
    kinds = [rg.Dropout(retain=schedule) for schedule in schedules]
    nets = [network(dropout=kind) for kind in (None, *kinds)]
    for epoch in range(2):
        for net in nets:
            net.fit(data, progress=False)
        plain, *others = (net.parameters()["0.W"] for net in nets)
        np.testing.assert_array_equal(others[0], others[1])
        assert np.allclose(others[0], plain, rtol=1e-12, atol=1e-14) == (epoch == 0)


AT_2 = {0: 0.1, 2: 1.0}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"dropout": rg.Dropout(retain=rg.RampSchedule(rg.FixedSchedule(4.0), 8))}, "Dropout: retain=1.5: expected a number of at most 1.0"),
    ({"dropout": rg.GaussianDropout(rg.MapSchedule("iteration", AT_2))}, "GaussianDropout: rate=1.0: expected a number less than 1"),
    (
        {"dropout": rg.GaussianNoise(rg.MapSchedule("epoch", {**AT_2, 2: -1.0}))},
        "GaussianNoise: std=-1.0: expected a number of at least 0",
    ),
    (
        {"weight_noise": rg.DropConnect(retain=rg.PolySchedule("iteration", 0.5, 0.0, 2))},
        "DropConnect: retain=0.0: expected a number greater than 0",
    ),
    ({"dropout": rg.GaussianNoise(rg.ExponentialSchedule("iteration", 1.0, 1e200))}, "GaussianNoise: std=inf: expected a finite number"),
]


@pytest.mark.parametrize(("fields", "message"), BAD)
def test_a_schedule_that_leaves_the_range(fields: dict[str, Any], message: str) -> None:
    """The update does not take place: the network is as after the one before."""
    x, labels = series(3, 3, 5, 2)
    net, data = network(**fields), rg.DataSet(x, labels)
    net.fit(data, epochs=2, progress=False)
    before = net.parameters()
    text = f"layers[0] (LSTM), iteration 2 of epoch 2: {message}"
    with pytest.raises(rg.TrainingError, match=f"^{re.escape(text)}.*Schedule\\(.*gives it; the network keeps the parameters of the last"):
        net.fit(data, epochs=2, progress=False)
    assert (net.iteration, net.epoch) == (2, 2)
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(array, before[name])
    assert np.isfinite(net.score(data))


@pytest.mark.parametrize("data_type", ["float32", "float64"])
def test_a_resumed_fit_equals_an_unbroken_one_bit_for_bit(data_type: str, tmp_path: Path) -> None:
    layers = [
        rg.GravesLSTM(n_in=3, n_out=4, dropout=rg.Dropout(retain=rg.StepSchedule("iteration", 0.9, 0.9, 2))),
        rg.Bidirectional("add", rg.GRU(n_out=4, dropout=rg.GaussianNoise(0.1))),
        rg.DenseLayer(n_out=4, dropout=rg.AlphaDropout(retain=0.9), weight_noise=rg.WeightNoise(rg.NormalDistribution(0.0, 0.1))),
        rg.RnnOutputLayer(n_out=2, dropout=rg.GaussianDropout(rg.MapSchedule("epoch", {0: 0.1, 2: 0.3}))),
    ]
    connect = rg.DropConnect(retain=0.8, apply_to_biases=True)
    settings = {"layers": layers, "updater": rg.Adam(0.01), "weight_noise": connect, "data_type": data_type}
    x, labels = series(6, 3, 5, 2)
    data = [rg.DataSet(x[:2], labels[:2]), rg.DataSet(x[2:], labels[2:])]
    unbroken, stopped = network(**settings), network(**settings)
    unbroken.fit(data, epochs=3, progress=False)
    for _ in range(3):
        stopped.fit(data, progress=False)
        stopped.save(tmp_path / "net.rnng")
        stopped = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    for name, array in unbroken.parameters().items():
        np.testing.assert_array_equal(stopped.parameters()[name], array, err_msg=name)
