"""Noise on weights: losses and gradients with given noise, which parameters it reaches, and that fused cells stay fused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

import rnngraph as rg
from rnngraph.conf.base import Configured
from rnngraph.conf.family import MEMBERS
from rnngraph.exporters import export_onnx
from rnngraph.lowering import lower
from tests.lowering.noisy import by_hand, check, drawn, series
from tests.lowering.properties import check_gradient, dataset

NORMAL = rg.NormalDistribution(0.1, 0.5)
KINDS: dict[str, Any] = {
    "connect": rg.DropConnect(retain=0.6),
    "connect, biases": rg.DropConnect(retain=0.6, apply_to_biases=True),
    "added": rg.WeightNoise(NORMAL),
    "multiplied": rg.WeightNoise(NORMAL, additive=False, apply_to_biases=True),
}


def network(kind: Any, cell: Any = rg.LSTM, **fields: Any) -> rg.MultiLayerNetwork:
    layers = [cell(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    settings = {"layers": layers, "seed": 3, "weight_noise": kind, "data_type": "float64", **fields}
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(**settings))
    rng = np.random.default_rng(5)
    net.set_parameters({k: v + rng.normal(0, 0.3, v.shape) for k, v in net.parameters().items()})
    return net


def noisy(kind: Any, noise: dict[str, Tensor], name: str, w: Tensor) -> Tensor:
    """Parameter ``name``, w, as ``kind`` leaves it."""
    layer, key = name.split(".")
    if key in ("b", "bR") and not kind.apply_to_biases:
        return w
    n = noise[f"noise_0{layer}_weights.{key}"].double()
    if isinstance(kind, rg.DropConnect):
        return w * (n < 0.6)
    return w + n if kind.additive else w * n


@pytest.mark.parametrize("cell", [rg.LSTM, rg.GRU])
@pytest.mark.parametrize("name", KINDS)
def test_loss_and_gradients_are_those_by_hand(name: str, cell: Any) -> None:
    """One draw for all steps, forward and backward; gradients are those by the clean parameters, through the noise."""
    kind, (x, labels) = KINDS[name], series(5, 3, 6, 2)
    net, data = network(kind, cell), rg.DataSet(x, labels)
    for net.iteration in range(2):
        noise = drawn(net, 5, 6, net.iteration)
        check(net, data, by_hand(net, data, weights=lambda key, w, n=noise: noisy(kind, n, key, w)))  # type: ignore[misc]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("cell", "op"), [(rg.LSTM, "lstm"), (rg.GRU, "gru")])
def test_torchs_own_cell_computes_it(cell: Any, op: str, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = getattr(torch._VF, op)
    monkeypatch.setattr(torch._VF, op, lambda *a: calls.append(op) or real(*a))  # type: ignore[func-returns-value]
    kind, (x, labels) = rg.DropConnect(retain=0.6), series(4, 3, 6, 2)
    mask = (np.arange(6) < np.array([6, 2, 4, 3])[:, None]).astype(float) if masked else None
    net, data = network(kind, cell), rg.DataSet(x, labels, mask)
    noise = drawn(net, 4, 6, mask=masked)
    check(net, data, by_hand(net, data, weights=lambda key, w: noisy(kind, noise, key, w)))
    assert calls[0] == op


def test_a_clean_weight_takes_the_gradient_through_the_noise() -> None:
    """An update by plain steps of size 1: what DropConnect has dropped stays as it is."""
    net = network(rg.DropConnect(retain=0.6), updater=rg.Sgd(1.0))
    x, labels = series(5, 3, 6, 2)
    before, dropped = net.parameters(), {k: v.numpy() >= 0.6 for k, v in drawn(net, 5, 6).items()}
    net.fit(rg.DataSet(x, labels), progress=False)
    after = net.parameters()
    for name in ("0.W", "0.R", "1.W"):
        layer, key = name.split(".")
        np.testing.assert_array_equal(after[name] == before[name], dropped[f"noise_0{layer}_weights.{key}"])


LAYERS: dict[str, tuple[list[Any], list[str]]] = {
    "peepholes": ([rg.GravesLSTM(n_in=3, n_out=4)], ["W", "R", "P"]),
    "gain": ([rg.SimpleRnn(n_in=3, n_out=4, has_layer_norm=True)], ["W", "R", "g"]),
    "reset before": ([rg.GRU(n_in=3, n_out=4, reset_after=False)], ["W", "R"]),
    "embedding": ([rg.EmbeddingSequenceLayer(n_in=6, n_out=4)], ["W"]),
    "convolution": ([rg.Convolution1DLayer(2, n_in=3, n_out=4, activation="tanh")], ["W"]),
    "inside": ([rg.MaskZeroLayer(rg.SimpleRnn(n_in=3, n_out=4))], ["W", "R"]),
    "both ways": ([rg.Bidirectional("add", rg.GravesLSTM(n_in=3, n_out=4))], [f"{d}.{k}" for d in ("forward", "backward") for k in "WRP"]),
    "graves both ways": (
        [rg.GravesBidirectionalLSTM(n_in=3, n_out=4)],
        [f"{d}.{k}" for d in ("forward", "backward") for k in "WRP"],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", ["connect", "multiplied"])
def test_every_layer_with_weights(name: str, kind: str) -> None:
    """Which parameters are disturbed, and the gradients against central differences of the reference's loss."""
    layers, keys = LAYERS[name]
    net = network(KINDS[kind], layers=[*layers, rg.RnnOutputLayer(n_out=2)])
    names = {p.name for p in lower(net.config, loss=True).ports("noise") if p.layer == 0}
    weights = {f"noise_00_{scope}{dot}weights.{key}" for scope, dot, key in (k.rpartition(".") for k in keys)}
    biases = {n for n in names if n.rpartition(".")[2] in ("b", "bR")}
    assert names - biases == weights
    assert bool(biases) == (kind == "multiplied" and name != "embedding")
    check_gradient(net, dataset(net, 3, 5))


def test_inference_score_and_the_file_see_none_of_it(tmp_path: Path) -> None:
    graphs, results = [], []
    x, labels = series(4, 3, 5, 2)
    for number, kind in enumerate((rg.DropConnect(retain=0.5), None)):
        net = network(kind, data_type="float32", l2=0.1)
        export_onnx(net, tmp_path / f"{number}.onnx")
        graphs.append(onnx.load(tmp_path / f"{number}.onnx").graph.SerializeToString())
        results.append((net.output(x), net.score(rg.DataSet(x, labels))))
    assert graphs[0] == graphs[1]
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_penalties_see_the_clean_weights() -> None:
    """The score with L2 is that without, plus half the sum of the clean squares."""
    x, labels = series(4, 3, 5, 2)
    scores = [network(rg.DropConnect(retain=0.5), l2=l2).gradient(rg.DataSet(x, labels))[0] for l2 in (0.2, 0.0)]
    squares = sum((v**2).sum() for k, v in network(None).parameters().items() if not k.endswith("b"))
    np.testing.assert_allclose(scores[0] - scores[1], 0.5 * 0.2 * squares, rtol=1e-10)


def test_all_weights_kept_draws_nothing() -> None:
    assert not lower(network(rg.DropConnect(retain=1)).config, loss=True).ports("noise")


class Unknown(rg.conf.ParameterNoise):
    type: Any = "UnknownWeightNoise"


MEMBERS.remove(Unknown)  # it is used by itself, not by name: other tests list the members
Configured.known_fields.pop("Unknown")


def test_a_kind_without_a_lowering() -> None:
    message = r"layers\[0\]: weight_noise=Unknown\(apply_to_biases=False\) has no lowering; kinds that have one: DropConnect, WeightNoise"
    net = network(Unknown())
    with pytest.raises(rg.ConfigurationError, match=message):
        lower(net.config, loss=True)
