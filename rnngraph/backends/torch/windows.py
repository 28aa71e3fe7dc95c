"""Convolution and pooling in torch: what stands in front of the window's axes is folded into one batch axis, channels go behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from rnngraph.ir.windows import reach_of, same_padding


def convolution(attributes: Mapping[str, Any], operands: list[Tensor]) -> Tensor:
    """x [..., H, W, C], W [O, C, kH, kW] -> [..., H', W', O]; x [T, N, C], W [O, C, k] -> [T', N, O]."""
    x, w = operands
    images = _padded(_channels_first(x, w.dim() - 2), w.shape[2:], attributes, 0.0)
    convolve = functional.conv2d if w.dim() == 4 else functional.conv1d
    return _channels_last(convolve(images, w, None, attributes["stride"], 0, attributes["dilation"]), x)


def pool(attributes: Mapping[str, Any], operands: list[Tensor]) -> Tensor:
    """The largest value of each window, or the sum, over the axes of ``kernel``."""
    (x,), kernel, largest = operands, attributes["kernel"], attributes["kind"] == "max"
    images = _padded(_channels_first(x, len(kernel)), kernel, attributes, float("-inf") if largest else 0.0)
    if largest:
        take = functional.max_pool2d if len(kernel) == 2 else functional.max_pool1d
        return _channels_last(take(images, tuple(kernel), tuple(attributes["stride"]), 0, tuple(attributes["dilation"])), x)
    for axis, (k, stride, dilation) in enumerate(zip(kernel, attributes["stride"], attributes["dilation"], strict=True), 2):
        images = _sum(images, axis, k, stride, dilation)
    return _channels_last(images, x)


def _sum(x: Tensor, axis: int, kernel: int, stride: int, dilation: int) -> Tensor:
    """The sum of each window along one axis."""
    count = (x.shape[axis] - reach_of(kernel, dilation)) // stride + 1
    first = x.narrow(axis, 0, (count - 1) * stride + 1)
    total = first[(slice(None),) * axis + (slice(None, None, stride),)]
    for k in range(1, kernel):
        part = x.narrow(axis, k * dilation, (count - 1) * stride + 1)
        total = total + part[(slice(None),) * axis + (slice(None, None, stride),)]
    return total


def _channels_first(x: Tensor, axes: int) -> Tensor:
    """[..., H, W, C] as [B, C, H, W]; [T, N, C] as [N, C, T]."""
    if axes == 1:
        return x.permute(1, 2, 0)
    return x.reshape(-1, *x.shape[-3:]).permute(0, 3, 1, 2)


def _channels_last(y: Tensor, x: Tensor) -> Tensor:
    """The way back, with the leading axes of ``x``."""
    if y.dim() == 3:
        return y.permute(2, 0, 1)
    return y.permute(0, 2, 3, 1).reshape(*x.shape[:-3], *y.shape[2:], y.shape[1])


def _padded(x: Tensor, kernel: Sequence[int], attributes: Mapping[str, Any], fill: float) -> Tensor:
    """``x`` with what is added before and behind along the axes of the window."""
    around: list[int] = []
    settings: Any = zip(kernel, attributes["stride"], attributes["padding"], attributes["dilation"], strict=True)
    for size, (k, stride, padding, dilation) in zip(x.shape[2:], settings, strict=True):
        added = same_padding(size, reach_of(k, dilation), stride) if padding == "same" else padding
        around = [*added, *around]  # torch counts axes from the last
    return functional.pad(x, around, value=fill) if any(around) else x
