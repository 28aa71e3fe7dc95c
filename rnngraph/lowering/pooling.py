"""GlobalPoolingLayer: a running reduction over time, which is its state."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import GlobalPoolingLayer
from rnngraph.ir.cell import absolute, greater, maximum, sum_last, where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import register


@register(GlobalPoolingLayer, parameters=lambda layer: ())
def lower_global_pooling(layer: GlobalPoolingLayer, context: Context, x: Value) -> Value:
    """x [T, N, F] -> [N, F]; there is neither time axis nor mask afterwards. x [..., H, W, C] -> [..., C]."""
    if x.type.rank > 3:
        return _over_images(layer, context, x)
    mask = context.mask if layer.mask_mode != "ignore" else None
    y = _max(layer, context, x, mask) if layer.pooling_type == "max" else _sum(layer, context, x, mask)
    context.mask, context.clean = None, True
    return y


def _over_images(layer: GlobalPoolingLayer, context: Context, x: Value) -> Value:
    """The reduction of each image, in one window of its size."""
    height, width, channels = (d for d in x.shape[-3:] if isinstance(d, int))
    x = context.cleaned(x, layer.mask_mode)
    kind = "max" if layer.pooling_type == "max" else "sum"
    values = power(absolute(x), layer.pnorm) if layer.pooling_type == "pnorm" else x
    window = {"kernel": (height, width), "stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    y = x.block.add("reshape", [x.block.add("pool", [values], layer.pooling_type, kind=kind, **window)], axes=3, shape=(channels,))
    context.clean = context.mask is None
    if layer.pooling_type == "pnorm":
        return x.block.add("root", [y], p=layer.pnorm)
    return y / float(height * width) if layer.pooling_type == "avg" else y


def _max(layer: GlobalPoolingLayer, context: Context, x: Value, mask: Value | None) -> Value:
    """The largest value so far; the lowest number of all stands for none."""
    lowest = float(np.finfo(context.graph.data_type).min)
    real = x if mask is None else where(mask, x, lowest)
    largest = _running(context, "max", layer.n_in, lowest, real, "max_steps")
    return largest if mask is None else where(greater(largest, lowest), largest, 0.0)


def _sum(layer: GlobalPoolingLayer, context: Context, x: Value, mask: Value | None) -> Value:
    """The sum so far, of |x|^p for pnorm; the average divides it by the number of steps so far."""
    x = context.cleaned(x, layer.mask_mode)
    total = _running(context, "sum", layer.n_in, 0.0, power(absolute(x), layer.pnorm) if layer.pooling_type == "pnorm" else x, "sum_steps")
    if layer.pooling_type == "pnorm":
        return context.graph.add("root", [total], p=layer.pnorm)
    if layer.pooling_type == "sum":
        return total
    each = sum_last(context.graph.add("zeros", [x])) + 1.0 if mask is None else context.graph.add("cast", [mask], to="float")
    return total / maximum(_running(context, "count", 1, 0.0, each, "sum_steps"), 1.0)


def _running(context: Context, key: str, width: int, initial: float, rows: Value, op: str) -> Value:
    """The reduction of ``rows`` [T, N, width] and of what came before, which stands in front of them as row 0."""
    before = context.graph.add("unsqueeze", [context.state(key, width, initial)], axis=0)
    result = context.graph.add(op, [context.graph.add("concat", [before, rows], axis=0)], key)
    context.next_state(key, result)
    return result


def power(x: Value, p: int) -> Value:
    """x^p by squaring."""
    if p == 1:
        return x
    half = power(x, p // 2)
    return half * half * x if p % 2 else half * half
