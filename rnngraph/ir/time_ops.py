"""The ops that look along the time axis, recurrent ones among them, and what comes with fused cells."""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.errors import GraphError
from rnngraph.ir.graph import Body, Value
from rnngraph.ir.table import ACTIVATION, ANY, BODY, BOOL, COUNT, FLAG, FLOAT, INTEGER, MASK_MODE, REAL, REALS, Attributes, misfit, op
from rnngraph.ir.types import Dim, N, Shape, Size, TensorType, divide, evaluate, floats, is_known, is_time


@op("pack_index", 1, BOOL, reverse=FLAG)
def _pack_index(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """How to move each row's real steps together: mask [T, N, 1] -> source [T, N], destination [T, N], last [N].

    Packed step k of row n is step ``source[k, n]``; step t stands at ``destination[t, n]``. Real steps go to the front, or to the end with
    ``reverse``. ``last`` is the entry of (start, packed steps), with ``reverse`` (packed steps, start), that is the last one processed.
    """
    steps, batch = _of_mask("pack_index", types)
    moves = TensorType("int64", (steps, batch))
    return moves, moves, TensorType("int64", (batch,))


@op("last_index", 1, BOOL)
def _last_index(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """1 + the last step whose mask is 1, 0 where there is none: mask [T, N, 1] -> [N]."""
    _, batch = _of_mask("last_index", types)
    return (TensorType("int64", (batch,)),)


@op("first_index", 1, BOOL)
def _first_index(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The first step whose mask is 1, T where there is none: mask [T, N, 1] -> [N]."""
    _, batch = _of_mask("first_index", types)
    return (TensorType("int64", (batch,)),)


@op("zero_state", 1, ANY, width=COUNT)
def _zero_state(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A state that begins at zero, for as many rows as the sequence x [T, N, F] has: [N, width]."""
    if types[0].rank != 3:
        raise misfit("zero_state", types, "a sequence [T, N, F]")
    return (floats(types[0].shape[1], attributes["width"]),)


def _of_mask(name: str, types: Sequence[TensorType]) -> tuple[Dim, Dim]:
    """T and N of a mask."""
    if types[0].rank != 3 or types[0].shape[2] != 1:
        raise misfit(name, types, "a bool mask [T, N, 1]")
    steps, batch, _ = types[0].shape
    return steps, batch


@op("gather_steps", 2, [ANY, INTEGER])
def _gather_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """For each row its own steps: x [T, N, F], index [K, N] -> [K, N, F]."""
    x, index = types
    if index.rank != 2 or x.rank != 3 or x.shape[1] != index.shape[1]:
        raise misfit("gather_steps", types, "x [T, N, F] and an int64 index [K, N]")
    return (TensorType(x.element, (*index.shape, x.shape[2])),)


@op("last_steps", 1, count=COUNT)
def _last_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The last ``count`` steps: [T, ...] -> [count, ...]; there have to be as many."""
    x, count = types[0], attributes["count"]
    steps = x.shape[0] if x.rank else 0
    if count > (steps if isinstance(steps, int) else steps.constant + 1):
        raise misfit("last_steps", types, f"at least {count} steps")
    return (floats(count, *x.shape[1:]),)


@op("split_steps", 1, ANY, invariant=False, count=COUNT)
def _split_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The steps before the last ``count``, and those: [T, ...] -> [T - count, ...], [count, ...]; both have to be one at least."""
    x, count = types[0], attributes["count"]
    rest = x.shape[0] + (-count) if x.rank else 0
    if isinstance(rest, int) and rest < 1:
        raise misfit("split_steps", types, f"a first axis of more than {count} steps")
    return TensorType(x.element, (rest, *x.shape[1:])), TensorType(x.element, (count, *x.shape[1:]))


@op("reverse_steps", 1, ANY)
def _reverse_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The steps from the last to the first: [T, ...] -> [T, ...]."""
    if types[0].rank < 2:
        raise misfit("reverse_steps", types, "a sequence [T, N, ...]")
    return (types[0],)


@op("repeat_steps", 2, [FLOAT, ANY])
def _repeat_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """x [N, F] at each step of the second operand [T, N, ...], of which only the shape matters: [T, N, F]."""
    x, like = types
    if x.rank != 2 or like.rank < 2 or like.shape[1] != x.shape[0]:
        raise misfit("repeat_steps", types, "x [N, F] and a sequence [T, N, ...]")
    return (floats(like.shape[0], *x.shape),)


@op("example_norm", 1, invariant=False)
def _example_norm(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The root of the sum of squares of all values of an example: [T, N, F] or [N, F] -> [N, 1]. The gradient at 0 is 0."""
    if types[0].rank not in (2, 3):
        raise misfit("example_norm", types, "x [T, N, F] or [N, F]")
    return (floats(types[0].shape[-2], 1),)


@op("recurrent", None, ANY, body=BODY, reverse=FLAG, mask_mode=MASK_MODE)
def _recurrent(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A cell over time. Operands: sequences [T, N, .], states [N, .], weights, and with a ``mask_mode`` a bool mask [T, N, 1].

    Gives the output [T, N, .] and the states after the last step processed. ``reverse`` runs from the last step to the first; the output
    stands at the step that it belongs to. At masked steps the output is 0, and the states are kept ("hold") or set to 0 ("reset").
    """
    body: Body = attributes["body"]
    masked = attributes["mask_mode"] is not None
    count = len(body.operands) + masked
    if len(types) != count or types[0].rank < 2:
        raise misfit("recurrent", types, f"{count} operands for {body.label}{' and a mask' if masked else ''}, a sequence [T, N, .] first")
    steps, batch = types[0].shape[:2]
    sizes: dict[str, int] = {}
    for value, given in zip(body.operands, types, strict=False):
        unify(_operand(body, value, steps, batch), given, sizes, f"{body.label}, operand {value.name!r}")
    if masked:
        unify(TensorType("bool", (steps, batch, 1)), types[-1], sizes, f"{body.label}, the mask")
    out: list[TensorType] = []
    for k, result in enumerate(body.results):
        shape = tuple(d if d == batch else evaluate(d, sizes) for d in _with_batch(result.shape, batch))
        out.append(floats(*(steps, *shape) if k == 0 else shape))
    return tuple(out)


def _operand(body: Body, value: Value, steps: Dim, batch: Dim) -> TensorType:
    """The type of the operand for an argument of the body, its widths still symbols."""
    shape = _with_batch(value.shape, batch)
    return TensorType(value.type.element, (steps, *shape) if value in body.sequences else shape)


def _with_batch(shape: Shape, batch: Dim) -> Shape:
    return tuple(batch if d == N else d for d in shape)


def unify(pattern: TensorType, given: TensorType, sizes: dict[str, int], where: str) -> None:
    """Read the sizes of a body's symbols off an operand's shape; GraphError where they contradict what is known."""
    fits = pattern.element == given.element and pattern.rank == given.rank
    for p, g in zip(pattern.shape, given.shape, strict=False):
        fits = fits and (p == g or (isinstance(p, Size) and isinstance(g, int) and _read(p, g, sizes)))
    if not fits:
        known = ", ".join(f"{s}={k}" for s, k in sizes.items())
        raise GraphError(f"{where}: expected {pattern}{f' with {known}' if known else ''}, got {given}; give an operand of that type")


def _read(pattern: Size, given: int, sizes: dict[str, int]) -> bool:
    """Whether ``pattern`` can be ``given``; the symbol that it leaves unknown, if there is one, is then known. N and times stay free."""
    unknown = [s for s in pattern.free if s not in sizes]
    if len(unknown) == 1 and unknown[0] != str(N) and not is_time(pattern):
        factor = dict(pattern.terms)[unknown[0]]
        rest = given - sum(sizes[str(s)] * k for s, k in pattern.terms if s in sizes) - pattern.constant
        if rest % factor == 0:
            sizes[unknown[0]] = rest // factor
    return is_known(pattern, sizes) and evaluate(pattern, sizes) == given


@op("lstm", None, ANY, activation=ACTIVATION, gate_activation=ACTIVATION, peephole=FLAG, reverse=FLAG, mask_mode=MASK_MODE)
def _lstm(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A fused LSTM.

    Operands: x [T, N, I], W [4H, I], R [4H, H], b [4H], h and c [N, H], with ``peephole`` P [3, H], with a ``mask_mode`` a mask [T, N, 1].
    """
    peephole, masked = attributes["peephole"], attributes["mask_mode"] is not None
    wanted = f"x [T, N, I], W [4H, I], R [4H, H], b [4H], h [N, H], c [N, H]{', P [3, H]' * peephole}{', mask bool[T, N, 1]' * masked}"
    if len(types) != 6 + peephole + masked or types[0].rank != 3 or types[2].rank != 2:
        raise misfit("lstm", types, wanted)
    steps, batch, width = types[0].shape
    hidden = types[2].shape[1]
    state = floats(batch, hidden)
    expected = [types[0], floats(4 * hidden, width), floats(4 * hidden, hidden), floats(4 * hidden), state, state]
    expected += [floats(3, hidden)] * peephole + [TensorType("bool", (steps, batch, 1))] * masked
    if list(types) != expected or types[0].element != "float":
        raise misfit("lstm", types, wanted)
    return floats(steps, batch, hidden), state, state


@op("gru", None, ANY, activation=ACTIVATION, gate_activation=ACTIVATION, reset_after=FLAG, reverse=FLAG, mask_mode=MASK_MODE)
def _gru(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """A fused GRU.

    Operands: x [T, N, I], W [3H, I], R [3H, H], b [3H], with ``reset_after`` bR [3H], h [N, H], with a ``mask_mode`` a mask [T, N, 1].
    """
    after, masked = attributes["reset_after"], attributes["mask_mode"] is not None
    wanted = f"x [T, N, I], W [3H, I], R [3H, H], b [3H]{', bR [3H]' * after}, h [N, H]{', mask bool[T, N, 1]' * masked}"
    if len(types) != 5 + after + masked or types[0].rank != 3 or types[2].rank != 2:
        raise misfit("gru", types, wanted)
    steps, batch, width = types[0].shape
    hidden = types[2].shape[1]
    state = floats(batch, hidden)
    expected = [types[0], floats(3 * hidden, width), floats(3 * hidden, hidden), *[floats(3 * hidden)] * (1 + after), state]
    expected += [TensorType("bool", (steps, batch, 1))] * masked
    if list(types) != expected or types[0].element != "float":
        raise misfit("gru", types, wanted)
    return floats(steps, batch, hidden), state


@op("reset_columns", 2, value=REAL)
def _reset_columns(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """One more column of a GRU's weight, with which a feature that is 1 at masked steps resets it: W [3H, I], b [3H] -> [3H, I + 1].

    ``value`` for the gates r and z; minus the bias for n, so that both cancel.
    """
    w, b = types
    if w.rank != 2 or divide(w.shape[0], 3) is None or b.shape != w.shape[:1]:
        raise misfit("reset_columns", types, "a weight [3H, I] and a bias [3H]")
    return (floats(w.shape[0], w.shape[1] + 1),)


@op("mask_columns", 1, values=REALS)
def _mask_columns(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """One more column of a weight, that of a feature which is 1 at masked steps: W [4H, I] -> [4H, I + 1].

    ``values`` has one number for each equal block of rows, for the gates i, f, g, o.
    """
    w, values = types[0], attributes["values"]
    if w.rank != 2 or divide(w.shape[0], len(values)) is None:
        raise misfit("mask_columns", types, f"a weight [4H, I] whose rows divide into {len(values)} blocks")
    return (floats(w.shape[0], w.shape[1] + 1),)
