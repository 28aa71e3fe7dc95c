"""RnnOutputLayer: an answer and a loss at each step."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, network, prove, signals


def main() -> Outcome:
    """Train, export, stream."""
    num_classes = 3
    # --8<-- [start:shown]
    head = rg.RnnOutputLayer(n_in=128, n_out=num_classes, activation="softmax", loss="mcxent")
    # --8<-- [end:shown]
    layers = [rg.LSTM(n_in=64, n_out=128), head]
    return prove(network(*layers), signals(1, 64), signals(2, 64), epochs=3)


if __name__ == "__main__":
    print(main())
