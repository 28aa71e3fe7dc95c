"""The cells, one a file."""

from __future__ import annotations

from rnngraph.ir.cells.graves_lstm import graves_lstm
from rnngraph.ir.cells.gru import gru_reset_after, gru_reset_before
from rnngraph.ir.cells.layer_norm_rnn import layer_norm_rnn
from rnngraph.ir.cells.lstm import lstm
from rnngraph.ir.cells.simple_rnn import simple_rnn

__all__ = ["graves_lstm", "gru_reset_after", "gru_reset_before", "layer_norm_rnn", "lstm", "simple_rnn"]
