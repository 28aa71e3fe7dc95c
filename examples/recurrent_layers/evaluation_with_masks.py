"""Evaluation of time series: steps count where the mask is 1."""

from __future__ import annotations

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, ragged


def main() -> Outcome:
    """Train, export, stream; evaluate by hand and by the network, which is the same."""
    net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
    data, num_classes = ragged(2, 64), 3
    found = prove(net, ragged(1, 64), data, epochs=3)
    # --8<-- [start:shown]
    evaluation = rg.Evaluation(num_classes)
    predictions = net.output(data.features, data.features_mask)
    evaluation.eval_time_series(data.labels, predictions, data.labels_mask)
    print(evaluation.stats())
    # --8<-- [end:shown]
    assert data.labels_mask is not None
    assert evaluation.num_examples() == data.labels_mask.sum()
    assert (evaluation.confusion == net.evaluate(data).confusion).all()
    return found


if __name__ == "__main__":
    print(main())
