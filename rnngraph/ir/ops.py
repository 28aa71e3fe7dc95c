"""The ops of the representation: what each takes, and the type of what it gives.

Three kinds stand in one table. *Primitives* may stand in a cell's body and in a graph. *Graph ops* know the time axis, which is the first
one:
everything inside a graph is [T, N, F]. *Fused ops* come from passes only. Axes of primitives are negative, so that a body's code holds
for one step
[N, F] and for all steps at once [T, N, F].

``invariant`` says that the CPU kernel which the ONNX emitter picks gives the same bits whatever T and N are; a test probes each op of
which it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnngraph.errors import GraphError
from rnngraph.ir.types import Dim, Shape, TensorType, broadcast, divide, evaluate

Attributes = Mapping[str, Any]
Infer = Callable[[Sequence[TensorType], Attributes], tuple[TensorType, ...]]


@dataclass(frozen=True)
class OpSpec:
    """What is known of an op whichever backend runs it."""

    name: str
    infer: Infer
    arity: int | None
    primitive: bool
    invariant: bool


OPS: dict[str, OpSpec] = {}


def op(name: str, arity: int | None, *, primitive: bool = False, invariant: bool = True) -> Callable[[Infer], Infer]:
    """Enter a type rule into the table as op ``name``."""

    def enter(rule: Infer) -> Infer:
        OPS[name] = OpSpec(name, rule, arity, primitive, invariant)
        return rule

    return enter


def infer(name: str, types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The output types of op ``name``; GraphError where the operands do not fit."""
    spec = OPS.get(name)
    if spec is None:
        raise GraphError(f"there is no op {name!r}; ops are {', '.join(sorted(OPS))}")
    if spec.arity is not None and len(types) != spec.arity:
        raise GraphError(f"{name} takes {spec.arity} operands, not {len(types)}")
    return spec.infer(types, attributes)


def misfit(name: str, types: Sequence[TensorType], expected: str) -> GraphError:
    """The error that says which operand types do not fit, and what would."""
    return GraphError(f"{name}({', '.join(str(t) for t in types)}): expected {expected}")


def _elementwise(name: str, element: str | None = None) -> Infer:
    def rule(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
        shape = types[0].shape
        for t in types[1:]:
            joined = broadcast(shape, t.shape)
            if joined is None or t.element != types[0].element:
                raise misfit(name, types, "operands of one element type whose shapes broadcast")
            shape = joined
        return (TensorType(element or types[0].element, shape),)  # type: ignore[arg-type]

    return rule


for _name in ("add", "sub", "mul", "div", "max", "min"):
    op(_name, 2, primitive=True)(_elementwise(_name))
for _name in ("sigmoid_backward", "tanh_backward", "relu_backward", "hardsigmoid_backward"):
    # The first operand times the derivative of the activation whose value is the second: torch has a kernel for it.
    op(_name, 2, primitive=True)(_elementwise(_name))
for _name in ("neg", "abs", "sign", "exp", "sqrt", "identity"):
    op(_name, 1, primitive=True)(_elementwise(_name))
op("log", 1, primitive=True, invariant=False)(_elementwise("log"))
op("greater", 2, primitive=True)(_elementwise("greater", "bool"))
op("not", 1, primitive=True)(_elementwise("not", "bool"))
op("activation", 1, primitive=True)(_elementwise("activation"))


@op("constant", 0, primitive=True)
def _constant(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType("float", ()),)


@op("zeros", 1)
def _zeros(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Zeros shaped as the operand."""
    return (types[0],)


@op("cast", 1)
def _cast(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType(attributes["to"], types[0].shape),)


@op("where", 3, primitive=True)
def _where(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    condition, a, b = types
    shape = broadcast(a.shape, b.shape)
    shape = None if shape is None else broadcast(condition.shape, shape)
    if shape is None or condition.element != "bool" or a.element != b.element:
        raise misfit("where", types, "a bool condition and two operands of one element type that broadcast with it")
    return (TensorType(a.element, shape),)


@op("linear", 2, primitive=True)
def _linear(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``x · Wᵀ``: x [..., K], W [M, K] -> [..., M]."""
    x, w = types
    if x.rank < 1 or w.rank != 2 or x.shape[-1] != w.shape[1]:
        raise misfit("linear", types, "x [..., K] and W [M, K]")
    return (TensorType("float", (*x.shape[:-1], w.shape[0])),)


@op("linear_t", 2, primitive=True)
def _linear_t(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``x · W``: x [..., M], W [M, K] -> [..., K]."""
    x, w = types
    if x.rank < 1 or w.rank != 2 or x.shape[-1] != w.shape[0]:
        raise misfit("linear_t", types, "x [..., M] and W [M, K]")
    return (TensorType("float", (*x.shape[:-1], w.shape[1])),)


@op("outer_sum", 2, primitive=True)
def _outer_sum(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``Σ aᵀ b`` over all leading axes: a [..., M], b [..., K] -> [M, K]; the gradient of ``linear`` by its weights."""
    a, b = types
    return (TensorType("float", (a.shape[-1], b.shape[-1])),)


@op("sum_to", 1, primitive=True)
def _sum_to(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Sum over all leading axes down to ``shape``; the gradient of broadcasting."""
    return (TensorType("float", attributes["shape"]),)


@op("sum", 1, primitive=True)
def _sum(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Sum over the last axis, which stays as 1 with ``keepdims``."""
    lead = types[0].shape[:-1]
    return (TensorType("float", (*lead, 1) if attributes["keepdims"] else lead),)


@op("split", 1, primitive=True)
def _split(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``parts`` equal pieces of the last axis."""
    x, parts = types[0], int(attributes["parts"])
    piece = divide(x.shape[-1], parts)
    if piece is None:
        raise misfit("split", types, f"a last axis that divides into {parts} parts")
    return (TensorType(x.element, (*x.shape[:-1], piece)),) * parts


@op("concat", None, primitive=True)
def _concat(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Join along ``axis`` (negative, or 0 in graphs)."""
    axis = attributes["axis"]
    first = types[0].shape
    total: Dim = 0
    for t in types:
        lead = list(t.shape)
        total = total + lead[axis]
        lead[axis] = first[axis]
        if tuple(lead) != first:
            raise misfit("concat", types, f"shapes that differ along axis {axis} only")
    shape = list(first)
    shape[axis] = total
    return (TensorType(types[0].element, tuple(shape)),)


@op("normalize", 1, primitive=True)
def _normalize(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``(x - mean) / sqrt(variance + epsilon)`` over the last axis, the variance that of the whole population."""
    return (types[0],)


@op("normalize_backward", 2, primitive=True)
def _normalize_backward(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The gradient of x from that of ``normalize(x)``, the first operand, and x, the second."""
    g, x = types
    if g.shape != x.shape:
        raise misfit("normalize_backward", types, "a gradient and an x of one shape")
    return (x,)


@op("block_rows", 1)
def _block_rows(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Rows ``start`` to ``stop`` of a weight, counted in blocks of which it has ``blocks``: W [K, M] -> [(stop - start) K / blocks, M]."""
    w, start, stop, blocks = types[0], attributes["start"], attributes["stop"], attributes["blocks"]
    block = divide(w.shape[0], blocks)
    if block is None or not 0 <= start < stop <= blocks:
        raise misfit("block_rows", types, f"a weight with {blocks} equal blocks of rows, of which {start} to {stop} are taken")
    return (TensorType("float", (block * (stop - start), *w.shape[1:])),)


@op("zero_state", 1)
def _zero_state(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A state that begins at zero, for as many rows as the sequence x [T, N, F] has: [N, width]."""
    x = types[0]
    if x.rank != 3 or x.element != "float":
        raise misfit("zero_state", types, "a sequence [T, N, F]")
    return (TensorType("float", (x.shape[1], attributes["width"])),)


@op("take", 1, primitive=True)
def _take(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Row ``index`` of a weight: W [K, M] -> [M]."""
    w, index = types[0], attributes["index"]
    if w.rank != 2 or (isinstance(w.shape[0], int) and not 0 <= index < w.shape[0]):
        raise misfit("take", types, f"a weight [K, M] with a row {index}")
    return (TensorType("float", w.shape[1:]),)


@op("transpose", 1)
def _transpose(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    x, order = types[0], attributes["order"]
    if sorted(order) != list(range(x.rank)):
        raise misfit("transpose", types, f"a rank that fits the order {order}")
    return (TensorType(x.element, tuple(x.shape[k] for k in order)),)


@op("unsqueeze", 1)
def _unsqueeze(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    x, axis = types[0], attributes["axis"]
    position = axis if axis >= 0 else x.rank + 1 + axis
    return (TensorType(x.element, (*x.shape[:position], 1, *x.shape[position:])),)


@op("squeeze", 1)
def _squeeze(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    x, axis = types[0], attributes["axis"] % types[0].rank
    if x.shape[axis] != 1:
        raise misfit("squeeze", types, f"an axis {axis} of size 1")
    return (TensorType(x.element, x.shape[:axis] + x.shape[axis + 1 :]),)


@op("row", 1)
def _row(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Entry ``index`` (0, or -1 for the last) of the first axis: [T, N, F] -> [N, F]."""
    return (TensorType(types[0].element, types[0].shape[1:]),)


@op("sum_all", 1)
def _sum_all(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType("float", ()),)


@op("softmax_cross_entropy", 2, invariant=False)
def _softmax_cross_entropy(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """``-Σ y ln softmax(z)`` over the last axis, with DL4J's clipping of the probability in the value and its gradient ``softmax(z) -
    y``."""
    z, y = types
    if z.shape != y.shape:
        raise misfit("softmax_cross_entropy", types, "logits and labels of one shape")
    return (TensorType("float", z.shape[:-1]),)


@op("pack_index", 1)
def _pack_index(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """How to move each row's real steps together: mask [T, N, 1] -> source [T, N], destination [T, N], last [N].

    Packed step k of row n is step ``source[k, n]``; step t stands at ``destination[t, n]``. Real steps go to the front, or to the end with
    ``reverse``. ``last`` is the entry of (start, packed steps), with ``reverse`` (packed steps, start), that is the last one processed.
    """
    mask = types[0]
    if mask.element != "bool" or mask.rank != 3:
        raise misfit("pack_index", types, "a bool mask [T, N, 1]")
    steps = TensorType("int64", mask.shape[:2])
    return steps, steps, TensorType("int64", mask.shape[1:2])


@op("last_index", 1)
def _last_index(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """1 + the last step whose mask is 1, 0 where there is none: mask [T, N, 1] -> [N]: the entry of (start, steps) that was seen last.

    With ``reverse`` the first step whose mask is 1, T where there is none: the entry of (steps, start) that a backward run sees last.
    """
    return (TensorType("int64", types[0].shape[1:2]),)


@op("gather_steps", 2)
def _gather_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """For each row its own steps: x [T, N, F], index [K, N] -> [K, N, F]."""
    x, index = types
    if index.element != "int64" or index.rank != 2 or x.rank != 3:
        raise misfit("gather_steps", types, "x [T, N, F] and an int64 index [K, N]")
    return (TensorType(x.element, (*index.shape, x.shape[2])),)


@op("recurrent", None)
def _recurrent(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A cell over time. Operands: sequences [T, N, .], states [N, .], weights, and with a ``mask_mode`` a bool mask [T, N, 1].

    Gives the output [T, N, .] and the states after the last step processed. ``reverse`` runs from the last step to the first; the output
    stands at the
    step that it belongs to. At masked steps the output is 0, and the states are kept ("hold") or set to 0 ("reset").
    """
    body = attributes["body"]
    masked = attributes["mask_mode"] is not None
    arguments = [*body.sequences, *body.states, *body.weights]
    if len(types) != len(arguments) + masked:
        raise misfit("recurrent", types, f"{len(arguments)} operands for {body.label}{' and a mask' if masked else ''}")
    sizes: dict[str, int] = {}
    for value, given in zip(arguments, types, strict=False):
        shape = given.shape[1:] if value in body.sequences else given.shape
        unify(value.type.shape, shape, sizes, f"{body.label}, operand {value.name!r}")
    steps = types[0].shape[0]
    out: list[TensorType] = []
    for k, result in enumerate(body.results):
        shape = tuple(d if d == types[0].shape[1] else evaluate(d, sizes) for d in result.shape)
        out.append(TensorType("float", (steps, *shape) if k == 0 else shape))
    return tuple(out)


def unify(pattern: Shape, given: Shape, sizes: dict[str, int], where: str) -> None:
    """Read the sizes of a body's symbols off an operand's shape; GraphError where they contradict what is known."""
    fits = len(pattern) == len(given)
    for p, g in zip(pattern, given, strict=False):
        if p == g:
            continue
        if isinstance(p, int) or not isinstance(g, int):
            fits = False
            continue
        unknown = [s for s, _ in p.terms if s not in sizes]
        if len(unknown) == 1:
            factor = dict(p.terms)[unknown[0]]
            rest = g - sum(sizes[s] * k for s, k in p.terms if s in sizes) - p.constant
            fits = fits and rest % factor == 0
            sizes[unknown[0]] = rest // factor
        fits = fits and not [s for s, _ in p.terms if s not in sizes] and evaluate(p, sizes) == g
    if not fits:
        known = ", ".join(f"{s}={k}" for s, k in sizes.items())
        raise GraphError(
            f"{where}: expected {TensorType('float', pattern)}{f' with {known}' if known else ''}, got {TensorType('float', given)}"
        )


@op("lstm", None)
def _lstm(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A fused LSTM: x [T, N, I], W [4H, I], R [4H, H], b [4H], h, c [N, H], with ``peephole`` P [3, H], with a ``mask_mode`` a mask [T,
    N, 1]."""
    x, w, r, _, h = types[:5]
    if x.rank != 3 or x.shape[2] != w.shape[1] or w.shape[0] != r.shape[0] or r.shape[1] != h.shape[1]:
        raise misfit("lstm", types, "x [T, N, I], W [4H, I], R [4H, H], b [4H], h [N, H], c [N, H]")
    return TensorType("float", (*x.shape[:2], h.shape[1])), h, types[5]


@op("gru", None)
def _gru(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A fused GRU: x [T, N, I], W [3H, I], R [3H, H], b [3H], with ``reset_after`` bR [3H], h [N, H], with a ``mask_mode`` a mask [T, N,
    1]."""
    x, w, r = types[:3]
    h = types[5] if attributes["reset_after"] else types[4]
    if x.rank != 3 or x.shape[2] != w.shape[1] or w.shape[0] != r.shape[0] or r.shape[1] != h.shape[1]:
        raise misfit("gru", types, "x [T, N, I], W [3H, I], R [3H, H], b [3H], with reset_after bR [3H], h [N, H]")
    return TensorType("float", (*x.shape[:2], h.shape[1])), h


@op("mask_columns", None)
def _mask_columns(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """W [4H, I] with one more column, the weights of a feature that is 1 at masked steps: ``values`` for the gates i, f, g, o -> [4H, I +
    1].

    None among the values stands for the negative of the bias of that gate, which is the second operand then, so that both cancel.
    """
    w = types[0]
    if len(types) != 1 + (None in attributes["values"]):
        raise misfit("mask_columns", types, "a weight, and a bias exactly where one of the values is None")
    return (TensorType("float", (w.shape[0], w.shape[1] + 1)),)


@op("place", 1, primitive=True)
def _place(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The opposite of ``take``: zeros of ``shape`` with the operand as row ``index``."""
    return (TensorType("float", attributes["shape"]),)
