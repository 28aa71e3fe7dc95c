"""One label for a sequence of any length: RnnOutputLayer, and a labels mask with a single 1, at the last step of each."""

from __future__ import annotations

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, network, prove, ragged


def last_steps(features_mask: np.ndarray) -> np.ndarray:
    """The mask [N, T] of each row's last step."""
    # --8<-- [start:shown]
    lengths = features_mask.sum(axis=1).astype(int)
    labels_mask = np.zeros_like(features_mask)
    labels_mask[np.arange(len(lengths)), lengths - 1] = 1  # the loss is that of this step alone
    # --8<-- [end:shown]
    return labels_mask


def at_the_end(data: rg.DataSet) -> rg.DataSet:
    """The same sequences, whose label counts at their last step alone."""
    assert data.features_mask is not None
    return rg.DataSet(data.features, data.labels, data.features_mask, last_steps(data.features_mask))


def main() -> Outcome:
    """Train, export, stream."""
    net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
    return prove(net, at_the_end(ragged(1, 64)), at_the_end(ragged(2, 64)), epochs=3)


if __name__ == "__main__":
    print(main())
