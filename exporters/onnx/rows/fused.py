"""Ops over whole sequences that have a file of their own, and the weights of masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.exporters.onnx.lstm import lstm
from rnngraph.exporters.onnx.scan import recurrent
from rnngraph.ir.graph import Node


def _mask_columns(ctx: Context, node: Node) -> Sequence[Known]:
    w = ctx.constant(node.inputs[0], "mask_columns")
    column = np.repeat(np.array(node.attributes["values"], ctx.data_type), len(w) // 4)
    return [np.concatenate([w, column[:, None]], axis=1)]


FUSED: dict[str, Row] = {"recurrent": recurrent, "lstm": lstm, "mask_columns": _mask_columns}
