"""A step at a time, the state kept from call to call: in the network, and by the same verbs in its file."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, exported, network, prove, signals


def main() -> Outcome:
    """Train, export, stream; one step gives [N, n_out], and two steps what the whole sequence gives."""
    net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
    found, n_in = prove(net, signals(1, 64), signals(2, 64), epochs=3), 64
    with exported(net) as session:
        for model in (net, session):
            # --8<-- [start:shown]
            model.rnn_clear_previous_state()  # a new sequence

            single_step_input = np.zeros((1, n_in), np.float32)  # one example, one step
            output = model.rnn_time_step(single_step_input)  # [1, n_out]: one step has no time axis

            next_step_input = np.ones((1, n_in), np.float32)
            next_output = model.rnn_time_step(next_step_input)  # from the state that the call before left

            model.rnn_clear_previous_state()  # before the next sequence
            # --8<-- [end:shown]
            whole = model.output(np.stack([single_step_input, next_step_input], axis=2))
            np.testing.assert_allclose(np.stack([output, next_output], axis=2), whole, rtol=0, atol=0 if model is session else 1e-6)
    return found


if __name__ == "__main__":
    print(main())
