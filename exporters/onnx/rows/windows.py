"""Convolution and pooling: shifted, strided slices, one for each place of the kernel, whose bits do not depend on how many windows there
are.

onnxruntime's own Conv gives other bits for other lengths and has no float64 kernel on the CPU, and needs cuDNN under CUDA. Slices that are
joined along the channels and meet the weights in one MatMul have none of that; along one axis after the other there are kH + kW of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.builder import Name
from rnngraph.exporters.onnx.context import Context, Known, Row
from rnngraph.exporters.onnx.rows.layout import END
from rnngraph.ir.graph import Node
from rnngraph.ir.windows import reach_of, same_padding

Join = Callable[[list[Name]], Name]
"""Makes one value of the slices of a window."""


def _convolution(ctx: Context, node: Node) -> Sequence[Known]:
    """Rows of the weight stand in the order of the joined slices: place of the kernel, then channel."""
    w = node.inputs[1]
    weight = ctx.constant(w, node.outputs[0].name)
    count = weight.ndim - 2
    table = weight.transpose(*range(2, 2 + count), 1, 0).reshape(-1, len(weight))
    columns = _slid(ctx, node, weight.shape[2:], 0.0, lambda names: ctx.builder.add("Concat", *names, axis=-1, hint="columns"))
    return [ctx.add("MatMul", node, columns, ctx.builder.initializer(table, f"{ctx.prefix}{w.name}.columns"))]


def _pool(ctx: Context, node: Node) -> Sequence[Known]:
    """The largest, or the sum, of the slices; one after the other along each axis."""
    largest = node.attributes["kind"] == "max"
    fill = float(np.finfo(ctx.data_type).min) if largest else 0.0
    op = "Max" if largest else "Sum"
    return [
        _slid(ctx, node, node.attributes["kernel"], fill, lambda names: ctx.builder.add(op, *names, hint=f"{node.outputs[0].name}.{op}"))
    ]


def _slid(ctx: Context, node: Node, kernel: Sequence[int], fill: float, join: Join) -> Name:
    """The windows along each axis from the last to the first, each time joined."""
    x, first = node.inputs[0], node.inputs[0].type.rank - 3
    settings: Any = [node.attributes[key] for key in ("stride", "padding", "dilation")]
    axes = list(enumerate(zip(kernel, *settings, strict=True), first))
    value = ctx.name(x)
    around = [0] * (2 * x.type.rank)
    moving: dict[int, bool] = {}
    for axis, (k, stride, padding, dilation) in axes:
        size, reach = x.shape[axis], reach_of(k, dilation)
        if padding != "same":
            added = padding
        elif isinstance(size, int):
            added = same_padding(size, reach, stride)
        elif stride == 1:
            added = ((reach - 1) // 2, reach // 2)
        else:
            added, moving[axis] = ((reach - 1) // 2, reach - 1), True
        around[axis], around[axis + x.type.rank] = added
    if any(around):
        value = ctx.builder.add("Pad", value, ctx.builder.ints(*around), ctx.scalar(fill), hint=f"{node.outputs[0].name}.padded")
    for axis, (k, stride, _, dilation) in reversed(axes):
        if k > 1 or stride > 1:
            slices = _moving_slices if axis in moving else _slices
            parts = slices(ctx, node, value, axis, k, stride, dilation)
            value = join(parts) if k > 1 else parts[0]
    return value


def _slices(ctx: Context, node: Node, x: Name, axis: int, kernel: int, stride: int, dilation: int) -> list[Name]:
    """For each place of the kernel what stands there in each window; ends count from the back, so that no length is needed."""
    ints, reach = ctx.builder.ints, reach_of(kernel, dilation)
    parts = []
    for k in range(kernel):
        start, behind = k * dilation, reach - 1 - k * dilation
        limits = ints(start), ints(-behind if behind else END), ints(axis), ints(stride)
        parts.append(ctx.builder.add("Slice", x, *limits, hint=f"{ctx.prefix}{node.outputs[0].name}.slice"))
    return parts


def _moving_slices(ctx: Context, node: Node, x: Name, axis: int, kernel: int, stride: int, dilation: int) -> list[Name]:
    """Padding "same" with a stride over time: what stands in front depends on the number of steps, so the slices are gathered by number.

    The last of the windows' starts 0, s, 2s, ... below T is that of the last window, t; in front stand
    floor(max(t + reach - T, 0) / 2) of the (reach - 1) // 2 steps that were padded there.
    """
    if axis != 0:
        raise GraphError(f"{node.outputs[0].name}: a window that moves with padding 'same' needs sizes that are numbers; give them")
    add, ints, integer = ctx.builder.add, ctx.builder.ints, ctx.builder.integer
    reach = reach_of(kernel, dilation)
    numbers = _step_numbers(ctx, node)
    starts = add("Slice", numbers, ints(0), ints(END), ints(0), ints(stride), hint="starts")
    last, end = (add("Gather", v, integer(-1), axis=0) for v in (starts, numbers))
    lacking = add("Max", add("Sub", add("Add", last, integer(reach - 1)), end), integer(0), hint="lacking")
    shift = add("Sub", integer((reach - 1) // 2), add("Div", lacking, integer(2)), hint="shift")
    first = add("Add", starts, shift)
    return [add("Gather", x, add("Add", first, integer(k * dilation)), axis=0, hint="gathered") for k in range(kernel)]


def _step_numbers(ctx: Context, node: Node) -> Name:
    """0 .. T - 1 of the node's input [T, N, C], int64 [T], counted along one column of it."""
    add, integer = ctx.builder.add, ctx.builder.integer
    column = add("Gather", add("Gather", ctx.name(node.inputs[0]), integer(0), axis=2), integer(0), axis=1)
    number = add("Cast", add("Greater", column, ctx.scalar(0.0)), to=TensorProto.INT64)
    ones = add("Add", add("Sub", number, number), integer(1))
    return add("Sub", add("CumSum", ones, integer(0)), integer(1), hint="step_numbers")


WINDOWS: dict[str, Row] = {"convolution": _convolution, "pool": _pool}
