"""DenseLayer: acts on each row, or on each step of each row."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import DenseLayer, OutputLayer, RnnOutputLayer
from rnngraph.conf.initializers import draw
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, activate, affine
from rnngraph.lowering.registry import Parameter, register


def dense_parameters(layer: DenseLayer | OutputLayer | RnnOutputLayer) -> tuple[Parameter, ...]:
    """W [n_out, n_in], and unless ``has_bias`` is False b [n_out]; fans (n_in, n_out)."""
    shape = (layer.n_out, layer.n_in)
    weight = Parameter("W", shape, lambda generator: draw(layer.weight_init, shape, layer.n_in, layer.n_out, generator))
    bias = Parameter("b", (layer.n_out,), lambda generator: np.full(layer.n_out, layer.bias_init, dtype=np.float64))
    return (weight, bias) if layer.has_bias else (weight,)


@register(DenseLayer, parameters=dense_parameters)
def lower_dense(layer: DenseLayer, context: Context, x: Value) -> Value:
    """x [T, N, I] or [N, I] -> [T, N, n_out] or [N, n_out]."""
    z = affine(context, context.cleaned(x, layer.mask_mode))
    context.clean = context.mask is None
    return activate(context, z, layer.activation)
