"""Sequences of different length: padded to the longest, with masks that say which steps are there."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, ragged


def main() -> Outcome:
    """Train, export, stream; what stands in the padding is never read."""
    drawn = ragged(1, 64)
    features, labels, features_mask, labels_mask = drawn.features, drawn.labels, drawn.features_mask, drawn.labels_mask
    # --8<-- [start:shown]
    data = rg.DataSet(features, labels, features_mask, labels_mask)
    # --8<-- [end:shown]
    assert np.isnan(data.features).any()
    net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
    found = prove(net, data, ragged(2, 64), epochs=3)
    assert net.score(data) == net.score(rg.DataSet(np.nan_to_num(features), labels, features_mask, labels_mask))
    return found


if __name__ == "__main__":
    print(main())
