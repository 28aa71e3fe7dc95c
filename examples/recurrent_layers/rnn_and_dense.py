"""Recurrent layers, the last step, dense layers: a label for each sequence."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, one_label_each, prove, signals


def main() -> Outcome:
    """Train, export, stream."""
    input_size, num_classes = 16, 3
    # --8<-- [start:shown]
    config = rg.MultiLayerConfiguration(
        seed=42,
        data_type="float",
        updater=rg.Adam(1e-3),
        layers=[
            rg.LSTM(n_in=input_size, n_out=128),
            rg.LSTM(n_in=128, n_out=64),
            rg.LastTimeStep(rg.SimpleRnn(n_in=64, n_out=64)),  # [N, 64, T] -> [N, 64]
            rg.DenseLayer(n_in=64, n_out=32, activation="relu"),
            rg.OutputLayer(n_in=32, n_out=num_classes, activation="softmax", loss="negativeloglikelihood"),
        ],
    )
    net = rg.MultiLayerNetwork(config)
    # --8<-- [end:shown]
    return prove(net, one_label_each(signals(1, input_size)), one_label_each(signals(2, input_size)), epochs=4)


if __name__ == "__main__":
    print(main())
