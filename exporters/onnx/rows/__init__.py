"""The emitter's table: from each IR op to the function that adds its ONNX nodes."""

from __future__ import annotations

from rnngraph.exporters.onnx.context import Row
from rnngraph.exporters.onnx.rows.activation import activation
from rnngraph.exporters.onnx.rows.elementwise import ELEMENTWISE
from rnngraph.exporters.onnx.rows.fused import FUSED
from rnngraph.exporters.onnx.rows.layers import LAYERS
from rnngraph.exporters.onnx.rows.layout import LAYOUT
from rnngraph.exporters.onnx.rows.products import PRODUCTS
from rnngraph.exporters.onnx.rows.steps import STEPS
from rnngraph.exporters.onnx.rows.windows import WINDOWS

TRAINING = frozenset(
    {
        *("outer_sum", "sum_to", "sum_all", "softmax_cross_entropy", "straight_through", "scale_features", "place", "batch_statistics"),
        *("split_steps", "stop_gradient"),
        *("sigmoid_backward", "tanh_backward", "relu_backward", "hardsigmoid_backward", "normalize_backward"),
    }
)
"""Ops of the loss and of gradients: no inference graph has them, and they have no row."""

ROWS: dict[str, Row] = {**ELEMENTWISE, "activation": activation, **PRODUCTS, **LAYOUT, **STEPS, **FUSED, **LAYERS, **WINDOWS}

__all__ = ["ROWS", "TRAINING"]
