"""Any cell over time: generated steps over preallocated buffers, with the backward that is derived from the body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rnngraph.backends.torch.codegen import Plan, Storage, View
from rnngraph.backends.torch.rows import evaluate_block, evaluate_nodes
from rnngraph.backends.torch.step import Planner, Sum, carried_sum, fixed_values, forward_plan, plan_backward
from rnngraph.ir.gradient import BodyGradient, differentiate
from rnngraph.ir.graph import Body, Value
from rnngraph.ir.passes.mask_body import mask_body
from rnngraph.ir.types import evaluate

Tensors = dict[Storage, Tensor]
_TORCH_TYPES = {"bool": torch.bool, "int64": torch.int64}


def run_recurrent(attributes: Mapping[str, Any], operands: list[Tensor]) -> tuple[Tensor, ...]:
    """The output [T, N, F] and the last states of a ``recurrent`` node."""
    body: Body = attributes["body"]
    mode, reverse = attributes["mask_mode"], attributes["reverse"]
    mask = operands[-1] if mode else None
    operands = operands[: len(body.operands)]
    count = len(body.sequences)
    sequences = [s.flip(0) if reverse else s for s in operands[:count]]
    if mask is not None:
        body = mask_body(body, mode)
        sequences.append(mask.flip(0) if reverse else mask)
    y, *states = run_body(body, [*sequences, *operands[count:]])
    y = y.flip(0) if reverse else y
    return (y if mask is None else torch.where(mask, y, torch.zeros((), dtype=y.dtype)), *states)


def run_body(body: Body, operands: list[Tensor]) -> tuple[Tensor, ...]:
    """A body over all steps: y [T, N, F] and the last states; operands are sequences, states and weights."""
    if torch.is_grad_enabled() and any(t.requires_grad for t in operands):
        out: tuple[Tensor, ...] = _Recurrence.apply(body, *operands)  # type: ignore[no-untyped-call]
        return out
    y, states, _ = _forward(body, operands, train=False)
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
                sizes.setdefault(dim.terms[0][0], size // dim.terms[0][1])
    return sizes


class _Buffers:
    """The tensors of a plan's storages."""

    def __init__(self, plan: Plan, steps: int, rows: int, sizes: dict[str, int], dtype: torch.dtype) -> None:
        self.plan, self.steps, self.rows, self.sizes, self.dtype = plan, steps, rows, sizes, dtype
        self.tensors: Tensors = {}

    def tensor(self, storage: Storage) -> Tensor:
        """The storage's tensor, allocated on first use."""
        if storage not in self.tensors:
            lead = {"full": (self.steps,), "stack": (self.steps,), "state": (self.steps + 1,), "swap": (2,), "scratch": ()}[storage.kind]
            self.tensors[storage] = torch.empty(
                *lead, self.rows, evaluate(storage.width, self.sizes), dtype=_TORCH_TYPES.get(storage.element, self.dtype)
            )
        return self.tensors[storage]

    def stacked(self, v: Value) -> tuple[Tensor, ...]:
        """The places [T, N, .] of the values that stand side by side in ``v``."""
        view = self.plan.views[v]
        return view.of(self.tensor(view.storage), self.sizes).unbind(-2)

    def all_steps(self, v: Value) -> Tensor:
        """A value that is kept, for all steps [T, N, .]."""
        view = self.plan.views[v]
        tensor = view.of(self.tensor(view.storage), self.sizes)
        return tensor[view.offset : self.steps + view.offset] if view.storage.kind == "state" else tensor

    def per_step(self, v: Value) -> list[Tensor]:
        """A value's tensor at each step."""
        view: View = self.plan.views[v]
        tensor = view.of(self.tensor(view.storage), self.sizes)
        if view.storage.kind == "scratch":
            return [tensor] * self.steps
        parts = list(tensor.unbind(0))
        if view.storage.kind == "swap":
            return (parts * self.steps)[: self.steps]
        if view.storage.kind == "given" and tensor.dim() < 3:
            return [tensor] * self.steps
        if view.offset < 0:
            return [torch.zeros_like(parts[0]), *parts[:-1]]
        return parts[view.offset : self.steps + view.offset]


@cache
def _forward_loop(body: Body, train: bool) -> tuple[Callable[..., Any], list[Value], list[Value], list[Value]]:
    planner = forward_plan(body, train)
    plan = planner.plan
    outside = [v for v in plan.names if v in planner.fixed]
    turned = [v for v in outside if v in plan.transposed]
    named = [Value(f"{v.name}_t", v.type, v.block) for v in turned]
    for v, t in zip(turned, named, strict=True):
        plan.names[t] = f"{plan.names[v]}_t"
    loop, inside = plan.compiled([], [*outside, *named])
    return loop, inside, outside, turned


def _forward(body: Body, operands: list[Tensor], train: bool) -> tuple[Tensor, list[Tensor], _Buffers]:
    planner = forward_plan(body, train)
    loop, inside, outside, turned = _forward_loop(body, train)
    given = dict(zip(body.operands, operands, strict=True))
    steps, rows = operands[0].shape[:2]
    buffers = _Buffers(planner.plan, steps, rows, _sizes(body, operands), operands[0].dtype)
    for v in body.sequences:
        buffers.tensors[planner.plan.views[v].storage] = given[v]
    for v in body.states:
        buffers.tensor(planner.plan.views[v].storage)[0] = given[v]
    fixed: dict[Value, Tensor] = {v: given[v] for v in body.weights}
    evaluate_nodes([n for n in body.nodes if n.outputs[0] in planner.fixed], fixed, operands[0].dtype)
    with torch.no_grad():
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
    def forward(ctx: Any, body: Body, *operands: Tensor) -> tuple[Tensor, ...]:
        y, states, buffers = _forward(body, list(operands), train=True)
        ctx.body, ctx.buffers = body, buffers
        ctx.save_for_backward(*operands)
        return y, *states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        results = _backward(ctx.body, list(ctx.saved_tensors), ctx.buffers, gradients)
        found = iter(results)
        return None, *(next(found) if v.type.element == "float" else None for v in ctx.body.operands)


@cache
def _backward_loop(body: Body) -> tuple[BodyGradient, Planner, Callable[..., Any], list[Value], list[Value], Sum | None]:
    gradient = differentiate(body)
    total = carried_sum(body, gradient)
    planner = plan_backward(body, gradient, total)
    plan = planner.plan
    carried = list(zip(gradient.running[1:], gradient.states, strict=True))
    if total:
        carried[total.state] = (total.addition.outputs[0], total.product.outputs[0])
    for d, _ in carried:
        plan.name(d)
    fixed = _fixed(gradient)
    outside = [v for v in plan.names if v in fixed]
    loop, inside = plan.compiled(carried, outside)
    return gradient, planner, loop, inside, outside, total


def _fixed(gradient: BodyGradient) -> set[Value]:
    """Values of the backward that are the same at every step."""
    weights = [v for v, f in gradient.forward.items() if f.producer is None and f in f.block.weights]  # type: ignore[attr-defined]
    return fixed_values(weights, gradient.block.nodes)


def _backward(body: Body, operands: list[Tensor], forward: _Buffers, gradients: tuple[Tensor, ...]) -> list[Tensor]:
    """The gradients of all operands."""
    gradient, planner, loop, inside, outside, total = _backward_loop(body)
    plan = planner.plan
    given = dict(zip(body.operands, operands, strict=True))
    values: dict[Value, Tensor] = {v: given[f] if f in body.weights else forward.all_steps(f) for v, f in gradient.forward.items()}
    dtype = operands[0].dtype
    values[gradient.running[0]] = gradients[0]
    buffers = _Buffers(plan, forward.steps, forward.rows, forward.sizes, dtype)
    places = [place for stack, coefficients in planner.stacks.items() for place in zip(coefficients, buffers.stacked(stack), strict=True)]
    evaluate_nodes([n for n in gradient.block.nodes if gradient.part[n] == "coefficient"], values, dtype, dict(places))
    for v, place in places:
        if values[v].data_ptr() != place.data_ptr():
            place.copy_(values[v])
    for v, view in plan.views.items():
        if view.storage.kind == "given":
            buffers.tensors[view.storage] = gradients[0] if view.offset < 0 else values[v]
    start = list(gradients[1:])
    if total:
        start[total.state] = start[total.state] + gradients[0][-1]
    zipped = zip(*(buffers.per_step(v)[::-1] for v in inside), strict=True)
    last = loop(zipped, *start, *(values[v] for v in outside))
    for v, view in plan.views.items():
        if view.storage.kind == "full" and v.block is gradient.block and v not in values:
            values[v] = buffers.all_steps(v)
    values.update({v: buffers.all_steps(copy) for v, copy in planner.copies.items()})
    evaluate_nodes([n for n in gradient.block.nodes if gradient.part[n] == "tail"], values, dtype)
    return [*(values[v] for v in gradient.sequences), *last, *(values[v] for v in gradient.weights)]
