"""Small files of sequences, and configurations of networks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILES = ("--features", "f_%d.csv", "--labels", "l_%d.csv")
"""The options that name what :func:`sequences` writes."""
LSTM = "- {type: LSTM, n_in: 2, n_out: 5}\n"
CLASSES = "- {type: RnnOutputLayer, n_out: 3, activation: softmax, loss: mcxent}\n"
NUMBERS = "- {type: RnnOutputLayer, n_out: 2, activation: identity, loss: mse}\n"


def config(folder: Path, *layers: str, rate: float = 0.02) -> Path:
    """A configuration, by default of three classes at each step."""
    path = folder / "config.yaml"
    path.write_text(f"seed: 1\nupdater: {{type: Adam, learning_rate: {rate}}}\nlayers:\n" + "".join(layers or (LSTM, CLASSES)))
    return path


def table(path: Path, array: np.ndarray) -> None:
    """An array [T, columns] as a CSV file."""
    np.savetxt(path, array, delimiter=",", fmt="%.6g")


def sequences(folder: Path, count: int = 12) -> None:
    """``f_%d.csv`` [T, 2] of 4 to 7 steps, each class at another height; ``l_%d.csv`` with the class of the sequence."""
    r = np.random.default_rng(1)
    for k in range(count):
        table(folder / f"f_{k}.csv", r.normal(size=(r.integers(4, 8), 2)) + 50 * (k % 3))
        (folder / f"l_{k}.csv").write_text(f"{k % 3}\n")


def series(folder: Path, count: int = 8) -> None:
    """``x_%d.csv`` [6, 2] and ``y_%d.csv`` [6, 2]: of both columns the sum so far, in other units."""
    r = np.random.default_rng(2)
    for k in range(count):
        x = r.normal(size=(6, 2))
        table(folder / f"x_{k}.csv", x)
        table(folder / f"y_{k}.csv", 1000 + 100 * x.cumsum(axis=0))
