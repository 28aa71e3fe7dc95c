"""What the user writes: layers, updaters, input types, and the network that they make up; frozen, and checked when they are made."""

from __future__ import annotations

from rnngraph.conf.activations import ELU, GELU, Activation, LeakyReLU, ReLU, RReLU, ThresholdedReLU
from rnngraph.conf.backprop import Backprop, StandardBackprop, TruncatedBPTT
from rnngraph.conf.dropout import Dropout
from rnngraph.conf.initializers import (
    BinomialDistribution,
    ConstantDistribution,
    Distribution,
    LogNormalDistribution,
    NormalDistribution,
    OrthogonalDistribution,
    TruncatedNormalDistribution,
    UniformDistribution,
)
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
from rnngraph.conf.losses import Loss
from rnngraph.conf.network import MultiLayerConfiguration
from rnngraph.conf.updaters import Adam, Sgd, Updater

__all__ = [
    "Activation",
    "ActivationLayer",
    "Adam",
    "Backprop",
    "BatchNormalization",
    "BinomialDistribution",
    "ConstantDistribution",
    "DenseLayer",
    "Distribution",
    "Dropout",
    "DropoutLayer",
    "ELU",
    "EmbeddingLayer",
    "EmbeddingSequenceLayer",
    "FeedForwardInput",
    "GELU",
    "GlobalPoolingLayer",
    "GravesLSTM",
    "InputType",
    "LastTimeStep",
    "Layer",
    "LeakyReLU",
    "LogNormalDistribution",
    "Loss",
    "LossLayer",
    "LSTM",
    "MultiLayerConfiguration",
    "NormalDistribution",
    "OrthogonalDistribution",
    "OutputLayer",
    "RecurrentInput",
    "RecurrentLayer",
    "ReLU",
    "RnnLossLayer",
    "RnnOutputLayer",
    "RReLU",
    "Sgd",
    "SimpleRnn",
    "StandardBackprop",
    "ThresholdedReLU",
    "TruncatedBPTT",
    "TruncatedNormalDistribution",
    "UniformDistribution",
    "Updater",
    "WeightLayer",
]
