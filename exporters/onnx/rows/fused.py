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
    """Numbers become a column where it is used: an LSTM stores one for each gate. With a bias among them it is a column like any."""
    w, *bias = (ctx.constant(v, "mask_columns") for v in node.inputs)
    values = node.attributes["values"]
    if not bias:
        return [Widened(node.inputs[0], tuple(values))]
    size = len(w) // len(values)
    blocks = [-bias[0][k * size : (k + 1) * size] if v is None else np.full(size, v, ctx.data_type) for k, v in enumerate(values)]
    return [np.concatenate([w, np.concatenate(blocks)[:, None]], axis=1)]


FUSED: dict[str, Row] = {"recurrent": recurrent, "lstm": lstm, "gru": gru, "mask_columns": _mask_columns}
