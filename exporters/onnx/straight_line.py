"""One step of a ``recurrent`` node in line: the form for steps=1, which CUDA graphs can capture."""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.exporters.onnx.builder import Name
from rnngraph.exporters.onnx.context import Context
from rnngraph.ir.graph import Body, Node, Value


def straight_line(ctx: Context, inner: Context, node: Node, body: Body, operands: Sequence[Value]) -> list[Name]:
    """The body once, without its time axis: sequences [1, N, .] -> y [1, N, .] and the next states."""
    time = ctx.builder.ints(0)
    for argument, operand in zip([*body.sequences, *body.states], operands, strict=True):
        name = ctx.name(operand)
        inner.known[argument] = (
            name if argument not in body.sequences else ctx.builder.add("Squeeze", name, time, hint=f"{inner.prefix}{argument.name}")
        )
    inner.emit(body)
    y, *states = (inner.name(r) for r in body.results)
    return [ctx.builder.add("Unsqueeze", y, time, hint=f"{ctx.prefix}{node.outputs[0].name}"), *states]
