"""The backward of a cell, derived from its body.

:func:`differentiate` walks the body in reverse and gives a :class:`BodyGradient`: one block whose arguments are the body's values and the
*running* gradients (of y and of the next states at one step), and whose results are the gradients of sequences, states and weights. Three
steps make it fast to run:

1. *Linear forms.* A gradient is kept as a sum ``Σ coefficient ⊙ running`` as long as only elementwise ops are passed, so that all factors
   meet in one coefficient. It becomes a value where it branches with two or more terms, and at matrix products, splits and reductions.
2. *Parts.* Each node falls into one of three parts: ``coefficient`` (contains no running gradient), ``loop`` (the running gradients at
   the step before need it), ``tail`` (the rest). Coefficients and tail are computed for all T steps at once, since axes of primitives are
   negative; only the loop is sequential.
3. *Hash-consing.* Equal nodes are made once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rnngraph.errors import GraphError
from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Block, Body, Node, Value
from rnngraph.ir.ops import OPS
from rnngraph.ir.types import Shape, TensorType

Form = dict[Value, "Value | float"]
"""A linear form: running gradient -> coefficient."""


@dataclass(frozen=True, eq=False)
class BodyGradient:
    """The derived backward; ``forward`` maps the block's arguments that are forward values to the body's values."""

    block: Block
    forward: dict[Value, Value]
    running: tuple[Value, ...]
    """Gradients of (y, next state, ...)."""
    sequences: tuple[Value, ...]
    """Gradients of the float sequences (a mask has none)."""
    states: tuple[Value, ...]
    weights: tuple[Value, ...]
    part: dict[Node, str]


class _Derivation:
    """Builds the block of a :class:`BodyGradient`."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.block = Block()
        self.forward: dict[Value, Value] = {}
        self.copies: dict[Value, Value] = {}
        self.known: dict[Any, tuple[Value, ...]] = {}
        self.cotangents: dict[Value, Form] = {}

    def value(self, v: Value) -> Value:
        """The forward value ``v`` as a value of the block."""
        if v not in self.copies:
            node = v.producer
            if node is not None and node.op in ("constant", "split", "take"):
                copies = self.node(node.op, [self.value(x) for x in node.inputs], **node.attributes)
                self.copies.update(zip(node.outputs, copies, strict=True))
            else:
                self.copies[v] = self.block.argument(v.name, v.type)
                self.forward[self.copies[v]] = v
        return self.copies[v]

    def node(self, op: str, inputs: list[Value], **attributes: Any) -> tuple[Value, ...]:
        """Add a node, or find the equal one."""
        key = (op, tuple(inputs), tuple(sorted(attributes.items())))
        if key not in self.known:
            self.known[key] = self.block.add_many(op, inputs, **attributes)
        return self.known[key]

    def times(self, a: Value | float, b: Value | float) -> Value | float:
        """``a * b``, without nodes for factors 1 and -1."""
        for x, y in ((a, b), (b, a)):
            if isinstance(x, float):
                if isinstance(y, float):
                    return x * y
                if x == 1.0:
                    return y
                return self.node("neg", [y])[0] if x == -1.0 else self.node("mul", [y, self.constant(x)])[0]
        assert isinstance(a, Value)
        assert isinstance(b, Value)
        return self.node("mul", [a, b])[0]

    def constant(self, x: float) -> Value:
        """A scalar."""
        return self.node("constant", [], value=x)[0]

    def as_value(self, x: Value | float) -> Value:
        """``x`` as a value."""
        return self.constant(x) if isinstance(x, float) else x

    def accumulate(self, v: Value, form: Form) -> None:
        """Add ``form`` to the gradient of ``v``."""
        total = self.cotangents.setdefault(v, {})
        for basis, coefficient in form.items():
            if basis not in total:
                total[basis] = coefficient
                continue
            other = total[basis]
            if isinstance(other, float) and isinstance(coefficient, float):
                total[basis] = other + coefficient
            else:
                total[basis] = self.node("add", [self.as_value(other), self.as_value(coefficient)])[0]

    def scaled(self, form: Form, factor: Value | float) -> Form:
        """``factor * form``."""
        return {basis: self.times(coefficient, factor) for basis, coefficient in form.items()}

    def unbroadcast(self, x: Value, shape: Shape) -> Value:
        """``x`` summed down to the shape of the operand that was broadcast."""
        if shape[-1] == 1 and x.shape[-1] != 1:
            x = self.node("sum", [x], keepdims=True)[0]
        return x if x.shape == shape else self.node("sum_to", [x], shape=shape)[0]

    def gradient_of(self, v: Value, like: Value | None = None) -> Value:
        """The gradient of an argument; zeros where nothing reads it, shaped as ``like`` or as the argument."""
        form = self.cotangents.get(v)
        return self.materialised(form, v.type) if form else self.node("zeros", [like or self.value(v)])[0]

    def materialised(self, form: Form, type_: TensorType) -> Value:
        """The form as one value."""
        total: Value | None = None
        for basis, coefficient in sorted(form.items(), key=lambda item: not isinstance(item[1], float)):
            term = self.as_value(self.times(basis, coefficient))
            total = term if total is None else self.node("add", [total, term])[0]
        if total is None:
            raise GraphError(f"{self.body.label}: no gradient reaches a value of type {type_}")
        return total


@cache
def differentiate(body: Body) -> BodyGradient:
    """The backward of ``body``; GraphError where an op has no derivative."""
    d = _Derivation(body)
    running = tuple(
        d.block.argument(f"d_{name}", r.type) for name, r in zip(["y", *(s.name for s in body.states)], body.results, strict=True)
    )
    for result, gradient in zip(body.results, running, strict=True):
        d.accumulate(result, {gradient: 1.0})
    fixed = _fixed(body)
    for node in reversed(body.nodes):
        forms = [d.cotangents.get(v, {}) for v in node.outputs]
        if any(forms) and not all(v in fixed for v in node.outputs):
            _rule(d, node, forms, fixed)
        elif any(forms):
            _rule(d, node, forms, set())
    sequences = tuple(d.gradient_of(v) for v in body.sequences if v.type.element == "float")
    states = tuple(d.gradient_of(v, like=r) for v, r in zip(body.states, running[1:], strict=True))
    weights = tuple(d.gradient_of(v) for v in body.weights)
    d.block.results = [*sequences, *states, *weights]
    return BodyGradient(d.block, d.forward, running, sequences, states, weights, _parts(d.block, running, sequences, states))


def _fixed(body: Body) -> set[Value]:
    """Values that are the same at every step: weights, constants, and what is computed from them alone."""
    fixed = set(body.weights)
    for node in body.nodes:
        if all(v in fixed for v in node.inputs):
            fixed.update(node.outputs)
    return fixed


def _rule(d: _Derivation, node: Node, forms: list[Form], fixed: set[Value]) -> None:
    """Pass the gradient of a node's outputs to its inputs."""
    form = forms[0]
    if node.op == "activation" and lookup(node.attributes["name"]).pullback:
        x, y = node.inputs[0], node.outputs[0]
        d.accumulate(x, {lookup(node.attributes["name"]).pullback(d.value(y), d.materialised(form, y.type)): 1.0})  # type: ignore[misc]
    elif node.op == "activation" and f"{node.attributes['name']}_backward" in OPS and node.inputs[0] not in fixed:
        d.accumulate(node.inputs[0], {basis: _fused_factor(d, node, coefficient) for basis, coefficient in form.items()})
    elif node.op in _ELEMENTWISE:
        inputs = [v for v in node.inputs if v.type.element == "float" and not (v.producer and v.producer.op == "constant")]
        factors = _ELEMENTWISE[node.op](d, node)
        if len(form) > 1 and len(inputs) > 1:
            form = {d.materialised(form, node.outputs[0].type): 1.0}
        for v, factor in zip(node.inputs, factors, strict=True):
            if v in inputs and factor is not None:
                source: Form = {d.materialised(form, node.outputs[0].type): 1.0} if v in fixed else form
                scaled = d.scaled(source, factor)
                if v.type.shape != node.outputs[0].type.shape:
                    scaled = {d.unbroadcast(d.materialised(scaled, node.outputs[0].type), v.type.shape): 1.0}
                d.accumulate(v, scaled)
    elif node.op == "linear":
        x, w = node.inputs
        g = d.materialised(form, node.outputs[0].type)
        d.accumulate(x, {d.node("linear_t", [g, d.value(w)])[0]: 1.0})
        d.accumulate(w, {d.node("outer_sum", [g, d.value(x)])[0]: 1.0})
    elif node.op == "split":
        pieces = [d.materialised(f, v.type) if f else d.times(d.value(v), 0.0) for f, v in zip(forms, node.outputs, strict=True)]
        d.accumulate(node.inputs[0], {d.node("concat", pieces, axis=-1)[0]: 1.0})  # type: ignore[arg-type]
    elif node.op == "take":
        d.accumulate(
            node.inputs[0],
            {
                d.node("place", [d.materialised(form, node.outputs[0].type)], index=node.attributes["index"], shape=node.inputs[0].shape)[
                    0
                ]: 1.0
            },
        )
    elif node.op == "normalize":
        x = node.inputs[0]
        g = d.materialised(form, x.type)
        d.accumulate(x, {d.node("normalize_backward", [g, d.value(x)], epsilon=node.attributes["epsilon"])[0]: 1.0})
    elif node.op == "sum":
        d.accumulate(node.inputs[0], {d.materialised(form, node.outputs[0].type): 1.0})
    else:
        known = ", ".join(sorted([*_ELEMENTWISE, "linear", "normalize", "split", "sum", "take"]))
        raise GraphError(f"{d.body.label}: op {node.op!r} has no derivative; write the step with {known}")


def _fused_factor(d: _Derivation, node: Node, coefficient: Value | float) -> Value | float:
    """The coefficient times the activation's derivative, by the op that makes both at once."""
    if isinstance(coefficient, float):
        (factor,) = _activation(d, node)
        assert factor is not None
        return d.times(factor, coefficient)
    return d.node(f"{node.attributes['name']}_backward", [coefficient, d.value(node.outputs[0])])[0]


Factors = list["Value | float | None"]


def _where(d: _Derivation, node: Node) -> Factors:
    condition = d.value(node.inputs[0])
    one, zero = d.constant(1.0), d.constant(0.0)
    return [None, d.node("where", [condition, one, zero])[0], d.node("where", [condition, zero, one])[0]]


def _extreme(d: _Derivation, node: Node) -> Factors:
    """max and min: the gradient goes to the larger or smaller; to the second at a tie (so relu has derivative 0 at 0)."""
    a, b = (d.value(v) for v in node.inputs)
    first = d.node("greater", [a, b] if node.op == "max" else [b, a])[0]
    one, zero = d.constant(1.0), d.constant(0.0)
    return [d.node("where", [first, one, zero])[0], d.node("where", [first, zero, one])[0]]


def _div(d: _Derivation, node: Node) -> Factors:
    b = d.value(node.inputs[1])
    inverse = d.node("div", [d.constant(1.0), b])[0]
    return [inverse, d.times(d.times(d.value(node.outputs[0]), inverse), -1.0)]


def _activation(d: _Derivation, node: Node) -> Factors:
    definition = lookup(node.attributes["name"])
    if definition.derivative is None:
        raise GraphError(f"activation {definition.name!r} has neither a derivative nor a pullback; give it one")
    x = d.value(node.inputs[0]) if definition.uses_x else d.value(node.outputs[0])
    return [definition.derivative(x, d.value(node.outputs[0]))]


_ELEMENTWISE: dict[str, Callable[[_Derivation, Node], Factors]] = {
    "add": lambda d, n: [1.0, 1.0],
    "sub": lambda d, n: [1.0, -1.0],
    "neg": lambda d, n: [-1.0],
    "identity": lambda d, n: [1.0],
    "mul": lambda d, n: [d.value(n.inputs[1]), d.value(n.inputs[0])],
    "div": _div,
    "exp": lambda d, n: [d.value(n.outputs[0])],
    "log": lambda d, n: [d.node("div", [d.constant(1.0), d.value(n.inputs[0])])[0]],
    "sqrt": lambda d, n: [d.node("div", [d.constant(0.5), d.value(n.outputs[0])])[0]],
    "abs": lambda d, n: [d.node("sign", [d.value(n.inputs[0])])[0]],
    "sign": lambda d, n: [None],
    "max": _extreme,
    "min": _extreme,
    "where": _where,
    "activation": _activation,
}
"""Elementwise op -> the factor by which the output's gradient goes to each input (None: none)."""


def _parts(block: Block, running: tuple[Value, ...], sequences: tuple[Value, ...], states: tuple[Value, ...]) -> dict[Node, str]:
    """Which part each node belongs to."""
    moving = set(running)
    part: dict[Node, str] = {}
    for node in block.nodes:
        if any(v in moving for v in node.inputs):
            moving.update(node.outputs)
            part[node] = "tail"
        else:
            part[node] = "coefficient"
    needed = {*sequences, *states}
    for node in reversed(block.nodes):
        if part[node] == "tail" and any(v in needed for v in node.outputs):
            part[node] = "loop"
            needed.update(node.inputs)
    return part
