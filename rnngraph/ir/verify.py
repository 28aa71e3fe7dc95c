"""The verifier: what must hold of every graph, checked after each pass."""

from __future__ import annotations

from typing import get_args

from rnngraph.errors import GraphError
from rnngraph.ir.graph import Block, Body, Graph, InputRole, OutputRole, Value
from rnngraph.ir.ops import OPS, infer
from rnngraph.ir.types import floats


def verify(graph: Graph) -> None:
    """GraphError unless all of these hold, in the graph and in each cell's body:

    1. a value is defined before it is used, in the same block;
    2. the type of each value is the one that its op gives;
    3. no two values of a block have one name, nor two ports;
    4. inputs and outputs have roles of their kind, and outputs are values of the graph;
    5. states ``s`` and next states ``next_s`` come in pairs of one type; a buffer update ``next_b`` has the type of a buffer ``b`` (which
       inference leaves without one);
    6. there is at most one loss, a scalar;
    7. a body consists of primitives and gives its output and one value a state;
    8. noise says what it is drawn from, a rate, a scalar, what gives it;
    9. what a state starts with is a parameter or buffer of one row's shape.
    """
    _verify_block(graph, "graph")
    _verify_ports(graph)
    for body in dict.fromkeys(graph.bodies()):
        _verify_body(body)


def _verify_block(block: Block, where: str) -> None:
    defined: set[Value] = set()
    names: set[str] = set()

    def define(value: Value) -> None:
        if value.name in names:
            raise GraphError(f"{where}: two values are named {value.name!r}; names must be unique, use Block.unique")
        if value.block is not block:
            raise GraphError(f"{where}: {value.name!r} was made for another block; add it through this one")
        names.add(value.name)
        defined.add(value)

    for value in block.arguments:
        define(value)
    for node in block.nodes:
        label = f"{where}: {node.outputs[0].name!r} ({node.op})" if node.outputs else f"{where}: {node.op}"
        for value in node.inputs:
            if value not in defined:
                raise GraphError(
                    f"{label} reads {value.name!r}, which is not defined before it in this block; order the nodes by their use"
                )
        types = infer(node.op, [v.type for v in node.inputs], node.attributes)
        if types != tuple(v.type for v in node.outputs):
            given, expected = (", ".join(str(t) for t in ts) for ts in ((v.type for v in node.outputs), types))
            raise GraphError(f"{label} is typed {given}, but its op gives {expected}; let Block.add infer types")
        for value in node.outputs:
            define(value)
            if value.producer is not node:
                raise GraphError(f"{label}: the producer of {value.name!r} is another node; set it to the node that gives it")
    for value in block.results:
        if value not in defined:
            raise GraphError(f"{where}: the result {value.name!r} is not a value of this block; give one that is")


def _verify_ports(graph: Graph) -> None:
    for ports, roles, kind in ((graph.inputs, get_args(InputRole), "input"), (graph.outputs, get_args(OutputRole), "output")):
        for port in ports:
            if port.role not in roles:
                raise GraphError(f"{kind} {port.name!r} has the role {port.role!r}; expected one of {', '.join(roles)}")
    seen: set[str] = set()
    for port in (*graph.inputs, *graph.outputs):
        if port.name in seen:
            raise GraphError(f"two inputs or outputs are named {port.name!r}; each needs a name of its own")
        seen.add(port.name)
    if [p.value for p in graph.inputs] != graph.arguments or [p.value for p in graph.outputs] != graph.results:
        raise GraphError(
            "the graph's inputs and outputs differ from its arguments and results; declare them with Graph.input and Graph.output"
        )
    _verify_pairs(graph, "state", "next_state")
    _verify_pairs(graph, "buffer", "buffer_update")
    _verify_loss(graph)
    _verify_drawn(graph)
    _verify_starts(graph)


def _verify_pairs(graph: Graph, old: InputRole, new: OutputRole) -> None:
    """Each output ``next_s`` of role ``new`` goes with the input ``s`` of role ``old``, and each state has one."""
    before = {p.name: p for p in graph.ports(old)}
    after = graph.ports(new)
    kind = new.replace("_", " ")
    for port in after:
        source = before.get(port.name.removeprefix("next_"))
        if not port.name.startswith("next_") or source is None:
            raise GraphError(
                f"the {kind} {port.name!r} belongs to no {old}; name it 'next_' and one of {', '.join(before) or f'(no {old}s)'}"
            )
        if source.value.type != port.value.type:
            raise GraphError(f"the {kind} {port.name!r} is {port.value.type}, its {old} {source.value.type}; both need one type")
    left = sorted(before.keys() - {p.name.removeprefix("next_") for p in after})
    if left and old == "state":
        raise GraphError(
            f"the state {left[0]!r} has no next state; declare the output 'next_{left[0]}', the state itself where nothing changes it"
        )


def _verify_loss(graph: Graph) -> None:
    losses = graph.ports("loss")
    if len(losses) > 1:
        raise GraphError(f"the graph has the losses {', '.join(p.name for p in losses)}; expected one, add them up")
    for port in losses:
        if port.value.shape:
            raise GraphError(f"the loss {port.name!r} is {port.value.type}; expected a scalar, end it in sum_all")


def _verify_drawn(graph: Graph) -> None:
    for port in graph.inputs:
        if (port.law is not None) != (port.role == "noise"):
            raise GraphError(
                f"the {port.role} {port.name!r} has the law {port.law}; noise has one and nothing else, declare it by Graph.noise"
            )
        if (port.rate is not None) != (port.role == "rate") or (port.rate is not None and port.value.shape):
            raise GraphError(
                f"the {port.role} {port.name!r} {port.value.type} has the rate {port.rate}; a rate is a scalar, declare it by Graph.rate"
            )


def _verify_starts(graph: Graph) -> None:
    kept = {p.name: p.value.type for p in graph.ports("parameter", "buffer")}
    for port in graph.inputs:
        if port.start is None:
            continue
        row, found = floats(*port.value.shape[1:]), kept.get(port.start)
        if port.role != "state" or found != row:
            raise GraphError(
                f"the {port.role} {port.name!r} {port.value.type} starts with {port.start!r} ({found or 'which is not there'}); "
                f"a state starts with a parameter or buffer {row}"
            )


def _verify_body(body: Body) -> None:
    where = f"body of {body.label}"
    _verify_block(body, where)
    for node in body.nodes:
        if not OPS[node.op].primitive:
            raise GraphError(
                f"{where}: {node.op!r} is no primitive; a step is made of {', '.join(sorted(k for k, s in OPS.items() if s.primitive))}"
            )
    if sorted(map(id, body.arguments)) != sorted(map(id, (*body.sequences, *body.states, *body.weights))):
        raise GraphError(f"{where}: its arguments are not its sequences, states and weights; declare each once")
    types = [v.type for v in body.results[1:]]
    if types != [v.type for v in body.states]:
        raise GraphError(
            f"{where}: next states {[str(t) for t in types]}, expected those of the states, {[str(v.type) for v in body.states]}"
        )
