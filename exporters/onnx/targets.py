"""What each target has fused, and the passes that bring a graph there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rnngraph.exporters.onnx.lstm import ACTIVATIONS
from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Graph
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.layout import cancel_layout
from rnngraph.ir.passes.mask_weights import mask_weights
from rnngraph.ir.passes.prune import prune

Target = Literal["portable", "cpu"]


def transform(graph: Graph, target: Target, steps: Literal[1] | None = None) -> Graph:
    """The graph after the target's passes: moves that undo themselves go, cells that the target has fused become so, their masks weights.

    Nothing is fused for ``steps=1``, which writes cells in line, nor in float64, which onnxruntime's LSTM does not know.
    """
    if steps == 1 or graph.data_type == "float64":
        return cancel_layout(graph)
    return prune(mask_weights(fuse_lstm(cancel_layout(graph), ACCEPTS[target])))


def _portable(act: str, gate: str, peephole: bool) -> bool:
    """What CUDA's LSTM computes; it leaves all else to the CPU."""
    return act == "tanh" and gate == "sigmoid" and not peephole


def _cpu(act: str, gate: str, peephole: bool) -> bool:
    """What the CPU's LSTM computes in the meaning of this package; the gate must be exactly 0 and 1 far out, as mask weights need."""
    return act in ACTIVATIONS and gate in ACTIVATIONS and lookup(gate).saturates


ACCEPTS: dict[str, Callable[[str, str, bool], bool]] = {"portable": _portable, "cpu": _cpu}
