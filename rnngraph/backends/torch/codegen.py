"""From a cell's body to the Python source of its step, forward and backward, over preallocated buffers.

Torch's own cost per op outweighs the arithmetic of a small cell, so the step is generated once per structure and holds nothing but calls
with ``out=``. Kinds of storage: ``full`` [T, N, .] for what is read after the loop, ``piece`` [K, N, .] for what is made for K steps at
once, ``scratch`` [N, .] for the rest, ``state`` [T + 1, N, .], where row t is the state before step t. All views of all steps are made by
one ``unbind`` before the loop. A node may write over its operand where nothing else reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from rnngraph.ir.activations import lookup
from rnngraph.ir.graph import Node, Value
from rnngraph.ir.types import Dim, evaluate


@dataclass(eq=False)
class Storage:
    """Memory for one or more values; ``kind`` is full, piece, scratch, state, swap (two scratches in turn) or given (made by others)."""

    width: Dim
    kind: str = "scratch"
    element: str = "float"


@dataclass(frozen=True)
class View:
    """A value's place: columns ``start`` to ``stop`` of a storage; ``offset`` 1 is the state after the step.

    With ``parts`` the columns are seen as [parts, width]: several values of one width side by side.
    """

    storage: Storage
    start: Dim = 0
    stop: Dim | None = None
    offset: int = 0
    parts: int = 1

    def of(self, tensor: Tensor, sizes: dict[str, int]) -> Tensor:
        """These columns of the storage's tensor."""
        if self.stop is not None:
            start = evaluate(self.start, sizes)
            tensor = tensor.narrow(-1, start, evaluate(self.stop, sizes) - start)
        return tensor if self.parts == 1 else tensor.unflatten(-1, (self.parts, -1))  # type: ignore[no-untyped-call]


@dataclass
class Plan:
    """Where each value lives, and the source lines of a step."""

    views: dict[Value, View] = field(default_factory=dict)
    names: dict[Value, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    transposed: set[Value] = field(default_factory=set)
    by_view: dict[View, str] = field(default_factory=dict)

    def name(self, v: Value) -> str:
        """The variable that holds ``v`` inside the step; values in one place share it."""
        if v not in self.names:
            view = self.views.get(v)
            name = f"v{len(self.names)}"
            self.names[v] = name if view is None else self.by_view.setdefault(view, name)
        return self.names[v]

    def compiled(self, carried: list[tuple[Value, Value]], outside: list[Value]) -> tuple[Callable[..., Any], list[Value]]:
        """The loop as a function of (zipped views, carried..., outside...); and which values the zip must hold, in order."""
        states = [c for c, _ in carried]
        inside = list({self.names[v]: v for v in self.names if v not in outside and v not in states}.values())
        arguments = [*(self.names[c] for c, _ in carried if c in self.names), *(self.name(v) for v in outside)]
        body = self.lines + [f"{self.names[c]} = {self.name(n)}" for c, n in carried if c in self.names]
        target = f"{', '.join(self.names[v] for v in inside)}," if inside else "_"
        source = f"def loop(steps, {', '.join(arguments)}):\n    for {target} in steps:\n" + "".join(
            f"        {line}\n" for line in body or ["pass"]
        )
        returned = ", ".join(self.names[c] for c, _ in carried if c in self.names)
        source += f"    return ({returned},)\n" if returned else "    return ()\n"
        from rnngraph.backends.torch.rows import normalize_backward

        scope: dict[str, Any] = {"torch": torch, "ACT": _activations(), "NORMALIZE_BACKWARD": normalize_backward}
        scope["HALF"] = torch.tensor(0.5, dtype=torch.float64)
        exec(compile(source, f"<step {id(self)}>", "exec"), scope)
        loop: Callable[..., Any] = scope["loop"]
        return loop, inside


def _activations() -> Any:
    from rnngraph.backends.torch.rows import activate

    return activate


_OUT = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "max": "maximum", "min": "minimum", "neg": "neg", "abs": "abs", "sign":
"sign",
        "exp": "exp", "sqrt": "sqrt", "log": "log", "where": "where", "greater": "gt", "not": "logical_not"}  # fmt: skip
_ACT = {
    "sigmoid": ["torch.sigmoid({x}, out={d})"],
    "tanh": ["torch.tanh({x}, out={d})"],
    "relu": ["torch.clamp_min({x}, 0.0, out={d})"],
    "softmax": ["torch.softmax({x}, -1, out={d})"],
    "softsign": ["torch.abs({x}, out={d})", "{d}.add_(1.0)", "torch.div({x}, {d}, out={d})"],
    "hardsigmoid": ["torch.add(HALF, {x}, alpha=0.2, out={d})", "{d}.clamp_(0.0, 1.0)"],
    "hardtanh": ["torch.clamp({x}, -1.0, 1.0, out={d})"],
    "relu6": ["torch.clamp({x}, 0.0, 6.0, out={d})"],
    "rectifiedtanh": ["torch.tanh({x}, out={d})", "{d}.clamp_min_(0.0)"],
    "swish": ["torch.sigmoid({x}, out={d})", "{d}.mul_({x})"],
    "cube": ["torch.mul({x}, {x}, out={d})", "{d}.mul_({x})"],
}
"""Lines for activations with their default parameters; any other is computed beside and copied into its place."""
_BACKWARD = {
    "sigmoid_backward": ("sigmoid_backward", ""),
    "tanh_backward": ("tanh_backward", ""),
    "relu_backward": ("threshold_backward", "0.0, "),
    "hardsigmoid_backward": ("hardtanh_backward", "0.0, 1.0, "),
}
"""Torch's kernel and its further arguments."""

ACTIVATION_LINES = {name: len(lines) for name, lines in _ACT.items()}
"""How many lines :func:`emit` writes for an activation, where it is not one."""


def over_its_operand(name: str) -> bool:
    """Whether an activation may be computed in the place of x, and together with its neighbour there.

    Not where x is read after the first line has written, nor where all values of a row belong together.
    """
    return lookup(name).elementwise and not any("{x}" in line for line in _ACT.get(name, [])[1:])


def emit(plan: Plan, node: Node) -> None:
    """Append the lines of an elementwise node, a product or a reduction."""
    d = plan.name(node.outputs[0])
    x = [plan.name(v) for v in node.inputs]
    if node.op == "activation":
        name = node.attributes["name"]
        plan.lines += [line.format(x=x[0], d=d) for line in _ACT.get(name, [f"{{d}}.copy_(ACT({name!r}, {{x}}))"])]
    elif node.op == "linear":
        plan.transposed.add(node.inputs[1])
        plan.lines.append(f"torch.mm({x[0]}, {x[1]}_t, out={d})")
    elif node.op == "integer_linear":
        plan.transposed.add(node.inputs[1])
        plan.lines.append(f"torch.mm((127.0 * {x[0]}).round_().clamp_(-128.0, 127.0).div_(127.0), {x[1]}_t, out={d})")
    elif node.op == "linear_t":
        plan.lines.append(f"torch.mm({x[0]}, {x[1]}, out={d})")
    elif node.op == "sum":
        plan.lines.append(f"torch.sum({x[0]}, -1, keepdim={node.attributes['keepdims']}, out={d})")
    elif node.op == "normalize":
        plan.lines.append(f"{d}.copy_(torch.layer_norm({x[0]}, {x[0]}.shape[-1:], eps={node.attributes['epsilon']!r}))")
    elif node.op == "normalize_backward":
        plan.lines.append(f"{d}.copy_(NORMALIZE_BACKWARD({x[0]}, {x[1]}, {node.attributes['epsilon']!r}))")
    elif node.op in _BACKWARD:
        kernel, limits = _BACKWARD[node.op]
        plan.lines.append(f"torch.ops.aten.{kernel}.grad_input({x[0]}, {x[1]}, {limits}grad_input={d})")
        if node.op == "hardsigmoid_backward":
            plan.lines.append(f"{d}.mul_(0.2)")
    elif node.op == "zeros":
        plan.lines.append(f"{d}.zero_()")
    elif node.op == "identity":
        plan.lines.append(f"{d}.copy_({x[0]})")
    else:
        plan.lines.append(f"torch.{_OUT[node.op]}({', '.join(x)}, out={d})")
