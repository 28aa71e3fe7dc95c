"""A ``recurrent`` node: as an ONNX Scan over axis 0 or, for one step, in line.

Both emit the same body of plain ops, so the two forms give the same bits. Weights become initializers inside the body: onnxruntime packs
those once, but not values that come in from outside. With a mask, the body is the one that
:func:`~rnngraph.ir.passes.mask_body.mask_body` makes, and the output is set to 0 at masked steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import helper

from rnngraph.exporters.onnx.builder import Builder, Name
from rnngraph.exporters.onnx.context import Context, Known
from rnngraph.exporters.onnx.straight_line import straight_line
from rnngraph.ir.graph import Body, Node, Value
from rnngraph.ir.passes.mask_body import mask_body


def recurrent(ctx: Context, node: Node) -> Sequence[Known]:
    """The row of ``recurrent``: [T, N, .] and states [N, .] in, the output [T, N, .] and the last states out."""
    mode = node.attributes["mask_mode"]
    body: Body = node.attributes["body"]
    operands = list(node.inputs)
    count = len(body.sequences)
    mask: Value | None = None
    if mode is not None:
        mask = operands.pop()
        body = mask_body(body, mode)
        operands.insert(count, mask)
    inner = _body_context(ctx, node, body, operands)
    form = straight_line if ctx.steps == 1 else _scan
    y, *states = form(ctx, inner, node, body, operands[: len(body.sequences) + len(body.states)])
    if mask is not None:
        y = ctx.builder.add("Where", ctx.name(mask), y, ctx.scalar(0.0), hint=f"{y}.kept")
    return [y, *states]


def _body_context(ctx: Context, node: Node, body: Body, operands: Sequence[Value]) -> Context:
    """The context of one step: widths as numbers, weights as arrays."""
    sizes = dict(ctx.sizes)
    arguments = [*body.sequences, *body.states, *body.weights]
    for argument, operand in zip(arguments, operands, strict=True):
        given = operand.shape[1:] if argument in body.sequences else operand.shape
        for pattern, dim in zip(argument.shape, given, strict=True):
            if not isinstance(pattern, int) and len(pattern.terms) == 1 and isinstance(dim, int):
                ((symbol, factor),) = pattern.terms
                sizes.setdefault(str(symbol), (dim - pattern.constant) // factor)
    builder = ctx.builder if ctx.steps == 1 else Builder(ctx.builder.used, ctx.builder.store)
    inner = Context(builder, ctx.rows, ctx.data_type, ctx.steps, sizes, f"{ctx.prefix}{node.outputs[0].name}.")
    for weight, operand in zip(body.weights, operands[-len(body.weights) :] if body.weights else [], strict=True):
        inner.known[weight] = ctx.constant(operand, f"{body.label}, weight {weight.name!r}")
    return inner


def _scan(ctx: Context, inner: Context, node: Node, body: Body, operands: Sequence[Value]) -> list[Name]:
    count = len(body.sequences)
    arguments = [*body.states, *body.sequences]
    for argument in arguments:
        inner.known[argument] = inner.builder.unique(inner.prefix + argument.name)
    inputs = [inner.describe(inner.name(a), a.type) for a in arguments]
    inner.emit(body)
    results = [*body.results[1:], body.results[0]]
    names = [inner.builder.unique(f"{inner.prefix}next_{s.name}") for s in body.states] + [inner.builder.unique(f"{inner.prefix}y")]
    inner.builder.name_outputs({n: inner.name(r) for n, r in zip(names, results, strict=True)}, {inner.name(a) for a in arguments})
    outputs = [inner.describe(n, r.type) for n, r in zip(names, results, strict=True)]
    graph = helper.make_graph(inner.builder.nodes, f"{inner.prefix}step", inputs, outputs, inner.builder.initializers)
    y_hint, *state_hints = ctx.hints(node, *(s.name for s in body.states))
    backwards = bool(node.attributes["reverse"])
    *states, y = ctx.builder.add_many(
        "Scan",
        [ctx.name(v) for v in [*operands[count:], *operands[:count]]],
        [*state_hints, y_hint],
        body=graph,
        num_scan_inputs=count,
        scan_input_directions=[1] * count if backwards else None,
        scan_output_directions=[1] if backwards else None,
    )
    return [y, *states]
