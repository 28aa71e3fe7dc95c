"""Each kind of dropout by its formula: losses and gradients with given noise, masks, images, and that inference sees none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.base import Configured
from rnngraph.conf.family import MEMBERS
from rnngraph.exporters import export_onnx
from rnngraph.lowering import lower
from rnngraph.training.objective import losses
from rnngraph.training.tensors import tensors_of
from tests.lowering.noisy import by_hand, check, drawn, series


def alpha_dropout(x: Tensor, u: Tensor, p: float = 0.7) -> Tensor:
    """Klambauer et al. 2017: kept values as they are, others at SELU's value of minus infinity, then scaled to the moments of before."""
    d, low = (u < p).double(), -1.6732632423543772 * 1.0507009873554804
    a: float = (p + low**2 * p * (1 - p)) ** -0.5
    return a * (x * d + low * (1 - d)) - a * (1 - p) * low


KINDS: dict[str, tuple[Any, Callable[[Tensor, Tensor], Tensor]]] = {
    "dropout": (rg.Dropout(retain=0.75), lambda x, u: x * (u < 0.75) / 0.75),
    "spatial": (rg.SpatialDropout(retain=0.75), lambda x, u: x * (u[None] < 0.75) / 0.75),
    "gaussian dropout": (rg.GaussianDropout(0.2), lambda x, n: x * (1 + 0.5 * n)),
    "gaussian noise": (rg.GaussianNoise(0.4), lambda x, n: x + 0.4 * n),
    "alpha": (rg.AlphaDropout(retain=0.7), alpha_dropout),
}
NOTHING = [rg.Dropout(retain=1), rg.SpatialDropout(retain=1), rg.GaussianDropout(0.0), rg.GaussianNoise(0.0), rg.AlphaDropout(retain=1)]


def network(kind: Any = None, **fields: Any) -> rg.MultiLayerNetwork:
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(**{"layers": layers, "seed": 3, "dropout": kind, "data_type": "float64", **fields})
    )


def only_dropout(kind: Any, shape: rg.InputType) -> Any:
    """The training graph of nothing but this dropout."""
    return rg.MultiLayerConfiguration(layers=[rg.DropoutLayer(kind), rg.ActivationLayer("identity")], input_type=shape, data_type="float64")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_loss_and_gradients_are_those_by_hand(name: str, masked: bool) -> None:
    """In front of both layers; with a mask, NaN stands at the steps that it leaves out."""
    kind, formula = KINDS[name]
    net = network(kind)
    x, labels = series(5, 3, 6, 2)
    mask = (np.arange(6) < np.array([6, 2, 4, 1, 5])[:, None]).astype(float) if masked else None
    if mask is not None:
        x, labels = (np.where(mask[:, None] > 0, a, np.nan) for a in (x, labels))
    data = rg.DataSet(x, labels, mask)
    for iteration in range(2):
        net.iteration = iteration
        noise = drawn(net, 5, 6, iteration, masked)
        assert list(noise) == ["noise_00_drop", "noise_01_drop"]
        assert noise["noise_01_drop"].shape == ((5, 4) if name == "spatial" else (6, 5, 4))
        first, second = noise.values()
        check(net, data, by_hand(net, data, (lambda v, n=first: formula(v, n), lambda v, n=second: formula(v, n))))  # type: ignore[misc]


@pytest.mark.parametrize("name", KINDS)
def test_in_float32_the_noise_is_float32(name: str) -> None:
    net = network(KINDS[name][0], data_type="float32")
    x, labels = series(5, 3, 6, 2)
    assert {a.dtype for a in drawn(net, 5, 6).values()} == {torch.float32}
    noise = [a.double() for a in drawn(net, 5, 6).values()]
    formula = KINDS[name][1]
    loss, gradients = by_hand(net, rg.DataSet(x, labels), (lambda v: formula(v, noise[0]), lambda v: formula(v, noise[1])))
    score, gradient = net.gradient(rg.DataSet(x, labels))
    np.testing.assert_allclose(score * 5, loss, rtol=1e-5)
    for key, array in gradients.items():
        np.testing.assert_allclose(gradient[key], array, atol=3e-5)


@pytest.mark.parametrize("name", KINDS)
def test_score_output_and_the_file_see_none_of_it(name: str, tmp_path: Path) -> None:
    graphs, results = [], []
    x, labels = series(4, 3, 5, 2)
    for number, kind in enumerate((KINDS[name][0], None)):
        net = network(kind, data_type="float32")
        export_onnx(net, tmp_path / f"{number}.onnx")
        graphs.append(onnx.load(tmp_path / f"{number}.onnx").graph.SerializeToString())
        results.append((net.output(x), net.score(rg.DataSet(x, labels))))
    assert graphs[0] == graphs[1]
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


@pytest.mark.parametrize("kind", NOTHING, ids=repr)
def test_a_kind_that_does_nothing_draws_nothing(kind: Any) -> None:
    assert not lower(network(kind).config, loss=True).ports("noise")


def test_spatial_dropout_of_a_series_is_the_same_at_all_steps() -> None:
    config = only_dropout(rg.SpatialDropout(retain=0.5), rg.InputType.recurrent(7))
    graph, u = lower(config, training=True), np.random.default_rng(0).random((5, 7))
    y = run(graph, {"x": np.full((5, 7, 4), 3.0), "noise_00_drop": u})["y"]
    np.testing.assert_array_equal(y, np.repeat(np.where(u < 0.5, 6.0, 0.0)[:, :, None], 4, axis=2))


def test_spatial_dropout_of_images_drops_channels() -> None:
    """Of a video it draws for each frame: frames are images of their own to a convolution, as they are to DL4J's."""
    config = only_dropout(rg.SpatialDropout(retain=0.5), rg.InputType.convolutional(3, 2, 5))
    u = np.random.default_rng(0).random((4, 5))
    y = run(lower(config, training=True), {"x": np.full((4, 5, 3, 2), 3.0), "noise_00_drop": u[:, None, None]})["y"]
    np.testing.assert_array_equal(y, np.broadcast_to(np.where(u < 0.5, 6.0, 0.0)[:, :, None, None], y.shape))
    layers = [rg.ConvolutionLayer(2, 2, n_out=3, dropout=rg.SpatialDropout(retain=0.5)), rg.LSTM(n_out=2), rg.RnnOutputLayer(n_out=2)]
    video = rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.convolutional(3, 2, 5))
    (port,) = lower(video, loss=True).ports("noise")
    assert str(port.value.type) == "[T, N, 1, 1, 5]"


def test_spatial_dropout_of_vectors_is_dropout() -> None:
    config = only_dropout(rg.SpatialDropout(retain=0.5), rg.InputType.feed_forward(7))
    u = np.random.default_rng(0).random((5, 7))
    y = run(lower(config, training=True), {"x": np.full((5, 7), 3.0), "noise_00_drop": u})["y"]
    np.testing.assert_array_equal(y, np.where(u < 0.5, 6.0, 0.0))


@pytest.mark.parametrize("kind", [rg.GaussianNoise(0.5), rg.AlphaDropout(retain=0.5)], ids=repr)
def test_what_noise_makes_of_masked_steps_is_not_read(kind: Any) -> None:
    """The mean over the steps that exist, of values that the noise has made something of where no step is."""
    layers = [rg.DropoutLayer(kind), rg.GlobalPoolingLayer("avg"), rg.LossLayer(activation="identity", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.recurrent(3), data_type="float64", seed=1))
    x, mask = np.random.default_rng(0).standard_normal((2, 3, 5)), np.array([[1, 1, 0, 0, 1], [1, 0, 1, 1, 1.0]])
    noise = drawn(net, 2, 5, mask=True)["noise_00_drop"]
    steps = torch.tensor(x).permute(2, 0, 1)
    y = (steps + 0.5 * noise if isinstance(kind, rg.GaussianNoise) else alpha_dropout(steps, noise, 0.5)).permute(1, 2, 0).numpy()
    mean = (y * mask[:, None]).sum(2) / mask.sum(1)[:, None]
    data = rg.DataSet(np.where(mask[:, None] > 0, x, np.nan), np.zeros((2, 3)), mask)
    got = losses(net, tensors_of(net, data, torch.device("cpu")), training=True)["loss"]
    np.testing.assert_allclose(float(got), (mean**2).mean(1).sum(), rtol=1e-12)


class Unknown(rg.conf.Noise):
    type: Any = "Unknown"


MEMBERS.remove(Unknown)  # it is used by itself, not by name: other tests list the members
Configured.known_fields.pop("Unknown")


def test_a_kind_without_a_lowering() -> None:
    message = r"layers\[0\]: dropout=Unknown\(\) has no lowering; kinds that have one: Dropout, SpatialDropout, GaussianDropout"
    net = network(Unknown())
    with pytest.raises(rg.ConfigurationError, match=message):
        lower(net.config, loss=True)
