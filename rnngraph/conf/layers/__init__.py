"""The layers, one file a family."""

from __future__ import annotations

from rnngraph.conf.layers.base import Layer, WeightLayer
from rnngraph.conf.layers.dense import DenseLayer
from rnngraph.conf.layers.last_time_step import LastTimeStep
from rnngraph.conf.layers.output import OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.conf.layers.recurrent import LSTM, GravesLSTM, RecurrentLayer, SimpleRnn

__all__ = [
    "DenseLayer", "GravesLSTM", "LSTM", "LastTimeStep", "Layer", "OutputLayer", "RecurrentLayer", "RnnLossLayer", "RnnOutputLayer",
    "SimpleRnn", "WeightLayer",
]  # fmt: skip
