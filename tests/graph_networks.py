"""Graphs and data for the tests of ComputationGraph."""

from __future__ import annotations

from typing import Any

import numpy as np

import rnngraph as rg

R, F = rg.InputType.recurrent, rg.InputType.feed_forward
Net = rg.ComputationGraph


def graph(vertices: dict[str, Any], types: dict[str, Any], outputs: Any, **settings: Any) -> Net:
    fields: dict[str, Any] = {"inputs": list(types), "vertices": vertices, "outputs": outputs, "input_types": types}
    return Net(rg.ComputationGraphConfiguration(**{**fields, "seed": 5, "updater": rg.Adam(1e-2), **settings}))


def one_hot(generator: np.random.Generator, n: int, t: int | None = None, classes: int = 2) -> np.ndarray:
    chosen = np.eye(classes)[generator.integers(0, classes, n if t is None else (n, t))]
    return chosen if t is None else chosen.transpose(0, 2, 1)


def padded(seed: int = 0, n: int = 5, f: int = 3, t: int = 9) -> rg.DataSet:
    """Series of different lengths."""
    generator = np.random.default_rng(seed)
    mask = (np.arange(t) < generator.integers(2, t + 1, (n, 1))).astype(float)
    return rg.DataSet(generator.standard_normal((n, f, t)), one_hot(generator, n, t), mask)


def two_heads(**settings: Any) -> Net:
    """A series and a vector that holds at each step; classes at each step, and of the whole."""
    vertices = {
        "each": (rg.DuplicateToTimeSeriesVertex("x"), "who"),
        "rnn": (rg.LSTM(n_out=4), "x", "each"),
        "steps": (rg.RnnOutputLayer(n_out=2), "rnn"),
        "last": (rg.LastTimeStepVertex("x"), "rnn"),
        "whole": (rg.OutputLayer(n_out=3, activation="sigmoid", loss="xent"), "last"),
    }
    return graph(vertices, {"x": R(3), "who": F(2)}, ["steps", "whole"], **settings)


def multi(seed: int = 0, n: int = 5, t: int = 9, masked: bool = True) -> rg.MultiDataSet:
    generator, one = np.random.default_rng(seed + 50), padded(seed, n, t=t)
    labels = [one.labels, generator.integers(0, 2, (n, 3)).astype(float)]
    return rg.MultiDataSet([one.features, generator.standard_normal((n, 2))], labels, [one.features_mask, None] if masked else None)
