"""Any cell over time: generated steps over preallocated buffers, with the backward that is derived from the body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from rnngraph.backends.torch.buffers import Buffers
from rnngraph.backends.torch.coefficients import Coefficients
from rnngraph.backends.torch.rows import evaluate_block, evaluate_nodes
from rnngraph.backends.torch.step import Planner, Sum, carried_sum, forward_plan, plan_backward
from rnngraph.backends.torch.tail import Tail
from rnngraph.ir.gradient import BodyGradient, differentiate
from rnngraph.ir.graph import Body, Value
from rnngraph.ir.passes.mask_body import mask_body

Owned = frozenset[int]
"""Which sequences, by position, a loop may write over: nobody else reads them."""


def run_recurrent(attributes: Mapping[str, Any], operands: list[Tensor], owned: Owned = frozenset()) -> tuple[Tensor, ...]:
    """The output [T, N, F] and the last states of a ``recurrent`` node."""
    body: Body = attributes["body"]
    mode, reverse = attributes["mask_mode"], attributes["reverse"]
    mask = operands[-1] if mode else None
    operands = operands[: len(body.operands)]
    count = len(body.sequences)
    sequences = [s.flip(0) if reverse else s for s in operands[:count]]
    if reverse:
        owned = frozenset(range(count))
    if mask is not None:
        body = mask_body(body, mode)
        sequences.append(mask.flip(0) if reverse else mask)
    y, *states = run_body(body, [*sequences, *operands[count:]], owned)
    y = y.flip(0) if reverse else y
    return (y if mask is None else torch.where(mask, y, torch.zeros((), dtype=y.dtype)), *states)


def run_body(body: Body, operands: list[Tensor], owned: Owned = frozenset()) -> tuple[Tensor, ...]:
    """A body over all steps: y [T, N, F] and the last states; operands are sequences, states and weights."""
    if torch.is_grad_enabled() and any(t.requires_grad for t in operands):
        out: tuple[Tensor, ...] = _Recurrence.apply(body, owned, *operands)  # type: ignore[no-untyped-call]
        return out
    y, states, _ = _forward(body, operands, owned, train=False)
    return (y, *states)


def run_body_by_autograd(body: Body, operands: list[Tensor]) -> tuple[Tensor, ...]:
    """The same, one op at a time under autograd: slow, and the oracle of the derived backward."""
    n, m = len(body.sequences), len(body.sequences) + len(body.states)
    sequences, states, weights = operands[:n], operands[n:m], operands[m:]
    outputs: list[Tensor] = []
    for t in range(sequences[0].shape[0]):
        y, *states = evaluate_block(body, dict(zip(body.operands, [*(s[t] for s in sequences), *states, *weights], strict=True)))
        outputs.append(y)
    return torch.stack(outputs), *states


def _sizes(body: Body, operands: list[Tensor]) -> dict[str, int]:
    """The sizes of the body's symbols, read off the operands."""
    sizes: dict[str, int] = {}
    for v, tensor in zip(body.operands, operands, strict=True):
        for dim, size in zip(reversed(v.shape), reversed(tensor.shape), strict=False):
            if not isinstance(dim, int) and len(dim.terms) == 1 and not dim.constant:
                sizes.setdefault(str(dim.terms[0][0]), size // dim.terms[0][1])
    return sizes


@cache
def _forward_loop(body: Body, train: bool, owned: Owned) -> tuple[Callable[..., Any], list[Value], list[Value], list[Value]]:
    planner = forward_plan(body, train, owned)
    plan = planner.plan
    outside = [v for v in plan.names if v in planner.fixed]
    turned = [v for v in outside if v in plan.transposed]
    named = [Value(f"{v.name}_t", v.type, v.block) for v in turned]
    for v, t in zip(turned, named, strict=True):
        plan.names[t] = f"{plan.names[v]}_t"
    loop, inside = plan.compiled([], [*outside, *named])
    return loop, inside, outside, turned


def _forward(body: Body, operands: list[Tensor], owned: Owned, train: bool) -> tuple[Tensor, list[Tensor], Buffers]:
    planner = forward_plan(body, train, owned)
    loop, inside, outside, turned = _forward_loop(body, train, owned)
    given = dict(zip(body.operands, operands, strict=True))
    steps, rows = operands[0].shape[:2]
    buffers = Buffers(planner.plan, steps, rows, _sizes(body, operands), operands[0])
    for v in body.sequences:
        buffers.tensors[planner.plan.views[v].storage] = given[v]
    for v in body.states:
        buffers.tensor(planner.plan.views[v].storage)[0] = given[v]
    fixed: dict[Value, Tensor] = {v: given[v] for v in body.weights}
    evaluate_nodes([n for n in body.nodes if n.outputs[0] in planner.fixed], fixed, operands[0].dtype)
    buffers.allocate(inside)
    with torch.inference_mode():  # calls on views made here cost a fifth less; what outlives the loop is made before
        loop(
            zip(*(buffers.per_step(v) for v in inside), strict=True),
            *(fixed[v] for v in outside),
            *(fixed[v].t().contiguous() for v in turned),
        )
    states = [buffers.tensor(planner.plan.views[v].storage)[-1].clone() for v in body.states]
    return buffers.all_steps(body.results[0]), states, buffers


class _Recurrence(torch.autograd.Function):
    """A body over all steps, with its derived backward."""

    @staticmethod
    def forward(ctx: Any, body: Body, owned: Owned, *operands: Tensor) -> tuple[Tensor, ...]:
        y, states, buffers = _forward(body, list(operands), owned, train=True)
        ctx.body, ctx.buffers = body, buffers
        ctx.save_for_backward(*operands)
        return y, *states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        results = _backward(ctx.body, list(ctx.saved_tensors), ctx.buffers, gradients)
        found = iter(results)
        return None, None, *(next(found) if v.type.element == "float" else None for v in ctx.body.operands)


@dataclass(frozen=True)
class _Backward:
    """A body's backward, ready to run: piece by piece from the last step on, coefficients and then the loop; at the end the tail."""

    gradient: BodyGradient
    coefficients: Coefficients
    planner: Planner
    loop: Callable[..., Any]
    inside: list[Value]
    outside: list[Value]
    total: Sum | None
    tail: Tail


@cache
def _backward_of(body: Body) -> _Backward:
    gradient = differentiate(body)
    total = carried_sum(body, gradient)
    planner = plan_backward(body, gradient, total)
    coefficients = Coefficients(gradient, planner)
    plan = planner.plan
    carried = list(zip(gradient.running[1:], gradient.states, strict=True))
    if total:
        carried[total.state] = (total.addition.outputs[0], total.product.outputs[0])
    for d, _ in carried:
        plan.name(d)
    outside = [v for v in plan.names if v in coefficients.fixed]
    loop, inside = plan.compiled(carried, outside)
    return _Backward(gradient, coefficients, planner, loop, inside, outside, total, Tail(gradient))


def _backward(body: Body, operands: list[Tensor], forward: Buffers, gradients: tuple[Tensor, ...]) -> list[Tensor]:
    """The gradients of all operands."""
    b = _backward_of(body)
    gradient, plan, total = b.gradient, b.planner.plan, b.total
    given = dict(zip(body.operands, operands, strict=True))
    values: dict[Value, Tensor] = {v: given[f] if f in body.weights else forward.all_steps(f) for v, f in gradient.forward.items()}
    values[gradient.running[0]] = gradients[0]
    piece = min(forward.steps, b.coefficients.steps(forward.sizes, forward.rows))
    buffers = Buffers(plan, forward.steps, forward.rows, forward.sizes, operands[0], piece)
    coefficients = b.coefficients.ready(values, buffers)
    running: Sequence[Tensor] = gradients[1:]
    if total:
        before = gradients[0].clone()  # the loop writes over it
        running = [g + before[-1] if k == total.state else g for k, g in enumerate(running)]
    for v, view in plan.views.items():
        if view.storage.kind == "given":
            buffers.tensors[view.storage] = before if view.offset < 0 else values[v]
    buffers.allocate(b.inside)
    for v, view in plan.views.items():
        if view.storage.kind == "full" and v.block is gradient.block and v not in values:
            values[v] = buffers.all_steps(v)
    values.update({v: buffers.all_steps(copy) for v, copy in b.planner.copies.items()})
    add = b.tail.start(values, buffers)
    outside = [values[v] for v in b.outside]
    with torch.inference_mode():
        steps = zip(*(buffers.per_step(v)[::-1] for v in b.inside), strict=True)
        for k, first in reversed(list(enumerate(range(0, forward.steps, piece)))):
            stop = min(first + piece, forward.steps)
            coefficients(k)
            running = b.loop(islice(steps, stop - first), *running, *outside)
            add(first, stop)
    last = [v.clone() for v in running]
    b.tail.finish(values, operands[0].dtype)
    return [*(values[v] for v in gradient.sequences), *last, *(values[v] for v in gradient.weights)]
