"""What the user writes: layers, updaters, input types, and the network that they make up; frozen, and checked when they are made."""

from __future__ import annotations

from rnngraph.conf.backprop import Backprop, StandardBackprop, TruncatedBPTT
from rnngraph.conf.dropout import Dropout
from rnngraph.conf.input_types import FeedForwardInput, InputType, RecurrentInput
from rnngraph.conf.layers import (
    LSTM,
    ActivationLayer,
    BatchNormalization,
    DenseLayer,
    DropoutLayer,
    EmbeddingLayer,
    EmbeddingSequenceLayer,
    GlobalPoolingLayer,
    GravesLSTM,
    LastTimeStep,
    Layer,
    LossLayer,
    OutputLayer,
    RecurrentLayer,
    RnnLossLayer,
    RnnOutputLayer,
    SimpleRnn,
    WeightLayer,
)
from rnngraph.conf.network import MultiLayerConfiguration
from rnngraph.conf.updaters import Adam, Sgd, Updater

__all__ = [
    "ActivationLayer",
    "Adam",
    "Backprop",
    "BatchNormalization",
    "DenseLayer",
    "Dropout",
    "DropoutLayer",
    "EmbeddingLayer",
    "EmbeddingSequenceLayer",
    "FeedForwardInput",
    "GlobalPoolingLayer",
    "GravesLSTM",
    "InputType",
    "LSTM",
    "LastTimeStep",
    "Layer",
    "LossLayer",
    "MultiLayerConfiguration",
    "OutputLayer",
    "RecurrentInput",
    "RecurrentLayer",
    "RnnLossLayer",
    "RnnOutputLayer",
    "Sgd",
    "SimpleRnn",
    "StandardBackprop",
    "TruncatedBPTT",
    "Updater",
    "WeightLayer",
]
