"""The state of a stream, saved and restored: of one layer as arrays, of all layers as bytes that travel to another process."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, exported, network, prove, signals
from rnngraph.runtime import StreamingSession


def main() -> Outcome:
    """Train, export, stream; a stream that was saved goes on as if it had not been."""
    net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
    found, layer_index = prove(net, signals(1, 64), signals(2, 64), epochs=3), 0
    steps = signals(3, 64, rows=2).features
    begin, rest = steps[:, :, :5], steps[:, :, 5:]
    with exported(net) as session:
        for model in (net, session):
            model.rnn_time_step(begin)
            # --8<-- [start:shown]
            layer_state = model.rnn_get_previous_state(layer_index)  # {"h": [N, 128], "c": [N, 128]}
            as_bytes = model.snapshot().to_bytes()  # all layers at once
            # --8<-- [end:shown]
            expected = model.rnn_time_step(rest)
            model.rnn_clear_previous_state()
            # --8<-- [start:later]
            model.rnn_set_previous_state(layer_index, layer_state)
            # --8<-- [end:later]
            assert np.array_equal(model.rnn_time_step(rest), expected)
        # --8<-- [start:elsewhere]
        elsewhere = StreamingSession(session.path)
        elsewhere.restore(rg.StateSnapshot.from_bytes(as_bytes))
        # --8<-- [end:elsewhere]
        assert np.array_equal(elsewhere.rnn_time_step(rest), expected)
    return found


if __name__ == "__main__":
    print(main())
