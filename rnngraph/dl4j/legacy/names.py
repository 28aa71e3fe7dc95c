"""The short names of older dialects, and the classes that they stand for."""

from __future__ import annotations

from collections.abc import Mapping

from rnngraph.dl4j import activations, initializers, losses

LAYERS: Mapping[str, str] = {
    "GlobalPooling": "GlobalPoolingLayer",
    "activation": "ActivationLayer",
    "batchNormalization": "BatchNormalization",
    "convolution": "ConvolutionLayer",
    "convolution1d": "Convolution1DLayer",
    "dense": "DenseLayer",
    "dropout": "DropoutLayer",
    "embedding": "EmbeddingLayer",
    "gravesBidirectionalLSTM": "GravesBidirectionalLSTM",
    "gravesLSTM": "GravesLSTM",
    "loss": "LossLayer",
    "output": "OutputLayer",
    "rnnoutput": "RnnOutputLayer",
    "subsampling": "SubsamplingLayer",
    "subsampling1d": "Subsampling1DLayer",
}
"""Layers whose name is not that of the class."""

ACTIVATIONS: Mapping[str, str] = {
    **{kind.removeprefix("Activation"): kind for kind in activations.NAMES},
    "HardTanh": "ActivationHardTanH",
    "SWISH": "ActivationSwish",
}
"""``{"TanH": {}}``."""
ACTIVATION_NAMES: Mapping[str, str] = {name: kind for kind, name in activations.NAMES.items()}
"""``"tanh"``, as 0.5 and 0.6 write it."""

LOSSES: Mapping[str, str] = {kind.removeprefix("Loss"): kind for kind in losses.NAMES}
"""``{"MCXENT": {}}``."""
LOSS_NAMES: Mapping[str, str] = {
    **{name.upper(): kind for kind, name in losses.NAMES.items()},
    "RECONSTRUCTION_CROSSENTROPY": "LossKLD",
    "SQUARED_LOSS": "LossMSE",
}
"""``"MCXENT"``, as 0.5 writes it."""

INITIALIZERS: Mapping[str, str] = {
    **{name.upper(): kind for kind, name in initializers.NAMES.items()},
    "LECUN_NORMAL": "WeightInitNormal",
    "XAVIER_FAN_IN": "WeightInitNormal",
}
"""``"XAVIER"``; those that take a number or a distribution apart."""

PREPROCESSORS: Mapping[str, str] = {
    "cnnToFeedForward": "CnnToFeedForwardPreProcessor",
    "cnnToRnn": "CnnToRnnPreProcessor",
    "feedForwardToCnn": "FeedForwardToCnnPreProcessor",
    "feedForwardToRnn": "FeedForwardToRnnPreProcessor",
    "rnnToCnn": "RnnToCnnPreProcessor",
    "rnnToFeedForward": "RnnToFeedForwardPreProcessor",
}
"""Preprocessors that rnngraph has; others keep their name, by which they are refused."""
