"""Torch's row for each op: a small function of the node's attributes and its operands, differentiable by autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from rnngraph.backends.torch.windows import convolution, pool
from rnngraph.ir.activations import Activation, lookup
from rnngraph.ir.formulas import GELU_RATE
from rnngraph.ir.graph import Block, Node, Value
from rnngraph.ir.types import floats, symbol

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
    convolution=convolution,
    pool=pool,
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
    stop_gradient=_plain(torch.detach),
    greater=_plain(torch.gt),
    where=_plain(torch.where),
    zeros=_plain(torch.zeros_like),
    linear=_plain(functional.linear),
    integer_linear=_plain(lambda x, w: functional.linear(torch.clamp(torch.round(x * 127.0), -128.0, 127.0) / 127.0, w)),
    linear_t=_plain(torch.matmul),
    sum_all=_plain(torch.sum),
    sum_steps=_plain(lambda x: x.sum(0)),
    max_steps=_plain(lambda x: x.amax(0)),
    reverse_steps=_plain(lambda x: x.flip(0)),
    repeat_steps=_plain(lambda x, like: x.unsqueeze(0).expand(like.shape[0], *x.shape)),
    embed=_plain(lambda w, ids: functional.embedding(ids, w)),
    sigmoid_backward=_plain(torch.ops.aten.sigmoid_backward),
    tanh_backward=_plain(torch.ops.aten.tanh_backward),
    relu_backward=_plain(lambda g, y: torch.ops.aten.threshold_backward(g, y, 0.0)),
    hardsigmoid_backward=_plain(lambda g, y: torch.ops.aten.hardtanh_backward(g, y, 0.0, 1.0) * 0.2),
)
ROWS["not"] = _plain(torch.logical_not)


def _relu(x: Tensor, max: float | None, threshold: float, negative_slope: float) -> Tensor:
    plain = threshold == negative_slope == 0.0
    y = torch.relu(x) if plain else torch.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max is None else torch.where(y < max, y, max)


def _gelu(x: Tensor, precise: bool) -> Tensor:
    return functional.gelu(x, approximate="tanh") if precise else x * torch.sigmoid(GELU_RATE * x)


ACTIVATION_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "cube": lambda x: x * x * x,
    "elu": lambda x, alpha: functional.elu(x, alpha),
    "gelu": _gelu,
    "hardsigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0.0, 1.0),
    "hardtanh": lambda x: torch.clamp(x, -1.0, 1.0),
    "identity": lambda x: x,
    "leakyrelu": lambda x, alpha: torch.where(x >= 0, x, alpha * x),
    "mish": functional.mish,
    "rectifiedtanh": lambda x: torch.relu(torch.tanh(x)),
    "relu": _relu,
    "relu6": functional.relu6,
    "rrelu": lambda x, lower, upper: torch.where(x >= 0, x, (0.5 * (lower + upper)) * x),
    "selu": functional.selu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, -1),
    "softplus": lambda x: functional.softplus(x, threshold=40.0),
    "softsign": functional.softsign,
    "swish": functional.silu,
    "tanh": torch.tanh,
    "thresholdedrelu": lambda x, theta: torch.where(x > theta, x, 0.0),
}
"""What torch computes in a few calls of its own, given the parameters by name; any other activation goes through its primitives."""


@row("activation")
def _activation(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return activate(attributes["name"], x[0])


def activate(name: str, x: Tensor) -> Tensor:
    """The activation that ``name`` spells."""
    return _function(lookup(name))(x)


@cache
def _function(activation: Activation) -> Callable[[Tensor], Tensor]:
    function = None if activation.own else ACTIVATION_FUNCTIONS.get(activation.name)
    if function is not None:
        return partial(function, **activation.parameters) if activation.parameters else function
    if activation.own and activation.derivative is not None:
        return lambda x: cast(Tensor, _OwnDerivative.apply(activation, x))  # type: ignore[no-untyped-call]
    return partial(through_primitives, activation)


def through_primitives(activation: Activation, x: Tensor) -> Tensor:
    """The activation computed from its primitives."""
    block, argument = activation.traced
    return evaluate_block(block, {argument: x})[0]


class _OwnDerivative(torch.autograd.Function):
    """A user's activation with the derivative that came with it, which autograd of its primitives need not give."""

    @staticmethod
    def forward(ctx: Any, activation: Activation, x: Tensor) -> Tensor:
        y = through_primitives(activation, x)
        ctx.activation = activation
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        block = Block()
        x, y = (block.argument(k, floats(symbol("M"), symbol("F"))) for k in "xy")
        slope = ctx.activation.derivative(x, y)
        if not isinstance(slope, Value):
            return None, gradients[0] * slope
        block.results = [slope]
        return None, gradients[0] * evaluate_block(block, dict(zip((x, y), ctx.saved_tensors, strict=True)))[0]


def evaluate_block(block: Block, values: dict[Any, Tensor]) -> list[Tensor]:
    """Run a block's nodes on tensors, given those of its arguments; the results."""
    evaluate_nodes(block.nodes, values, next(iter(values.values())).dtype)
    return [values[v] for v in block.results]


def evaluate_nodes(nodes: list[Node], values: dict[Value, Tensor], dtype: torch.dtype) -> None:
    """Run nodes of a block on tensors of one step or of all steps at once; constants are made where these are."""
    device = next((t.device for t in values.values()), None)
    for node in nodes:
        if node.op == "constant":
            values[node.outputs[0]] = torch.tensor(node.attributes["value"], dtype=dtype, device=device)
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


@row("reshape")
def _reshape(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].reshape(*x[0].shape[: -attributes["axes"]], *attributes["shape"])


@row("last_steps")
def _last_steps(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0][-attributes["count"] :]


@row("split_steps")
def _split_steps(attributes: Mapping[str, Any], x: list[Tensor]) -> tuple[Tensor, ...]:
    return x[0][: -attributes["count"]], x[0][-attributes["count"] :]


@row("unsqueeze")
def _unsqueeze(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].unsqueeze(attributes["axis"])


@row("squeeze")
def _squeeze(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0].squeeze(attributes["axis"])


class _SoftmaxCrossEntropy(torch.autograd.Function):
    """DL4J's: the probability is clipped in the value; the gradient is softmax(z) - y whatever the labels sum to.

    With weights it is softmax(z) Σ w y - w y.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, labels: Tensor, weights: tuple[float, ...] | None, clip: float) -> Tensor:
        probability = torch.softmax(z, -1)
        ctx.weighted = weights is not None
        labels = labels * labels.new_tensor(weights) if weights is not None else labels
        ctx.save_for_backward(probability, labels)
        return probability.clamp(clip, 1 - clip).log_().mul_(labels).sum(-1).neg_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        probability, labels = ctx.saved_tensors
        total = probability * labels.sum(-1, keepdim=True) if ctx.weighted else probability
        return (total - labels) * gradients[0].unsqueeze(-1), None, None, None


@row("softmax_cross_entropy")
def _softmax_cross_entropy(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return cast(Tensor, _SoftmaxCrossEntropy.apply(x[0], x[1], attributes["weights"], attributes["clip"]))  # type: ignore[no-untyped-call]


class _StraightThrough(torch.autograd.Function):
    """The first operand, with the gradient of the second."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, through: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


@row("straight_through")
def _straight_through(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return cast(Tensor, _StraightThrough.apply(x[0], x[1]))  # type: ignore[no-untyped-call]


@row("scale_features")
def _scale_features(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0] * x[0].new_tensor(attributes["values"])


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


@row("root")
def _root(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    """By way of 1 where the operand is 0, whose gradient would be infinite."""
    positive = x[0] > 0
    return torch.where(positive, torch.where(positive, x[0], 1.0).pow(1.0 / attributes["p"]), 0.0)


@row("batch_statistics")
def _batch_statistics(attributes: Mapping[str, Any], x: list[Tensor]) -> tuple[Tensor, ...]:
    """In two passes: the variance is that of what is left when the mean is taken off."""
    values, axes = x[0], tuple(range(x[0].dim() - 1))
    if len(x) == 1:
        variance, mean = torch.var_mean(values, axes, correction=0)
        return mean, variance
    mask = x[1].expand(*values.shape[:-1], 1)
    count = mask.sum().clamp(min=1)
    mean = torch.where(mask, values, 0.0).sum(axes) / count
    return mean, torch.where(mask, values - mean, 0.0).square().sum(axes) / count


@row("features")
def _features(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    return x[0][..., attributes["start"] : attributes["stop"]]


@row("example_norm")
def _example_norm(attributes: Mapping[str, Any], x: list[Tensor]) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x[0], dim=(0, 2) if x[0].dim() == 3 else 1)
    return norm.unsqueeze(-1)
