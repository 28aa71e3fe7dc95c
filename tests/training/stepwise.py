"""Truncated BPTT written out: explicit loops over steps under autograd in float64, independent of graphs, cells and backends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import rnngraph as rg

Array = npt.NDArray[Any]
States = tuple[Tensor, ...]


def _lstm(p: Mapping[str, Tensor], x: Tensor, states: States) -> States:
    """Graves 2013, eqs. 7-11, without peepholes: (h, c)."""
    h, c = states
    i, f, g, o = (x @ p["W"].T + h @ p["R"].T + p["b"]).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _graves(p: Mapping[str, Tensor], x: Tensor, states: States) -> States:
    """With peepholes."""
    h, c = states
    i, f, g, o = (x @ p["W"].T + h @ p["R"].T + p["b"]).chunk(4, 1)
    before = c
    c = torch.sigmoid(f + p["P"][1] * before) * before + torch.sigmoid(i + p["P"][0] * before) * torch.tanh(g)
    return torch.sigmoid(o + p["P"][2] * c) * torch.tanh(c), c


def _simple(p: Mapping[str, Tensor], x: Tensor, states: States) -> States:
    """h = tanh(W x + R h + b)."""
    return (torch.tanh(x @ p["W"].T + states[0] @ p["R"].T + p["b"]),)


def _gru(p: Mapping[str, Tensor], x: Tensor, states: States) -> States:
    """Cho et al. 2014, or with the reset gate behind the product where there is a second bias."""
    (h,) = states
    xr, xz, xn = (x @ p["W"].T + p["b"]).chunk(3, 1)
    rr, rz, rn = p["R"].chunk(3, 0)
    if "bR" in p:
        br, bz, bn = p["bR"].chunk(3)
        r, z = torch.sigmoid(xr + h @ rr.T + br), torch.sigmoid(xz + h @ rz.T + bz)
        n = torch.tanh(xn + r * (h @ rn.T + bn))
    else:
        r, z = torch.sigmoid(xr + h @ rr.T), torch.sigmoid(xz + h @ rz.T)
        n = torch.tanh(xn + (r * h) @ rn.T)
    return ((1 - z) * n + z * h,)


CELLS = {"LSTM": (_lstm, 2), "GravesLSTM": (_graves, 2), "SimpleRnn": (_simple, 1), "GRU": (_gru, 1)}


@dataclass
class Stepwise:
    """A stack of recurrent and dense layers (tanh) with a softmax at each step, trained by Sgd on segments."""

    config: rg.MultiLayerConfiguration
    parameters: dict[str, Tensor]
    rate: float
    scores: list[float] = field(default_factory=list)
    history: list[dict[str, Array]] = field(default_factory=list)

    @classmethod
    def of(cls, net: rg.MultiLayerNetwork, rate: float) -> Stepwise:
        """With the network's parameters."""
        return cls(net.config, {k: torch.from_numpy(v).requires_grad_() for k, v in net.parameters().items()}, rate)

    def layer(self, index: int) -> dict[str, Tensor]:
        """A layer's parameters by key."""
        return {k.partition(".")[2]: v for k, v in self.parameters.items() if k.startswith(f"{index}.")}

    def fit(self, data: rg.DataSet, length: int, backward: int | None = None) -> None:
        """One update a segment; its score and the parameters after it are kept."""
        x, y = torch.from_numpy(data.features.copy()), torch.from_numpy(data.labels.copy())
        n, _, steps = x.shape
        mask = torch.ones(n, steps) if data.features_mask is None else torch.from_numpy(data.features_mask.copy())
        counts = mask if data.labels_mask is None else torch.from_numpy(data.labels_mask.copy())
        states: dict[int, States] = {}
        for start in range(0, steps, length):
            part = slice(start, min(start + length, steps))
            logits, states = self.forward(x[:, :, part], mask[:, part] > 0, states, backward)
            losses = -(y[:, :, part] * torch.log_softmax(logits, 1)).sum(1)
            loss = torch.where(counts[:, part] > 0, losses, 0.0).sum() / n
            self.scores.append(float(loss.detach()))
            gradients = torch.autograd.grad(loss, list(self.parameters.values()), allow_unused=True)
            with torch.no_grad():
                for w, g in zip(self.parameters.values(), gradients, strict=True):
                    if g is not None:
                        w -= self.rate * g
            self.history.append({k: v.detach().numpy().copy() for k, v in self.parameters.items()})

    def forward(self, x: Tensor, mask: Tensor, states: Mapping[int, States], backward: int | None) -> tuple[Tensor, dict[int, States]]:
        """Logits [N, C, L] and the states after the segment, cut off from it."""
        rows, after = [x[:, :, t] for t in range(x.shape[2])], {}
        first = 0 if backward is None else max(0, len(rows) - backward)
        last = len(self.config.layers) - 1
        for index, layer in enumerate(self.config.layers[:last]):
            p = self.layer(index)
            if layer.tag() == "DenseLayer":
                rows = [torch.tanh(r @ p["W"].T + p["b"]) for r in self.real(rows, mask)]
                continue
            rows, now = self.recur(layer, p, rows, mask, states.get(index), first)
            after[index] = tuple(s.detach() for s in now)
        p = self.layer(last)
        return torch.stack([r @ p["W"].T + p["b"] for r in self.real(rows, mask)], 2), after

    @staticmethod
    def real(rows: list[Tensor], mask: Tensor) -> list[Tensor]:
        """0 at masked steps, where a layer that ignores masks gives something else."""
        return [torch.where(mask[:, t : t + 1], row, 0.0) for t, row in enumerate(rows)]

    @staticmethod
    def recur(
        layer: Any, p: Mapping[str, Tensor], rows: list[Tensor], mask: Tensor, states: States | None, first: int
    ) -> tuple[list[Tensor], States]:
        """One layer over the segment; what was computed before step ``first`` gives no gradient."""
        cell, count = CELLS[layer.tag()]
        now = states or tuple(torch.zeros(len(rows[0]), layer.n_out, dtype=torch.float64) for _ in range(count))
        out: list[Tensor] = []
        for t, row in enumerate(rows):
            if t == first:
                now, out = tuple(s.detach() for s in now), [y.detach() for y in out]
            real = mask[:, t : t + 1] if layer.mask_mode != "ignore" else torch.ones(len(row), 1, dtype=torch.bool)
            new = cell(p, row, now)
            out.append(torch.where(real, new[0], 0.0))
            now = tuple(torch.where(real, a, b if layer.mask_mode == "hold" else 0.0) for a, b in zip(new, now, strict=True))
        return out, now


def padded(rng: np.random.Generator, n: int, f: int, steps: int, masks: str = "", classes: int = 3) -> rg.DataSet:
    """Random data in float64; ``masks``: "" for none, "right" for sequences of different length, "any" for both masks of any pattern."""
    x = rng.standard_normal((n, f, steps))
    y = np.eye(classes)[rng.integers(0, classes, (n, steps))].transpose(0, 2, 1)
    if not masks:
        return rg.DataSet(x, y)
    if masks == "right":
        return rg.DataSet(x, y, (np.arange(steps) < rng.integers(1, steps + 1, (n, 1))).astype(float))
    features, labels = ((rng.random((n, steps)) > 0.4).astype(float) for _ in range(2))
    labels[0, 0] = 1.0
    return rg.DataSet(x, y, features, labels)
