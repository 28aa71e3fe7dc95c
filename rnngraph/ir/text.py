"""Graphs as text, for people and for comparing structures.

Ports stand first, by role; then one line a node, as in ``0.linear: [T, N, 512] = linear x, 0.W``, with attributes in braces; then each
distinct cell body once, with symbolic widths. Constants stand where they are used, and attributes that are None or False are left out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from rnngraph.ir.graph import Block, Body, Graph, Node, Port, Value

WIDTH = 120


def graph_text(graph: Graph) -> str:
    """The whole graph as lines of at most 120 columns."""
    bodies = _body_names(graph)
    lines = [f"graph {graph.data_type}"]
    for ports, sign in ((graph.inputs, ": "), (graph.outputs, " = ")):
        for role in dict.fromkeys(p.role for p in ports):
            shown = (f"{p.name}{sign}{_type(p) if sign == ': ' else _operand(p.value)}" for p in ports if p.role == role)
            lines += _wrap(f"  {role:<10} {', '.join(shown)}")
    lines += _node_lines(graph, {body: name for body, (name, _) in bodies.items()})
    for name, body in dict(bodies.values()).items():
        lines += ["", *_body_lines(name, body)]
    return "\n".join(lines)


def _type(port: Port) -> str:
    """The type of an input; of noise also what it is drawn from, of a rate what gives it."""
    law = f" ~ {port.law}" if port.law is not None else ""
    return f"{port.value.type}{law}" if port.rate is None else str(port.rate)


def body_text(body: Body) -> str:
    """One cell's body: its header, one line a node, what it returns."""
    return "\n".join(_body_lines(body.label, body))


def canonical(body: Body) -> str:
    """A text that two bodies share exactly when they have one structure: values are numbered, names play no part."""
    numbers: dict[Value, int] = {}
    kinds = (("sequence", body.sequences), ("state", body.states), ("weight", body.weights))
    lines = []
    for kind, values in kinds:
        for value in values:
            numbers[value] = len(numbers)
            lines.append(f"{kind} {value.type}")
    for node in body.nodes:
        lines.append(f"{node.op} {[numbers[v] for v in node.inputs]} {sorted(node.attributes.items())!r}")
        for value in node.outputs:
            numbers[value] = len(numbers)
    return "\n".join([*lines, f"return {[numbers[v] for v in body.results]}"])


def _body_names(graph: Graph) -> dict[Body, tuple[str, Body]]:
    """For each body the name that it is shown under, and the first body of its structure."""
    first: dict[str, tuple[str, Body]] = {}
    taken: dict[str, int] = {}
    shown: dict[Body, tuple[str, Body]] = {}
    for body in graph.bodies():
        structure = canonical(body)
        if structure not in first:
            taken[body.label] = taken.get(body.label, 0) + 1
            suffix = f" #{taken[body.label]}" if taken[body.label] > 1 else ""
            first[structure] = (body.label + suffix, body)
        shown[body] = first[structure]
    return shown


def _body_lines(name: str, body: Body) -> list[str]:
    groups = "; ".join(", ".join(f"{v.name}: {v.type}" for v in values) for values in (body.sequences, body.states, body.weights) if values)
    results = f"  return {', '.join(_operand(v) for v in body.results)}"
    return [*_wrap(f"cell {name} of {groups}"), *_node_lines(body, {}), *_wrap(results)]


def _node_lines(block: Block, bodies: Mapping[Body, str]) -> Iterable[str]:
    return [line for node in block.nodes if node.op != "constant" for line in _wrap(f"  {_node(node, bodies)}")]


def _node(node: Node, bodies: Mapping[Body, str]) -> str:
    outputs = ", ".join(f"{v.name}: {v.type}" for v in node.outputs)
    operands = ", ".join(_operand(v) for v in node.inputs)
    shown = ", ".join(f"{k}={_attribute(v, bodies)}" for k, v in node.attributes.items() if v is not None and v is not False)
    return f"{outputs} = {node.op}{' ' if operands else ''}{operands}{f' {{{shown}}}' if shown else ''}"


def _operand(value: Value) -> str:
    if value.producer is not None and value.producer.op == "constant":
        return f"{value.producer.attributes['value']:g}"
    return value.name


def _attribute(value: Any, bodies: Mapping[Body, str]) -> str:
    if isinstance(value, Body):
        return bodies.get(value, value.label)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_attribute(v, bodies) for v in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _wrap(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
