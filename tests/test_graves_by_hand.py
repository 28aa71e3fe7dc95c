"""The peer of the benchmarks computes a GravesLSTM: its gradients against differences, its outputs against ours."""

from __future__ import annotations

import numpy as np
import torch

import rnngraph as rg
from benchmarks.graves_by_hand import GravesByHand


def test_outputs_and_gradients() -> None:
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.GravesLSTM(n_in=3, n_out=4)], data_type="float64", seed=2))
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    w, r, b, peepholes = (torch.tensor(net.parameters()[f"0.{key}"], requires_grad=True) for key in ("W", "R", "b", "P"))
    pre = torch.nn.functional.linear(torch.tensor(x).permute(2, 0, 1), w, b)
    y = GravesByHand.apply(pre, r, peepholes)  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(y.detach().permute(1, 2, 0).numpy(), net.output(x), rtol=0, atol=1e-14)
    assert torch.autograd.gradcheck(GravesByHand.apply, (pre.detach().requires_grad_(), r, peepholes))
