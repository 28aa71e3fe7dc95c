"""The complete example: sequences of one of five classes, told by two LSTMs and the last step of a SimpleRnn."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import Outcome, checked, one_label_each, signals


def main() -> Outcome:
    """Train with a listener, export, stream."""
    data, test = (one_label_each(signals(seed, 32, classes=5, rows=96)) for seed in (1, 2))
    # --8<-- [start:shown]
    input_size, hidden_size, num_classes, num_epochs = 32, 128, 5, 10

    config = rg.MultiLayerConfiguration(
        seed=42,
        data_type="float",
        updater=rg.Adam(1e-3),
        weight_init="xavier",
        l2=1e-5,
        layers=[
            rg.LSTM(n_in=input_size, n_out=hidden_size, activation="tanh"),
            rg.LSTM(n_in=hidden_size, n_out=hidden_size // 2, activation="tanh"),
            rg.LastTimeStep(rg.SimpleRnn(n_in=hidden_size // 2, n_out=hidden_size // 2)),
            rg.OutputLayer(n_in=hidden_size // 2, n_out=num_classes, activation="softmax", loss="negativeloglikelihood"),
        ],
    )
    net = rg.MultiLayerNetwork(config)
    net.init()  # has nothing left to do
    net.set_listeners(rg.ScoreIterationListener(50))
    # --8<-- [end:shown]
    before = net.score(data)
    # --8<-- [start:fit]
    net.fit(rg.MiniBatches(data, 16), epochs=num_epochs)
    # --8<-- [end:fit]
    return checked(net, before, data, test)


if __name__ == "__main__":
    print(main())
