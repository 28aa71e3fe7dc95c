"""LastTimeStep: one answer for a whole sequence."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, network, one_label_each, prove, signals


def main() -> Outcome:
    """Train, export, stream: stepped, the answer is that to what has come so far."""
    num_classes = 3
    # --8<-- [start:shown]
    layers = [
        rg.LastTimeStep(rg.LSTM(n_in=64, n_out=128, activation="tanh")),  # [N, 64, T] -> [N, 128]
        rg.OutputLayer(n_in=128, n_out=num_classes, activation="softmax", loss="negativeloglikelihood"),
    ]
    # --8<-- [end:shown]
    return prove(network(*layers), one_label_each(signals(1, 64)), one_label_each(signals(2, 64)), epochs=3)


if __name__ == "__main__":
    print(main())
