"""MaskZeroLayer and TimeDistributed: what a layer sees, changed."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import MaskZeroLayer, TimeDistributed, WrapperLayer
from rnngraph.ir.cell import absolute, greater, sum_last, where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.dropout import lower_layer
from rnngraph.lowering.registry import Buffer, Parameter, family, register


def inner_parameters(layer: WrapperLayer) -> tuple[Parameter, ...]:
    """Those of the layer inside."""
    return family(layer.layer).parameters(layer.layer)


def inner_buffers(layer: WrapperLayer) -> tuple[Buffer, ...]:
    """Those of the layer inside."""
    return family(layer.layer).buffers(layer.layer)


@register(MaskZeroLayer, parameters=inner_parameters, buffers=inner_buffers)
def lower_mask_zero_layer(layer: MaskZeroLayer, context: Context, x: Value) -> Value:
    """x [T, N, I] -> what the inner layer gives; there is no mask afterwards.

    Steps that do not exist by the mask that comes in are given the mask's value first, so that they do not exist by the new one either.
    """
    with np.errstate(over="ignore"):  # a value that the type does not reach is infinite, which no feature is
        value = float(np.dtype(context.graph.data_type).type(layer.mask_value))
    if context.mask is not None and layer.mask_mode != "ignore":
        x = where(context.mask, x, value)
    differs = where(greater(absolute(x - value), 0.0), 1.0, 0.0)  # counted, not compared: sums of 0 and 1 are exact in any order
    mask = greater(sum_last(differs), 0.5)
    context.mask, context.clean = mask, value == 0.0
    y = lower_layer(layer.layer, context, x)
    context.mask, context.seen, context.clean = None, mask, True
    return y


@register(TimeDistributed, parameters=inner_parameters, buffers=inner_buffers)
def lower_time_distributed(layer: TimeDistributed, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [T, N, n_out]: layers for vectors act on the last axis, so neither steps nor mask need rearranging."""
    return lower_layer(layer.layer, context, x)
