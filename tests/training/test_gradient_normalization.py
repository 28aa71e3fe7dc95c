"""Gradient normalisation, all modes, against norms taken here in numpy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.conf.gradients import GRADIENT_NORMALIZATIONS
from tests.training.small import Arrays, assert_close, averaged, batch, network

LAYERS = [
    {"0.forward.W", "0.forward.R", "0.forward.P", "0.forward.b", "0.backward.W", "0.backward.R", "0.backward.P", "0.backward.b"},
    {"1.gamma", "1.beta"},
    {"2.W", "2.R", "2.b", "2.bR"},
    {"3.W", "3.b"},
]
"""What is a layer: both directions together."""
JOINED = [{"0.forward.R", "0.forward.P"}, {"0.backward.R", "0.backward.P"}]
"""What is one array in DL4J; every other parameter is one of its own."""


def made(**settings: Any) -> rg.MultiLayerNetwork:
    layers = [rg.Bidirectional("add", rg.GravesLSTM(n_in=2, n_out=3)), rg.BatchNormalization(), rg.GRU(n_out=3)]
    return network(*layers, updater=rg.NoOp(), **settings)


def norm(gradients: Arrays, names: Iterable[str]) -> float:
    return float(np.sqrt(sum((gradients[name] ** 2).sum() for name in names)))


def by_hand(mode: str, threshold: float, gradients: Arrays) -> Arrays:
    if mode == "clip_element_wise_absolute_value":
        return {name: np.clip(g, -threshold, threshold) for name, g in gradients.items()}
    alone = [{name} for name in gradients if not any(name in joined for joined in JOINED)]
    out = dict(gradients)
    for together in LAYERS if mode.endswith("layer") else [*JOINED, *alone]:
        size = norm(gradients, together)
        factor = 1 / size if mode.startswith("renormalize") else min(1.0, threshold / size)
        out.update({name: gradients[name] * factor for name in together})
    return out


@pytest.mark.parametrize("threshold", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("mode", GRADIENT_NORMALIZATIONS[1:])
def test_every_mode(mode: str, threshold: float) -> None:
    """Averaged gradients are normalised, then come L2 and the updater."""
    net = made(gradient_normalization=mode, gradient_normalization_threshold=threshold, l2=0.5)
    gradients, before = averaged(net, batch()), net.parameters()
    wanted = by_hand(mode, threshold, gradients)
    for name in wanted:
        if name.split(".")[-1] in ("W", "R", "P"):
            wanted[name] = wanted[name] + 0.5 * before[name]
    net.fit(batch(), progress=False)
    assert_close({name: before[name] - w for name, w in net.parameters().items()}, wanted, 1e-9)


def test_layers_may_differ() -> None:
    clip = rg.SimpleRnn(n_in=2, n_out=3, gradient_normalization="clip_l2_per_layer", gradient_normalization_threshold=0.01)
    plain = rg.SimpleRnn(n_out=3, gradient_normalization="none")
    net = network(clip, plain, updater=rg.NoOp(), gradient_normalization="RenormalizeL2PerLayer")
    gradients, before = averaged(net, batch()), net.parameters()
    net.fit(batch(), progress=False)
    first, last = ([name for name in before if name[0] == k] for k in "02")
    factors = {**dict.fromkeys(first, 0.01 / norm(gradients, first)), **dict.fromkeys(last, 1 / norm(gradients, last))}
    assert_close(net.parameters(), {name: w - factors.get(name, 1.0) * gradients[name] for name, w in before.items()})


@pytest.mark.parametrize("mode", GRADIENT_NORMALIZATIONS[1:])
def test_gradients_of_0_stay_0(mode: str) -> None:
    """No label reaches the first layer through weights of 0."""
    net = made(gradient_normalization=mode)
    net.set_parameters({name: np.zeros_like(w) for name, w in net.parameters().items()})
    net.fit(batch(), progress=False)
    got = net.parameters()
    assert not got["0.forward.W"].any()
    assert got["3.b"].any()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("mode", GRADIENT_NORMALIZATIONS[1:])
def test_no_mode_hides_a_gradient_that_is_not_finite(mode: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    net = made(gradient_normalization=mode)
    before, grad = net.parameters(), torch.autograd.grad

    def broken(*arguments: Any, **options: Any) -> list[torch.Tensor]:
        gradients = [g.clone() for g in grad(*arguments, **options)]
        gradients[1][2, 1] = value
        return gradients

    monkeypatch.setattr(torch.autograd, "grad", broken)
    message = rf"^iteration 0: the gradient of 0\.forward\.R \(layers\[0\], Bidirectional\) is {value} at \[2, 1\]; "
    with pytest.raises(rg.TrainingError, match=message):
        net.fit(batch(), progress=False)
    np.testing.assert_equal(net.parameters(), before)


def test_norms_of_large_gradients_do_not_overflow() -> None:
    """Gradients are near 1e25, whose squares leave float32; the clipped gradient has the length of the threshold all the same."""
    layers = [rg.DenseLayer(n_in=2, n_out=1, activation="identity"), rg.OutputLayer(n_out=1, activation="identity", loss="mse")]
    config = rg.MultiLayerConfiguration(
        layers=layers, updater=rg.NoOp(), gradient_normalization="clip_l2_per_layer", gradient_normalization_threshold=3.0
    )
    net = rg.MultiLayerNetwork(config)
    before = net.parameters()
    net.fit(rg.DataSet(np.full((1, 2), 1e10), np.full((1, 1), 1e15)), progress=False)
    after = net.parameters()
    for layer in "01":
        moved = [(after[f"{layer}.{key}"] - before[f"{layer}.{key}"]).astype(float) for key in "Wb"]
        assert np.sqrt(sum((m**2).sum() for m in moved)) == pytest.approx(3.0, rel=1e-5)
