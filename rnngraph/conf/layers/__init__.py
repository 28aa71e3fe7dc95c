"""The layers, one file a family."""

from __future__ import annotations

from rnngraph.conf.layers.base import Layer, WeightLayer
from rnngraph.conf.layers.bidirectional import Bidirectional
from rnngraph.conf.layers.dense import DenseLayer
from rnngraph.conf.layers.last_time_step import LastTimeStep
from rnngraph.conf.layers.mask_zero import MaskZeroLayer
from rnngraph.conf.layers.output import OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.conf.layers.recurrent import GRU, LSTM, GravesBidirectionalLSTM, GravesLSTM, RecurrentLayer, SimpleRnn
from rnngraph.conf.layers.time_distributed import TimeDistributed
from rnngraph.conf.layers.wrapper import WrapperLayer, innermost

__all__ = [
    "Bidirectional", "DenseLayer", "GRU", "GravesBidirectionalLSTM", "GravesLSTM", "LSTM", "LastTimeStep", "Layer", "MaskZeroLayer",
    "OutputLayer", "RecurrentLayer", "RnnLossLayer", "RnnOutputLayer", "SimpleRnn", "TimeDistributed", "WeightLayer", "WrapperLayer",
    "innermost",
]  # fmt: skip
