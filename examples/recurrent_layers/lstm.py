"""LSTM without peepholes: which of three signals comes in, told at each step."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, signals


def main() -> Outcome:
    """Train, export, stream."""
    # --8<-- [start:shown]
    lstm = rg.LSTM(
        n_in=64,
        n_out=128,
        activation="tanh",
        gate_activation="sigmoid",
        forget_gate_bias_init=1.0,
    )
    # --8<-- [end:shown]
    return prove(network(lstm, HEAD), signals(1, 64), signals(2, 64), epochs=3)


if __name__ == "__main__":
    print(main())
