"""The layers, one file a family."""

from __future__ import annotations

from rnngraph.conf.layers.base import Layer, WeightLayer
from rnngraph.conf.layers.bidirectional import Bidirectional
from rnngraph.conf.layers.convolution import Convolution1DLayer, ConvolutionLayer
from rnngraph.conf.layers.dense import DenseLayer
from rnngraph.conf.layers.embedding import EmbeddingLayer, EmbeddingSequenceLayer
from rnngraph.conf.layers.last_time_step import LastTimeStep
from rnngraph.conf.layers.mask_zero import MaskZeroLayer
from rnngraph.conf.layers.normalization import BatchNormalization
from rnngraph.conf.layers.output import LossLayer, OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.conf.layers.pooling import GlobalPoolingLayer
from rnngraph.conf.layers.recurrent import GRU, LSTM, GravesBidirectionalLSTM, GravesLSTM, RecurrentLayer, SimpleRnn
from rnngraph.conf.layers.simple import ActivationLayer, DropoutLayer
from rnngraph.conf.layers.subsampling import Subsampling1DLayer, SubsamplingLayer
from rnngraph.conf.layers.time_distributed import TimeDistributed
from rnngraph.conf.layers.wrapper import WrapperLayer, innermost

__all__ = [
    "ActivationLayer", "BatchNormalization", "Bidirectional", "Convolution1DLayer", "ConvolutionLayer", "DenseLayer", "DropoutLayer",
    "EmbeddingLayer", "EmbeddingSequenceLayer", "GRU", "GlobalPoolingLayer", "GravesBidirectionalLSTM", "GravesLSTM", "LSTM",
    "LastTimeStep", "Layer", "LossLayer", "MaskZeroLayer", "OutputLayer", "RecurrentLayer", "RnnLossLayer", "RnnOutputLayer", "SimpleRnn",
    "Subsampling1DLayer", "SubsamplingLayer", "TimeDistributed", "WeightLayer", "WrapperLayer", "innermost",
]  # fmt: skip
