"""GRU: torch's, with torch's weights as they are; fused and step by step alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.torch import Program
from rnngraph.lowering import lower
from rnngraph.training.regularisation import Penalty, penalties
from tests.layers.properties import GAPS, dataset, features, feeds, network


def of_torch(module: torch.nn.GRU, suffix: str = "") -> dict[str, np.ndarray]:
    """Torch's parameters of one direction under our keys."""
    keys = {"W": "weight_ih_l0", "R": "weight_hh_l0", "b": "bias_ih_l0", "bR": "bias_hh_l0"}
    return {k: getattr(module, v + suffix).detach().numpy() for k, v in keys.items()}


@pytest.mark.parametrize("both_ways", [False, True])
def test_it_is_torchs_gru(both_ways: bool) -> None:
    torch.manual_seed(0)
    module = torch.nn.GRU(3, 5, bidirectional=both_ways, dtype=torch.float64)
    net = network(rg.Bidirectional(rg.GRU(n_out=5)) if both_ways else rg.GRU(n_out=5))
    parameters = net.parameters()
    for prefix, suffix in (("forward.", ""), ("backward.", "_reverse")) if both_ways else (("", ""),):
        parameters.update({f"0.{prefix}{k}": v for k, v in of_torch(module, suffix).items()})
    net.set_parameters(parameters)
    x = features()
    with torch.no_grad():
        h = module(torch.from_numpy(x).permute(2, 0, 1))[0].permute(1, 2, 0).numpy()
    want = np.tanh(np.einsum("cf,nft->nct", parameters["1.W"], h) + parameters["1.b"][:, None])
    np.testing.assert_allclose(net.output(x), want, rtol=0, atol=1e-13)


def test_gradients_are_torchs() -> None:
    torch.manual_seed(0)
    module = torch.nn.GRU(3, 5, dtype=torch.float64)
    net = network(rg.GRU(n_out=5))
    parameters = {**net.parameters(), **{f"0.{k}": v for k, v in of_torch(module).items()}}
    net.set_parameters(parameters)
    data = dataset(net, features(), None)
    h = module(torch.tensor(data.features).permute(2, 0, 1))[0]
    y = torch.tanh(h @ torch.from_numpy(parameters["1.W"]).T + torch.from_numpy(parameters["1.b"]))
    ((y - torch.tensor(data.labels).permute(2, 0, 1)).square().sum() / 2).backward()  # type: ignore[no-untyped-call]
    _, gradient = net.gradient(data)
    theirs_of = {"W": module.weight_ih_l0, "R": module.weight_hh_l0, "b": module.bias_ih_l0, "bR": module.bias_hh_l0}
    for ours, theirs in theirs_of.items():
        assert isinstance(theirs, torch.Tensor)
        assert isinstance(theirs.grad, torch.Tensor)
        np.testing.assert_allclose(gradient[f"0.{ours}"], theirs.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("both_ways", [False, True])
def test_gradients_of_the_masked_fused_cell_are_those_of_the_plain_loop(both_ways: bool, mode: str) -> None:
    inner = rg.GRU(n_out=5)
    net = network(rg.Bidirectional("mul", inner) if both_ways else inner, mode)
    data = dataset(net, features(), GAPS)
    graph = lower(net.config, features_mask=True, loss=True)
    results = []
    for fuse in (True, False):
        program = Program(graph, fuse=fuse)
        given = {**feeds(net, program, features(), GAPS), "labels": torch.tensor(data.labels)}
        leaves = list(net._parameters.values())
        results.append(torch.autograd.grad(program(given)["loss"], leaves))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_parameters_and_their_start() -> None:
    config = rg.MultiLayerConfiguration(layers=[rg.GRU(n_in=200, n_out=300, bias_init=0.5)], seed=1)
    got = rg.MultiLayerNetwork(config).parameters()
    assert {k: v.shape for k, v in got.items()} == {"0.W": (900, 200), "0.R": (900, 300), "0.b": (900,), "0.bR": (900,)}
    assert set(got["0.b"]) == {0.5}
    assert not got["0.bR"].any()
    for key in ("0.W", "0.R"):
        assert got[key].std() == pytest.approx(np.sqrt(2 / (300 + 500)), rel=0.01)
    before = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.GRU(n_in=2, n_out=3, reset_after=False)]))
    assert list(before.parameters()) == ["0.W", "0.R", "0.b"]


def test_biases_are_not_penalised() -> None:
    config = rg.MultiLayerConfiguration(layers=[rg.GRU(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=2)], l2=0.5)
    assert penalties(rg.MultiLayerNetwork(config)) == dict.fromkeys(("0.W", "0.R", "1.W"), Penalty(l2=0.5))


@pytest.mark.parametrize("reset_after", [True, False])
def test_the_reset_gate_stands_before_or_behind_the_product(reset_after: bool) -> None:
    """By hand, for one unit and one step: h = (1 - z) n + z h0."""
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.GRU(n_in=1, n_out=2, reset_after=reset_after)], data_type="float64"))
    rng = np.random.default_rng(0)
    p: dict[str, Any] = {k: rng.standard_normal(v.shape) for k, v in net.parameters().items()}
    net.set_parameters(p)
    h0, x = rng.standard_normal(2), 0.7
    net.rnn_set_previous_state(0, {"h": h0[None]})
    got = net.rnn_time_step(np.array([[x]]))[0]
    w, (rr, rz, rn), b = p["0.W"][:, 0] * x, p["0.R"].reshape(3, 2, 2), p["0.b"]
    c = p.get("0.bR", np.zeros(6))

    def sigmoid(v: Any) -> Any:
        return 1 / (1 + np.exp(-v))

    r = sigmoid(w[:2] + b[:2] + rr @ h0 + c[:2])
    z = sigmoid(w[2:4] + b[2:4] + rz @ h0 + c[2:4])
    n = np.tanh(w[4:] + b[4:] + (r * (rn @ h0 + c[4:]) if reset_after else rn @ (r * h0)))
    np.testing.assert_allclose(got, (1 - z) * n + z * h0, rtol=0, atol=1e-14)
