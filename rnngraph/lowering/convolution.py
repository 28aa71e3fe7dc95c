"""ConvolutionLayer and Convolution1DLayer."""

from __future__ import annotations

import math

import numpy as np

from rnngraph.conf import Convolution1DLayer, ConvolutionLayer
from rnngraph.conf.initializers import draw
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, activate
from rnngraph.lowering.registry import Parameter, register
from rnngraph.lowering.windows import image_windows, reduce_mask, remembers, step_windows, with_past


def _parameters(layer: ConvolutionLayer | Convolution1DLayer) -> tuple[Parameter, ...]:
    """W [n_out, n_in, kH, kW] or [n_out, n_in, k], and unless ``has_bias`` is False b [n_out].

    Fans as DL4J's (``ConvolutionParamInitializer``): n_in and n_out times the kernel, the latter through the stride.
    """
    kernel, stride = _tuple(layer.kernel_size), _tuple(layer.stride)
    shape = (layer.n_out, layer.n_in, *kernel)
    fan_in, fan_out = layer.n_in * math.prod(kernel), layer.n_out * math.prod(kernel) / math.prod(stride)
    weight = Parameter("W", shape, lambda generator: draw(layer.weight_init, shape, fan_in, fan_out, generator))
    bias = Parameter("b", (layer.n_out,), lambda generator: np.full(layer.n_out, layer.bias_init, dtype=np.float64))
    return (weight, bias) if layer.has_bias else (weight,)


def _tuple(value: int | tuple[int, int]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


@register(ConvolutionLayer, parameters=_parameters)
def lower_convolution(layer: ConvolutionLayer, context: Context, x: Value) -> Value:
    """x [..., H, W, C] -> [..., H', W', n_out]."""
    x = context.cleaned(x, layer.mask_mode)
    z = context.graph.add("convolution", [x, context.parameter("W")], "windows", **image_windows(layer, x))
    context.clean = context.mask is None
    return _activated(layer, context, z)


@register(Convolution1DLayer, parameters=_parameters)
def lower_convolution_1d(layer: Convolution1DLayer, context: Context, x: Value) -> Value:
    """x [T, N, C] -> [T', N, n_out]; causal, its state holds the steps before."""
    x = context.cleaned(x, layer.mask_mode)
    streams = remembers(layer)
    steps, windows = with_past(layer, context, x) if streams else x, step_windows(layer, streams)
    z = context.graph.add("convolution", [steps, context.parameter("W")], "windows", **windows)
    reduce_mask(layer, context, x, z, windows)
    return _activated(layer, context, z)


def _activated(layer: ConvolutionLayer | Convolution1DLayer, context: Context, z: Value) -> Value:
    if context.has("b"):
        z = context.graph.add("add", [z, context.parameter("b")], "z")
    return activate(context, z, layer.activation)
