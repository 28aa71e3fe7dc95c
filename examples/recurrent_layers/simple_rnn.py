"""SimpleRnn, for what depends on a few steps."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, signals


def main() -> Outcome:
    """Train, export, stream."""
    # --8<-- [start:shown]
    rnn = rg.SimpleRnn(n_in=32, n_out=64, activation="tanh")
    # --8<-- [end:shown]
    return prove(network(rnn, HEAD), signals(1, 32), signals(2, 32), epochs=6)


if __name__ == "__main__":
    print(main())
