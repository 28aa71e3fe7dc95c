"""Ops over whole sequences that have a file of their own, and the weights of masks."""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.exporters.onnx.context import Context, Known, Row, Widened
from rnngraph.exporters.onnx.lstm import lstm
from rnngraph.exporters.onnx.scan import recurrent
from rnngraph.ir.graph import Node


def _mask_columns(ctx: Context, node: Node) -> Sequence[Known]:
    """Checked here, made where it is used: an LSTM stores the numbers and not the column."""
    ctx.constant(node.inputs[0], "mask_columns")
    return [Widened(node.inputs[0], tuple(node.attributes["values"]))]


FUSED: dict[str, Row] = {"recurrent": recurrent, "lstm": lstm, "mask_columns": _mask_columns}
