"""The cells, one a file."""

from __future__ import annotations

from rnngraph.ir.cells.graves_lstm import graves_lstm
from rnngraph.ir.cells.lstm import lstm
from rnngraph.ir.cells.simple_rnn import simple_rnn

__all__ = ["graves_lstm", "lstm", "simple_rnn"]
