"""Lowering: a configuration becomes a graph. One file a layer family; each enters its layers into one registry.

- :func:`lower` gives the graph of inference, or of training, which ends in the loss;
- :func:`register_cell` lets a cell of one's own compute a layer of one's own;
- :func:`parameter_shapes` and :func:`initial_parameters` give what the graph takes as parameters, :func:`buffer_shapes` and
  :func:`initial_buffers` what it takes as buffers.
"""

from __future__ import annotations

from rnngraph.lowering.build import lower
from rnngraph.lowering.parameters import buffer_shapes, given_starts, initial_buffers, initial_parameters, parameter_shapes
from rnngraph.lowering.recurrent import register_cell

__all__ = ["buffer_shapes", "given_starts", "initial_buffers", "initial_parameters", "lower", "parameter_shapes", "register_cell"]
