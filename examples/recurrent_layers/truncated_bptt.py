"""Truncated BPTT: sequences of 300 steps in segments of 100, an update for each."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, prove, signals


def changing(seed: int, rows: int = 4, steps: int = 300, each: int = 10) -> rg.DataSet:
    """Sequences whose class, one of ten, changes every ``each`` steps."""
    pieces = signals(seed, 64, classes=10, rows=rows * steps // each, steps=each)

    def joined(array: np.ndarray) -> np.ndarray:
        return array.reshape(rows, -1, array.shape[1], each).transpose(0, 2, 1, 3).reshape(rows, array.shape[1], steps)

    return rg.DataSet(joined(pieces.features), joined(pieces.labels))


def main() -> Outcome:
    """Train, export, stream."""
    # --8<-- [start:shown]
    config = rg.MultiLayerConfiguration(
        seed=42,
        updater=rg.Adam(1e-3),
        layers=[
            rg.LSTM(n_in=64, n_out=128),
            rg.RnnOutputLayer(n_in=128, n_out=10, activation="softmax", loss="mcxent"),
        ],
        backprop=rg.TruncatedBPTT(length=100),
    )
    net = rg.MultiLayerNetwork(config)
    # --8<-- [end:shown]
    found = prove(net, changing(1), changing(2), epochs=12)
    assert net.iteration == 3 * 12  # an update for each segment
    return found


if __name__ == "__main__":
    print(main())
