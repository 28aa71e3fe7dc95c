"""A small network in float64 and its data, for tests that work out by hand what an update does to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import rnngraph as rg

Arrays = dict[str, np.ndarray]
ROWS = 3


def network(*layers: Any, **settings: Any) -> rg.MultiLayerNetwork:
    """``layers``, by default a SimpleRnn of 4, behind them an output of 2."""
    stack = [*(layers or [rg.SimpleRnn(n_in=2, n_out=4)]), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=stack, seed=3, data_type="float64", **settings))


def batch(seed: int = 0, n_in: int = 2) -> rg.DataSet:
    """ROWS rows of five steps."""
    rng = np.random.default_rng(seed)
    return rg.DataSet(rng.standard_normal((ROWS, n_in, 5)), np.eye(2)[rng.integers(2, size=(ROWS, 5))].transpose(0, 2, 1))


def averaged(net: rg.MultiLayerNetwork, data: rg.DataSet) -> Arrays:
    """The gradients divided by the number of rows: what comes into an update."""
    return {name: g / ROWS for name, g in net.gradient(data)[1].items()}


def states(net: rg.MultiLayerNetwork) -> dict[str, Arrays]:
    """Copies of what updaters keep."""
    return {name: {key: t.numpy().copy() for key, t in held.items()} for name, held in net.updater_state.items()}


def assert_close(ours: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray], rtol: float = 1e-10) -> None:
    """All arrays, relative to the largest value of each."""
    assert set(ours) == set(wanted)
    for name, want in wanted.items():
        np.testing.assert_allclose(ours[name], want, rtol=0, atol=rtol * max(1e-3, float(np.abs(want).max())), err_msg=name)
