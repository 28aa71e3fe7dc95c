"""One label for a sequence of any length: LastTimeStep takes the last step that its mask leaves."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, network, one_label_each, prove, ragged


def main() -> Outcome:
    """Train, export, stream: a row whose sequence has ended keeps its answer."""
    num_classes = 3
    # --8<-- [start:shown]
    layers = [
        rg.LastTimeStep(rg.LSTM(n_in=64, n_out=128)),
        rg.OutputLayer(n_in=128, n_out=num_classes, activation="softmax", loss="negativeloglikelihood"),
    ]
    # --8<-- [end:shown]
    return prove(network(*layers), one_label_each(ragged(1, 64)), one_label_each(ragged(2, 64)), epochs=3)


if __name__ == "__main__":
    print(main())
