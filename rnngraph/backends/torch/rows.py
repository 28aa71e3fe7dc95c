"""Torch's row for each op: a small function of the node's attributes and its operands, differentiable by autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Block, Node, Value

Row = Callable[[Mapping[str, Any], list[Tensor]], Tensor | tuple[Tensor, ...]]

ROWS: dict[str, Row] = {}


def row(name: str) -> Callable[[Row], Row]:
    """Enter a function into the table as the row of op ``name``."""

    def enter(function: Row) -> Row:
        ROWS[name] = function
        return function

    return enter


def _plain(function: Callable[..., Tensor]) -> Row:
    return lambda attributes, x: function(*x)


ROWS.update(
    add=_plain(torch.add),
    sub=_plain(torch.sub),
    mul=_plain(torch.mul),
    div=_plain(torch.div),
    max=_plain(torch.maximum),
    min=_plain(torch.minimum),
    neg=_plain(torch.neg),
    abs=_plain(torch.abs),
    sign=_plain(torch.sign),
    exp=_plain(torch.exp),
    sqrt=_plain(torch.sqrt),
    log=_plain(torch.log),
    identity=lambda attributes, x: x[0],
    greater=_plain(torch.gt),
    where=_plain(torch.where),
    zeros=_plain(torch.zeros_like),
    linear=_plain(functional.linear),
    linear_t=_plain(torch.matmul),
    sum_all=_plain(torch.sum),
    sigmoid_backward=_plain(torch.ops.aten.sigmoid_backward),
    tanh_backward=_plain(torch.ops.aten.tanh_backward),
    relu_backward=_plain(lambda g, y: torch.ops.aten.threshold_backward(g, y, 0.0)),
    hardsigmoid_backward=_plain(lambda g, y: torch.ops.aten.hardtanh_backward(g, y, 0.0, 1.0) * 0.2),
)
ROWS["not"] = _plain(torch.logical_not)

ACTIVATION_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "elu": functional.elu,
    "softsign": functional.softsign,
    "hardsigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0.0, 1.0),
    "softmax": lambda x: torch.softmax(x, -1),
}
"""What torch has itself; any other activation is computed through its primitives."""


@row("activation")
def _activation(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    function = ACTIVATION_FUNCTIONS.get(attributes["name"])
    return function(x[0]) if function else through_primitives(attributes["name"], x[0])


def through_primitives(name: str, x: Tensor) -> Tensor:
    """Activation ``name`` computed from its primitives."""
    from rnngraph.ir.types import floats, symbol

    block = Block()
    argument = block.argument("x", floats(symbol("M"), symbol("F")))
    block.results = [lookup(name).primitives(argument)]
    return evaluate_block(block, {argument: x})[0]


def evaluate_block(block: Block, values: dict[Any, Tensor]) -> list[Tensor]:
    """Run a block's nodes on tensors, given those of its arguments; the results."""
    evaluate_nodes(block.nodes, values, next(iter(values.values())).dtype)
    return [values[v] for v in block.results]


def evaluate_nodes(nodes: list[Node], values: dict[Value, Tensor], dtype: torch.dtype) -> None:
    """Run nodes of a block on tensors of one step or of all steps at once."""
    for node in nodes:
        if node.op == "constant":
            values[node.outputs[0]] = torch.tensor(node.attributes["value"], dtype=dtype)
            continue
        out = ROWS[node.op](node.attributes, [values[v] for v in node.inputs])
        values.update(zip(node.outputs, out if isinstance(out, tuple) else (out,), strict=True))


@row("constant")
def _constant(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return torch.tensor(attributes["value"], dtype=torch.float64)


@row("cast")
def _cast(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].to({"float": torch.get_default_dtype(), "int64": torch.int64, "bool": torch.bool}[attributes["to"]])


@row("outer_sum")
def _outer_sum(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    a, b = x
    return a.reshape(-1, a.shape[-1]).t() @ b.reshape(-1, b.shape[-1])


@row("sum_to")
def _sum_to(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    rank = len(attributes["shape"])
    return x[0].sum(tuple(range(x[0].dim() - rank))) if x[0].dim() > rank else x[0]


@row("sum")
def _sum(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].sum(-1, keepdim=attributes["keepdims"])


@row("split")
def _split(attributes: Mapping[str, Any], x: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.chunk(x[0], attributes["parts"], -1)


@row("concat")
def _concat(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return torch.cat(x, attributes["axis"])


@row("take")
def _take(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0][attributes["index"]]


@row("row")
def _row(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0][attributes["index"]]


@row("transpose")
def _transpose(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].permute(*attributes["order"])


@row("unsqueeze")
def _unsqueeze(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].unsqueeze(attributes["axis"])


@row("squeeze")
def _squeeze(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].squeeze(attributes["axis"])


class _SoftmaxCrossEntropy(torch.autograd.Function):
    """DL4J's: the probability is clipped in the value; the gradient is softmax(z) - y whatever the labels sum to."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, labels: Tensor) -> Tensor:
        probability = torch.softmax(z, -1)
        ctx.save_for_backward(probability, labels)
        return -(labels * probability.clamp(1e-10, 1 - 1e-10).log()).sum(-1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        probability, labels = ctx.saved_tensors
        return (probability - labels) * gradients[0].unsqueeze(-1), None


@row("softmax_cross_entropy")
def _softmax_cross_entropy(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    loss: Tensor = _SoftmaxCrossEntropy.apply(x[0], x[1])  # type: ignore[no-untyped-call]
    return loss


@row("pack_index")
def _pack_index(attributes: Mapping[str, Any], x: list[Tensor]) -> tuple[Tensor, ...]:
    mask = x[0].squeeze(2)
    real, rest = mask.long(), (~mask).long()
    front, back = (rest, real) if attributes["reverse"] else (real, rest)
    kept = mask if not attributes["reverse"] else ~mask
    destination = torch.where(kept, front.cumsum(0) - 1, front.sum(0) + back.cumsum(0) - 1)
    steps = torch.arange(mask.shape[0], device=mask.device).unsqueeze(1).expand_as(destination)
    source = torch.empty_like(destination).scatter_(0, destination, steps)
    return source, destination, front.sum(0)


@row("last_index")
def _last_index(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    mask = x[0].squeeze(2)
    steps = torch.arange(1, mask.shape[0] + 1, device=mask.device).unsqueeze(1)
    return (mask.long() * steps).amax(0)


@row("first_index")
def _first_index(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return (x[0].squeeze(2).cumsum(0) == 0).sum(0)


@row("gather_steps")
def _gather_steps(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    values, index = x
    n = values.shape[1]
    flat = index * n + torch.arange(n, device=index.device)
    return values.reshape(-1, values.shape[2]).index_select(0, flat.reshape(-1)).view(*index.shape, -1)


@row("mask_columns")
def _mask_columns(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    w = x[0]
    column = w.new_tensor(attributes["values"]).repeat_interleave(w.shape[0] // len(attributes["values"]))
    return torch.cat([w, column.unsqueeze(1)], 1)


@row("reset_columns")
def _reset_columns(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    w, b = x
    size = b.shape[0] // 3
    column = torch.cat([b.new_full((2 * size,), attributes["value"]), -b[2 * size :]])
    return torch.cat([w, column.unsqueeze(1)], 1)


@row("lstm")
def _lstm(attributes: Mapping[str, Any], x: list[Tensor]) -> tuple[Tensor, ...]:
    """``torch._VF.lstm``: what nn.LSTM calls, on our one bias."""
    steps, w, r, b, h, c = x
    flip = attributes["reverse"]
    source = steps.flip(0) if flip else steps
    y, h_last, c_last = torch._VF.lstm(
        source, (h.unsqueeze(0), c.unsqueeze(0)), (w, r, b, torch.zeros_like(b)), True, 1, 0.0, torch.is_grad_enabled(), False, False
    )
    return y.flip(0) if flip else y, h_last.squeeze(0), c_last.squeeze(0)


@row("gru")
def _gru(attributes: Mapping[str, Any], x: list[Tensor]) -> tuple[Tensor, ...]:
    """``torch._VF.gru``: what nn.GRU calls."""
    steps, w, r, b, b_r, h = x
    flip = attributes["reverse"]
    source = steps.flip(0) if flip else steps
    y, h_last = torch._VF.gru(source, h.unsqueeze(0), (w, r, b, b_r), True, 1, 0.0, torch.is_grad_enabled(), False, False)
    return y.flip(0) if flip else y, h_last.squeeze(0)


@row("normalize")
def _normalize(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return functional.layer_norm(x[0], x[0].shape[-1:], eps=attributes["epsilon"])


@row("normalize_backward")
def _normalize_backward(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return normalize_backward(x[0], x[1], attributes["epsilon"])


def normalize_backward(g: Tensor, x: Tensor, epsilon: float) -> Tensor:
    """The gradient of x from that of normalize(x)."""
    shape = x.shape[-1:]
    _, mean, inverse = torch.native_layer_norm(x, shape, None, None, epsilon)
    return torch.ops.aten.native_layer_norm_backward(g.contiguous(), x, shape, mean, inverse, None, None, [True, False, False])[0]  # type: ignore[no-any-return]


@row("block_rows")
def _block_rows(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    size = x[0].shape[0] // attributes["blocks"]
    return x[0][attributes["start"] * size : attributes["stop"] * size]


@row("zero_state")
def _zero_state(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].new_zeros(x[0].shape[1], attributes["width"])


@row("place")
def _place(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    out = x[0].new_zeros(attributes["shape"][0], x[0].shape[-1])
    out[attributes["index"]] = x[0]
    return out
