"""What each target has fused, and the passes that bring a graph there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rnngraph.exporters.onnx.lstm import fused
from rnngraph.exporters.onnx.precision import Precision
from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Graph
from rnngraph.ir.passes.clean_at_border import clean_at_border
from rnngraph.ir.passes.fuse_gru import fuse_gru
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.integer_products import integer_products
from rnngraph.ir.passes.layout import cancel_layout
from rnngraph.ir.passes.mask_factors import mask_factors
from rnngraph.ir.passes.mask_weights import mask_weights

Target = Literal["portable", "cpu"]


def transform(graph: Graph, target: Target, steps: Literal[1] | None = None, precision: Precision | None = None) -> Graph:
    """The graph after the target's passes: moves that undo themselves go, cells that the target has fused become so, their masks weights.

    Nothing is fused for ``steps=1``, which writes cells in line, nor in float64, which onnxruntime's LSTM and GRU do not know. With
    int8 the cells whose h lies between -1 and 1 get integer products, for which only the CPU has kernels.
    """
    graph = cancel_layout(graph)
    if precision == "int8" and target == "cpu":
        graph = integer_products(graph)
    if steps == 1 or graph.data_type == "float64":
        return clean_at_border(mask_factors(graph))
    graph = fuse_gru(fuse_lstm(graph, ACCEPTS[target]), ACCEPTS_GRU[target])
    return clean_at_border(mask_factors(mask_weights(graph)))


def _portable(act: str, gate: str, peephole: bool) -> bool:
    """What CUDA's LSTM computes; it leaves all else to the CPU."""
    return act == "tanh" and gate == "sigmoid" and not peephole


def _cpu(act: str, gate: str, peephole: bool) -> bool:
    """What the CPU's LSTM computes in the meaning of this package; the gate must be exactly 0 and 1 far out, as mask weights need."""
    return fused(act) is not None and fused(gate) is not None and lookup(gate).saturates


ACCEPTS: dict[str, Callable[[str, str, bool], bool]] = {"portable": _portable, "cpu": _cpu}


def _portable_gru(act: str, gate: str, reset_after: bool) -> bool:
    """What CUDA's GRU computes."""
    return act == "tanh" and gate == "sigmoid" and reset_after


def _cpu_gru(act: str, gate: str, reset_after: bool) -> bool:
    """What the CPU's GRU computes in the meaning of this package, both forms."""
    return fused(act) is not None and fused(gate) is not None


ACCEPTS_GRU: dict[str, Callable[[str, str, bool], bool]] = {"portable": _portable_gru, "cpu": _cpu_gru}
