"""GravesLSTM, whose gates see the cell's state through peepholes."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, signals


def main() -> Outcome:
    """Train, export, stream."""
    # --8<-- [start:shown]
    graves = rg.GravesLSTM(n_in=32, n_out=64, activation="tanh", gate_activation="hardsigmoid")
    # --8<-- [end:shown]
    return prove(network(graves, HEAD), signals(1, 32), signals(2, 32), epochs=6)


if __name__ == "__main__":
    print(main())
