"""Bidirectional: a layer forward and backward in time. It needs whole sequences, so that it exports, but cannot be stepped."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, signals


def main() -> Outcome:
    """The widths of all four modes; train and export one, and see why it cannot be stepped."""
    # --8<-- [start:shown]
    both_ways = rg.Bidirectional("concat", rg.LSTM(n_in=64, n_out=128, activation="tanh"))  # 256 features
    # --8<-- [end:shown]
    for mode, width in {"add": 128, "mul": 128, "average": 128, "concat": 256}.items():
        assert network(rg.Bidirectional(mode, rg.LSTM(n_in=64, n_out=128)), HEAD).config.layers[1].n_in == width
    return prove(network(both_ways, HEAD), signals(1, 64), signals(2, 64), epochs=2)


if __name__ == "__main__":
    print(main())
