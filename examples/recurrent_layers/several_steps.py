"""Several steps in one call: chunks of any length go on where the call before ended."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, exported, network, prove, signals


def main() -> Outcome:
    """Train, export, stream; ten steps and ten more are what twenty are."""
    net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
    found = prove(net, signals(1, 64), signals(2, 64), epochs=3)
    twenty = signals(3, 64, rows=1, steps=20).features
    ten_steps_input, ten_more = twenty[:, :, :10], twenty[:, :, 10:]
    with exported(net) as session:
        for model in (net, session):
            # --8<-- [start:shown]
            ten_steps_output = model.rnn_time_step(ten_steps_input)  # [1, n_in, 10] -> [1, n_out, 10]
            ten_more_output = model.rnn_time_step(ten_more)
            # --8<-- [end:shown]
            parts = np.concatenate([ten_steps_output, ten_more_output], axis=2)
            np.testing.assert_allclose(parts, model.output(twenty), rtol=0, atol=0 if model is session else 1e-6)
    return found


if __name__ == "__main__":
    print(main())
