"""What the user writes: layers, updaters, input types, and the network that they make up; frozen, and checked when they are made."""

from __future__ import annotations

from rnngraph.conf.activations import ELU, GELU, Activation, LeakyReLU, ReLU, RReLU, ThresholdedReLU
from rnngraph.conf.backprop import Backprop, StandardBackprop, TruncatedBPTT
from rnngraph.conf.input_types import FeedForwardInput, InputType, RecurrentInput
from rnngraph.conf.layers import (
    LSTM,
    DenseLayer,
    GravesLSTM,
    LastTimeStep,
    Layer,
    OutputLayer,
    RecurrentLayer,
    RnnLossLayer,
    RnnOutputLayer,
    SimpleRnn,
    WeightLayer,
)
from rnngraph.conf.losses import Loss
from rnngraph.conf.network import MultiLayerConfiguration
from rnngraph.conf.updaters import Adam, Sgd, Updater

__all__ = [
    "Activation",
    "ELU",
    "GELU",
    "LeakyReLU",
    "RReLU",
    "ReLU",
    "ThresholdedReLU",
    "Adam",
    "Backprop",
    "DenseLayer",
    "FeedForwardInput",
    "GravesLSTM",
    "InputType",
    "LSTM",
    "LastTimeStep",
    "Loss",
    "Layer",
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
