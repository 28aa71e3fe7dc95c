"""RnnLossLayer: a loss at each step, without parameters; the layer before gives as many features as there are classes."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, network, prove, signals


def main() -> Outcome:
    """Train, export, stream."""
    # --8<-- [start:shown]
    loss = rg.RnnLossLayer(activation="softmax", loss="mcxent")
    # --8<-- [end:shown]
    layers = [rg.LSTM(n_in=64, n_out=128), rg.SimpleRnn(n_out=3, activation="identity"), loss]
    net = network(*layers)
    assert not [name for name in net.parameters() if name.startswith("2.")]
    return prove(net, signals(1, 64), signals(2, 64), epochs=10)


if __name__ == "__main__":
    print(main())
