"""A small network for every layer and vertex: what is held against the reference backend on a GPU, and counted on stand-ins for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import rnngraph as rg

SERIES, VIDEO = rg.InputType.recurrent(3), rg.InputType.convolutional(6, 5, 2)
STEPS = rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")
END = rg.OutputLayer(n_out=2, activation="softmax", loss="mcxent")
Make = Callable[[], Any]


def layers(*some: Any, input_type: Any = SERIES) -> Make:
    """A network of layers in a row."""
    return lambda: rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=list(some), input_type=input_type))


def graph(vertices: Mapping[str, Any], input_types: Mapping[str, Any]) -> Any:
    """A graph with the output y."""
    config = rg.ComputationGraphConfiguration(seed=1, inputs=list(input_types), vertices=vertices, outputs="y", input_types=input_types)
    return rg.ComputationGraph(config)


def words() -> Any:
    """Ids in the place of features."""
    return layers(rg.EmbeddingSequenceLayer(n_in=7, n_out=4), rg.GRU(n_out=5), STEPS, input_type=None)()


def streaming() -> Any:
    """A graph with every vertex that streams."""
    vertices = {
        "a rnn": (rg.LSTM(n_out=4), "a"),
        "b rnn": (rg.SimpleRnn(n_out=4), "b"),
        "sum": (rg.ElementWiseVertex("add"), "a rnn", "b rnn"),
        "scaled": (rg.ScaleVertex(0.5), "sum"),
        "shifted": (rg.ShiftVertex(0.1), "scaled"),
        "part": (rg.SubsetVertex(1, 2), "shifted"),
        "both": (rg.StackVertex(), "a rnn", "b rnn"),
        "dense": (rg.DenseLayer(n_out=3, activation="tanh"), "both"),
        "first": (rg.UnstackVertex(0, 2), "dense"),
        "flat": (rg.PreprocessorVertex(rg.RnnToFeedForwardPreProcessor()), "part"),
        "each": (rg.DenseLayer(n_out=3), "flat"),
        "all": (rg.MergeVertex(), "each", "first"),
        "y": (STEPS, "all"),
    }
    return graph(vertices, {"a": SERIES, "b": rg.InputType.recurrent(2)})


def backwards() -> Any:
    """A graph with the vertices that need whole sequences."""
    vertices = {
        "turned": (rg.ReverseTimeSeriesVertex("a"), "a"),
        "rnn": (rg.GravesLSTM(n_out=4), "turned"),
        "last": (rg.LastTimeStepVertex("a"), "rnn"),
        "each": (rg.DuplicateToTimeSeriesVertex("a"), "last"),
        "unit": (rg.L2NormalizeVertex(), "rnn"),
        "both": (rg.MergeVertex(), "unit", "each"),
        "y": (STEPS, "both"),
    }
    return graph(vertices, {"a": SERIES})


CASES: dict[str, Make] = {
    "LSTM": layers(rg.LSTM(n_out=5), STEPS),
    "LSTM, other gates": layers(rg.LSTM(n_out=5, activation="softsign", gate_activation="hardsigmoid"), STEPS),
    "GravesLSTM": layers(rg.GravesLSTM(n_out=5), STEPS),
    "SimpleRnn": layers(rg.SimpleRnn(n_out=5), STEPS),
    "SimpleRnn, normalised": layers(rg.SimpleRnn(n_out=5, has_layer_norm=True), STEPS),
    "GRU": layers(rg.GRU(n_out=5), STEPS),
    "GRU, reset before": layers(rg.GRU(n_out=5, reset_after=False), STEPS),
    "Bidirectional": layers(rg.Bidirectional("concat", rg.LSTM(n_out=4)), STEPS),
    "GravesBidirectionalLSTM": layers(rg.GravesBidirectionalLSTM(n_out=4), STEPS),
    "LastTimeStep": layers(rg.LastTimeStep(rg.LSTM(n_out=5)), END),
    "MaskZeroLayer": layers(rg.MaskZeroLayer(rg.GravesLSTM(n_out=5)), STEPS),
    "TimeDistributed": layers(rg.TimeDistributed(rg.DenseLayer(n_out=4)), rg.LSTM(n_out=5), STEPS),
    "DenseLayer": layers(rg.DenseLayer(n_out=4, activation="tanh", has_layer_norm=True), rg.LSTM(n_out=5), STEPS),
    "BatchNormalization": layers(rg.LSTM(n_out=5), rg.BatchNormalization(), STEPS),
    "ActivationLayer": layers(rg.LSTM(n_out=5), rg.DropoutLayer(dropout=rg.Dropout(retain=0.5)), rg.ActivationLayer("mish"), STEPS),
    "RnnLossLayer": layers(rg.SimpleRnn(n_out=2), rg.RnnLossLayer(activation="softmax", loss="mcxent")),
    "LossLayer": layers(rg.LastTimeStep(rg.SimpleRnn(n_out=2)), rg.LossLayer(activation="softmax", loss="mcxent")),
    "EmbeddingSequenceLayer": words,
    "EmbeddingLayer": layers(rg.EmbeddingLayer(n_in=7, n_out=4), rg.DenseLayer(n_out=3), END, input_type=None),
    **{
        f"GlobalPoolingLayer, {kind}": layers(rg.LSTM(n_out=5), rg.GlobalPoolingLayer(kind), END) for kind in ("max", "avg", "sum", "pnorm")
    },
    "Convolution1DLayer": layers(rg.Convolution1DLayer(3, n_out=4, convolution_mode="causal"), rg.LSTM(n_out=5), STEPS),
    "Subsampling1DLayer": layers(rg.Subsampling1DLayer("max", 2, 2), rg.LSTM(n_out=5), STEPS),
    "ConvolutionLayer": layers(rg.ConvolutionLayer(3, n_out=3), rg.SubsamplingLayer("max", 2), rg.LSTM(n_out=5), STEPS, input_type=VIDEO),
    "SubsamplingLayer, avg": layers(
        rg.ConvolutionLayer(3, n_out=3), rg.SubsamplingLayer("avg", 2), rg.LSTM(n_out=5), STEPS, input_type=VIDEO
    ),
    "vertices": streaming,
    "vertices of whole sequences": backwards,
}
"""Networks by what they are there for."""
