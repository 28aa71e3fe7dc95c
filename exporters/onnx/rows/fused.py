"""Ops over whole sequences that have a file of their own, and the weights of masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known, Row, Widened
from rnngraph.exporters.onnx.gru import gru
from rnngraph.exporters.onnx.lstm import lstm
from rnngraph.exporters.onnx.scan import recurrent
from rnngraph.ir.graph import Node


def _mask_columns(ctx: Context, node: Node) -> Sequence[Known]:
    """Checked here, made where it is used: an LSTM stores the numbers and not the column."""
    ctx.constant(node.inputs[0], "mask_columns")
    return [Widened(node.inputs[0], tuple(node.attributes["values"]))]


def _reset_columns(ctx: Context, node: Node) -> Sequence[Known]:
    w, b = (ctx.constant(v, "reset_columns") for v in node.inputs)
    r, z, n = np.split(b, 3)
    value = node.attributes["value"]
    return [np.concatenate([w, np.concatenate([np.full_like(r, value), np.full_like(z, value), -n])[:, None]], axis=1)]


FUSED: dict[str, Row] = {"recurrent": recurrent, "lstm": lstm, "gru": gru, "mask_columns": _mask_columns, "reset_columns": _reset_columns}
