"""A whole network with a Bidirectional layer."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, prove, signals


def main() -> Outcome:
    """Train, export, and see why it cannot be stepped."""
    num_classes = 3
    # --8<-- [start:shown]
    config = rg.MultiLayerConfiguration(
        seed=42,
        data_type="float",
        updater=rg.Adam(1e-3),
        layers=[
            rg.Bidirectional("concat", rg.LSTM(n_in=100, n_out=64, activation="tanh")),
            rg.RnnOutputLayer(n_in=128, n_out=num_classes, activation="softmax", loss="mcxent"),
        ],
    )
    net = rg.MultiLayerNetwork(config)
    # --8<-- [end:shown]
    return prove(net, signals(1, 100), signals(2, 100), epochs=2)


if __name__ == "__main__":
    print(main())
