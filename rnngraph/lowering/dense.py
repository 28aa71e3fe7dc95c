"""DenseLayer: acts on each row, or on each step of each row."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import DenseLayer, OutputLayer, RnnOutputLayer
from rnngraph.conf.initializers import draw
from rnngraph.ir.cell import sqrt, sum_last
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import Parameter, register

EPSILON = 1e-5
"""Added to the variance, as torch does; Deeplearning4j adds nothing, and gives noise for rows whose values are nearly equal."""


def dense_parameters(layer: DenseLayer | OutputLayer | RnnOutputLayer) -> tuple[Parameter, ...]:
    """W [n_out, n_in], unless ``has_bias`` is False b [n_out], with ``has_layer_norm`` g [n_out]; fans (n_in, n_out)."""
    shape = (layer.n_out, layer.n_in)
    weight = Parameter("W", shape, lambda generator: draw(layer.weight_init, shape, layer.n_in, layer.n_out, generator))
    bias = Parameter("b", (layer.n_out,), lambda generator: np.full(layer.n_out, layer.bias_init, dtype=np.float64))
    gain = Parameter("g", (layer.n_out,), lambda generator: np.full(layer.n_out, layer.gain_init, dtype=np.float64))
    return (weight, *[bias] * layer.has_bias, *[gain] * layer.has_layer_norm)


def preactivation(context: Context, x: Value) -> Value:
    """``W x + b``, or ``g LN(W x) + b`` where there is a gain g."""
    z = context.graph.add("linear", [x, context.parameter("W")], "xW")
    if context.has("g"):
        z = _normalized(z) * context.parameter("g")
    return context.graph.add("add", [z, context.parameter("b")], "z") if context.has("b") else z


def _normalized(x: Value) -> Value:
    """``(x - mean) / sqrt(variance + EPSILON)`` over the last axis (Ba, Kiros and Hinton 2016, without gain and bias)."""
    width = x.shape[-1]
    assert isinstance(width, int)
    rest = x - sum_last(x) * (1.0 / width)
    return rest / sqrt(sum_last(rest * rest) * (1.0 / width) + EPSILON)


@register(DenseLayer, parameters=dense_parameters)
def lower_dense(layer: DenseLayer, context: Context, x: Value) -> Value:
    """x [T, N, I] or [N, I] -> [T, N, n_out] or [N, n_out]."""
    z = preactivation(context, context.cleaned(x, layer.mask_mode))
    context.clean = context.mask is None
    return context.graph.add("activation", [z], "y", name=layer.activation)
