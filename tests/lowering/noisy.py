"""Networks with noise by hand: an LSTM and a softmax at each step in torch's float64, given what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear, log_softmax

import rnngraph as rg
from rnngraph.lowering import lower
from rnngraph.training.noise import draw

Arrays = dict[str, np.ndarray]
Change = Callable[[Tensor], Tensor]
CELLS: Mapping[str, type[torch.nn.Module]] = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}


def drawn(net: rg.MultiLayerNetwork, n: int, t: int = 1, iteration: int = 0, mask: bool = False) -> dict[str, Tensor]:
    """What the next update would draw, by the names of the training graph."""
    graph = lower(net.config, loss=net.config.layers[-1].has_loss, training=True, features_mask=mask)
    return draw(graph, {"N": n, "T": t}, net.config.seed, iteration, net.epoch)


def series(n: int, f: int, t: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, f, t] and one-hot labels [n, classes, t]."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, f, t)), np.eye(classes)[rng.integers(0, classes, (n, t))].transpose(0, 2, 1)


def by_hand(
    net: rg.MultiLayerNetwork,
    data: rg.DataSet,
    before: tuple[Change, Change] = (lambda v: v, lambda v: v),
    weights: Callable[[str, Tensor], Tensor] = lambda name, w: w,
) -> tuple[float, Arrays]:
    """The loss and its gradients by the clean parameters; a row ends where its mask does.

    ``before`` disturbs what comes into each of the two layers, [T, N, F]; ``weights`` disturbs a parameter.
    """
    clean = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in net.parameters().items()}
    p = {k: weights(k, v) for k, v in clean.items()}
    first = net.config.layers[0]
    cell = CELLS[first.tag()](first.n_in, first.n_out, dtype=torch.float64)
    names = {"weight_ih_l0": p["0.W"], "weight_hh_l0": p["0.R"], "bias_ih_l0": p["0.b"]}
    names["bias_hh_l0"] = p["0.bR"] if "0.bR" in p else torch.zeros_like(p["0.b"])
    mask = np.ones(data.features.shape[::2]) if data.features_mask is None else np.asarray(data.features_mask)
    x = before[0](torch.tensor(np.where(mask[:, None] > 0, data.features, 0.0)).permute(2, 0, 1))
    h = torch.zeros(*x.shape[:2], first.n_out, dtype=torch.float64)
    for row, length in enumerate(mask.sum(1).astype(int)):
        y, _ = torch.func.functional_call(cell, names, (x[:length, row : row + 1],))
        h = torch.cat([h[:, :row], torch.cat([y, h[length:, row : row + 1]]), h[:, row + 1 :]], dim=1)
    log_y = log_softmax(linear(before[1](h), p["1.W"], p["1.b"]), -1)
    labels = torch.tensor(np.where(mask[:, None] > 0, data.labels, 0.0)).permute(2, 0, 1)
    loss = -(labels * log_y).sum()
    gradients = torch.autograd.grad(loss, list(clean.values()))
    return float(loss.detach()), {k: g.numpy() for k, g in zip(clean, gradients, strict=True)}


def check(net: rg.MultiLayerNetwork, data: rg.DataSet, want: tuple[float, Arrays]) -> None:
    """Score and gradients of the network, in float64, are these."""
    score, gradient = net.gradient(data)
    np.testing.assert_allclose(score * len(data.features), want[0], rtol=1e-11)
    for name, array in want[1].items():
        np.testing.assert_allclose(gradient[name], array, rtol=0, atol=1e-11 * max(1.0, np.abs(array).max()), err_msg=name)
