"""Ops that move a window over images, or over time.

With a kernel of two sizes the window moves over the rows and columns of x [..., H, W, C], with one over the steps of x [T, N, C]: in both
these axes stand from the third last on, so that an op needs no other word for what it moves over. ``padding`` has for each
axis what is added before and behind, or "same": as many as it takes for ceil(size / stride) windows, the smaller half before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from rnngraph.ir.table import COUNT, FLOAT, Attributes, Kind, choice, misfit, op
from rnngraph.ir.types import Dim, TensorType, floats, floor_divide

Padding = tuple[int, int] | Literal["same"]


def _each(value: object, accepts: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) in (1, 2) and all(map(accepts, value))


def _is_padding(value: object) -> bool:
    counts = isinstance(value, (tuple, list)) and len(value) == 2 and all(COUNT.accepts(v) or v == 0 for v in value)
    return counts or value == "same"


COUNTS = Kind("one or two whole numbers of at least 1", lambda v: _each(v, COUNT.accepts))
PADDING = Kind("(before, behind) or 'same' for one axis or two", lambda v: _each(v, _is_padding))
WINDOWS = ("stride", "padding", "dilation")


@op("convolution", 2, [FLOAT, FLOAT], stride=COUNTS, padding=PADDING, dilation=COUNTS)
def _convolution(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Cross-correlation: x [..., H, W, C], W [O, C, kH, kW] -> [..., H', W', O]; x [T, N, C], W [O, C, k] -> [T', N, O]."""
    x, w = types
    kernel = tuple(d for d in w.shape[2:] if isinstance(d, int))
    if w.rank not in (3, 4) or len(kernel) != w.rank - 2 or x.rank < 3 or x.shape[-1] != w.shape[1]:
        raise misfit("convolution", types, "x [..., H, W, C] and W [O, C, kH, kW], or x [T, N, C] and W [O, C, k]")
    return (floats(*_moved("convolution", types, kernel, attributes)[:-1], w.shape[0]),)


@op("pool", 1, kind=choice("max", "sum"), kernel=COUNTS, stride=COUNTS, padding=PADDING, dilation=COUNTS)
def _pool(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The largest value of each window, or the sum: x [..., H, W, C] -> [..., H', W', C], x [T, N, C] -> [T', N, C].

    What is padded plays no part in "max", and is 0 in "sum". The gradient of "max" goes to the first of equal values.
    """
    if types[0].rank < 3:
        raise misfit("pool", types, "x [..., H, W, C], or x [T, N, C] with a kernel of one size")
    return (floats(*_moved("pool", types, attributes["kernel"], attributes)),)


def _moved(name: str, types: Sequence[TensorType], kernel: Sequence[int], attributes: Attributes) -> tuple[Dim, ...]:
    """The shape of x with the axes that the window moves over in their new sizes."""
    shape = list(types[0].shape)
    settings = [attributes[key] for key in WINDOWS]
    if any(len(setting) != len(kernel) for setting in settings) or (len(kernel) == 1 and len(shape) != 3):
        raise misfit(name, types, f"stride, padding and dilation for each axis of the kernel {list(kernel)}, x [T, N, C] for one axis")
    for axis, (k, stride, padding, dilation) in enumerate(zip(kernel, *settings, strict=True), len(shape) - 3):
        size = shape[axis] = windows_of(shape[axis], reach_of(k, dilation), stride, padding)
        if isinstance(size, int) and size < 1:
            raise misfit(name, types, f"an axis {axis} on which a window of {k} (dilation {dilation}, padding {padding}) fits")
    return tuple(shape)


def reach_of(kernel: int, dilation: int) -> int:
    """How many values a window spans."""
    return kernel + (kernel - 1) * (dilation - 1)


def windows_of(size: Dim, reach: int, stride: int, padding: Padding) -> Dim:
    """How many windows that span ``reach`` fit on ``size``."""
    if padding == "same":
        return floor_divide(size + (stride - 1), stride)
    return floor_divide(size + (sum(padding) - reach), stride) + 1


def same_padding(size: int, reach: int, stride: int) -> tuple[int, int]:
    """What "same" adds before and behind ``size`` values."""
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
