"""SubsamplingLayer and Subsampling1DLayer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rnngraph.conf import Subsampling1DLayer, SubsamplingLayer
from rnngraph.ir.cell import absolute
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.pooling import power
from rnngraph.lowering.registry import register
from rnngraph.lowering.windows import image_windows, reduce_mask, remembers, step_windows, with_past


@register(SubsamplingLayer, parameters=lambda layer: ())
def lower_subsampling(layer: SubsamplingLayer, context: Context, x: Value) -> Value:
    """x [..., H, W, C] -> [..., H', W', C]."""
    x = context.cleaned(x, layer.mask_mode)
    return _pool(layer, x, layer.kernel_size, image_windows(layer, x))


@register(Subsampling1DLayer, parameters=lambda layer: ())
def lower_subsampling_1d(layer: Subsampling1DLayer, context: Context, x: Value) -> Value:
    """x [T, N, F] -> [T', N, F]; causal, its state holds the steps before."""
    x = context.cleaned(x, layer.mask_mode)
    largest = layer.pooling_type == "max"
    streams = remembers(layer)
    lowest = float(np.finfo(context.graph.data_type).min) if largest else 0.0
    steps, windows = with_past(layer, context, x, lowest) if streams else x, step_windows(layer, streams)
    y = _pool(layer, steps, (layer.kernel_size,), windows)
    reduce_mask(layer, context, x, y, windows)
    return y


def _pool(layer: SubsamplingLayer | Subsampling1DLayer, x: Value, kernel: tuple[int, ...], windows: dict[str, Any]) -> Value:
    """The reduction of each window."""

    def pool(value: Value, kind: str) -> Value:
        return x.block.add("pool", [value], layer.pooling_type, kind=kind, kernel=kernel, **windows)

    if layer.pooling_type == "max":
        return pool(x, "max")
    if layer.pooling_type == "sum":
        return pool(x, "sum")
    if layer.pooling_type == "pnorm":
        return x.block.add("root", [pool(power(absolute(x), layer.pnorm), "sum")], p=layer.pnorm)
    whole = not any(map(bool, _padded(windows)))
    if whole or layer.avg_pool_include_pad_in_divisor:
        return pool(x, "sum") / float(math.prod(kernel))
    return pool(x, "sum") / pool(x.block.add("zeros", [x]) + 1.0, "sum")


def _padded(windows: dict[str, Any]) -> list[int]:
    """All that is padded; "same" counts as something."""
    return [side for sides in windows["padding"] for side in ((1,) if sides == "same" else sides)]
