"""What the user writes: layers, updaters, input types, and the network that they make up; frozen, and checked when they are made."""

from __future__ import annotations

from rnngraph.conf.backprop import Backprop, StandardBackprop, TruncatedBPTT
from rnngraph.conf.input_types import FeedForwardInput, InputType, RecurrentInput
from rnngraph.conf.layers import (
    GRU,
    LSTM,
    Bidirectional,
    DenseLayer,
    GravesBidirectionalLSTM,
    GravesLSTM,
    LastTimeStep,
    Layer,
    MaskZeroLayer,
    OutputLayer,
    RecurrentLayer,
    RnnLossLayer,
    RnnOutputLayer,
    SimpleRnn,
    TimeDistributed,
    WeightLayer,
    WrapperLayer,
)
from rnngraph.conf.network import MultiLayerConfiguration
from rnngraph.conf.updaters import Adam, Sgd, Updater

__all__ = [
    "Adam",
    "Backprop",
    "Bidirectional",
    "DenseLayer",
    "FeedForwardInput",
    "GRU",
    "GravesBidirectionalLSTM",
    "GravesLSTM",
    "InputType",
    "LSTM",
    "LastTimeStep",
    "Layer",
    "MaskZeroLayer",
    "MultiLayerConfiguration",
    "OutputLayer",
    "RecurrentInput",
    "RecurrentLayer",
    "RnnLossLayer",
    "RnnOutputLayer",
    "Sgd",
    "SimpleRnn",
    "StandardBackprop",
    "TimeDistributed",
    "TruncatedBPTT",
    "Updater",
    "WeightLayer",
    "WrapperLayer",
]
