"""Preprocessors written by hand: each does what is inserted without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, prove, signals
from rnngraph.conf.layers import Layer
from rnngraph.conf.preprocessors import PreProcessor

SERIES, VIDEO = rg.InputType.recurrent(64), rg.InputType.convolutional(8, 8, 1)
LSTM, DENSE, CONVOLUTION = rg.LSTM(n_out=128), rg.DenseLayer(n_out=128, activation="relu"), rg.ConvolutionLayer(3, 3, n_out=4)


def joined(layers: Sequence[Layer], input_type: rg.InputType, preprocessors: Mapping[int, PreProcessor]) -> rg.MultiLayerNetwork:
    """Layers, and what stands between them by hand."""
    all_layers = [*layers, HEAD]
    config = rg.MultiLayerConfiguration(
        seed=42, updater=rg.Adam(1e-3), layers=all_layers, input_type=input_type, preprocessors=preprocessors
    )
    return rg.MultiLayerNetwork(config)


def main() -> Outcome:
    """Three networks, each by hand and by itself, give the same; one of them is trained, exported and streamed."""
    height, width, channels = 2, 2, 4
    # --8<-- [start:shown]
    into_dense = {3: rg.RnnToFeedForwardPreProcessor()}  # layer 2 is recurrent, layer 3 dense
    into_rnn = {3: rg.FeedForwardToRnnPreProcessor()}  # layer 2 is dense, layer 3 recurrent
    from_frames = {3: rg.CnnToRnnPreProcessor(height, width, channels)}  # layer 2 convolves frames, layer 3 is recurrent
    # --8<-- [end:shown]
    data = signals(1, 64)
    frames = data.features.reshape(-1, 1, 8, 8, data.features.shape[-1])
    cases: list[tuple[list[Layer], rg.InputType, Mapping[int, PreProcessor], np.ndarray]] = [
        ([LSTM, LSTM, LSTM, DENSE], SERIES, into_dense, data.features),
        ([CONVOLUTION, CONVOLUTION, CONVOLUTION, LSTM], VIDEO, from_frames, frames),
        ([LSTM, DENSE, DENSE, LSTM], SERIES, into_rnn, data.features),
    ]
    for layers, input_type, by_hand, x in cases:
        net = joined(layers, input_type, by_hand)
        assert np.array_equal(net.output(x), joined(layers, input_type, {}).output(x))
    return prove(net, data, signals(2, 64), epochs=3)


if __name__ == "__main__":
    print(main())
