"""Values, nodes, blocks and graphs: the intermediate representation.

A :class:`Block` is a straight list of nodes over named inputs. A cell's :class:`Body` is one (a single time step); a :class:`Graph` is
one whose inputs and outputs carry roles, so that it reads as the pure function

    (inputs, masks, parameters, buffers, states, noise, rates) -> (outputs, next states, buffer updates)

A rate is a number that changes from one update to the next, as the share of a dropout does by its schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from rnngraph.errors import GraphError
from rnngraph.ir.noise import Law, Rate
from rnngraph.ir.types import Dim, TensorType

if TYPE_CHECKING:
    from rnngraph.ir.cell import Cell

InputRole = Literal["input", "mask", "label", "parameter", "buffer", "state", "noise", "rate"]
OutputRole = Literal["output", "loss", "next_state", "buffer_update"]
DataType = Literal["float32", "float64"]


@dataclass(eq=False)
class Value:
    """The result of a node, or an input of a block; arithmetic on values adds nodes to their block."""

    name: str
    type: TensorType
    block: Block = field(repr=False)
    producer: Node | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape, with symbols for what is not frozen."""
        return self.type.shape

    def __add__(self, other: Value | float) -> Value:
        return self.block.add("add", [self, other])

    def __radd__(self, other: float) -> Value:
        return self.block.add("add", [other, self])

    def __sub__(self, other: Value | float) -> Value:
        return self.block.add("sub", [self, other])

    def __rsub__(self, other: float) -> Value:
        return self.block.add("sub", [other, self])

    def __mul__(self, other: Value | float) -> Value:
        return self.block.add("mul", [self, other])

    def __rmul__(self, other: float) -> Value:
        return self.block.add("mul", [other, self])

    def __truediv__(self, other: Value | float) -> Value:
        return self.block.add("div", [self, other])

    def __rtruediv__(self, other: float) -> Value:
        return self.block.add("div", [other, self])

    def __neg__(self) -> Value:
        return self.block.add("neg", [self])


@dataclass(eq=False)
class Node:
    """One application of an op."""

    op: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Any]


class Block:
    """Nodes in an order in which each value is defined before it is used."""

    def __init__(self) -> None:
        self.arguments: list[Value] = []
        self.nodes: list[Node] = []
        self.results: list[Value] = []
        self._names: dict[str, int] = {}
        self.prefix = ""

    def argument(self, name: str, type_: TensorType) -> Value:
        """Declare an input of the block."""
        value = Value(self.unique(name), type_, self)
        self.arguments.append(value)
        return value

    def add(self, op: str, inputs: Sequence[Value | float], label: str | None = None, /, **attributes: Any) -> Value:
        """Append a node with one output and return that output."""
        (out,) = self.add_many(op, inputs, label, **attributes)
        return out

    def add_many(self, op: str, inputs: Sequence[Value | float], label: str | None = None, /, **attributes: Any) -> tuple[Value, ...]:
        """Append a node; infer and check its output types; return its outputs."""
        from rnngraph.ir.ops import infer

        values = tuple(v if isinstance(v, Value) else self.constant(v) for v in inputs)
        for value in values:
            if value.block is not self:
                raise GraphError(
                    f"{op}: operand {value.name!r} belongs to another block; use values of one graph or body only, pass others in as inputs"
                )
        types = infer(op, [v.type for v in values], attributes)
        base = f"{self.prefix}{label or op}"
        outputs = tuple(Value(self.unique(base), t, self) for t in types)
        node = Node(op, values, outputs, attributes)
        for value in outputs:
            value.producer = node
        self.nodes.append(node)
        return outputs

    def constant(self, value: float) -> Value:
        """A scalar constant."""
        return self.add("constant", [], "k", value=float(value))

    def unique(self, name: str) -> str:
        """``name``, with a number where it is taken."""
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return name if not count else self.unique(f"{name}_{count + 1}")

    def uses(self) -> dict[Value, int]:
        """How often each value is read (results count)."""
        counts: dict[Value, int] = {}
        for value in [*(v for n in self.nodes for v in n.inputs), *self.results]:
            counts[value] = counts.get(value, 0) + 1
        return counts


class Body(Block):
    """One time step of a cell: sequence slices, states and weights in; the output and the next states out.

    ``results`` is ``(y, next state, ...)``, the states in the order of ``states``.
    """

    def __init__(self, cell: Cell, activations: Mapping[str, str]) -> None:
        super().__init__()
        self.cell = cell
        self.activations = dict(activations)
        self.sequences: list[Value] = []
        self.states: list[Value] = []
        self.weights: list[Value] = []

    @property
    def operands(self) -> list[Value]:
        """The arguments in the order of a ``recurrent`` node's operands."""
        return [*self.sequences, *self.states, *self.weights]

    @property
    def label(self) -> str:
        """The cell with its activations, as in ``lstm(act=tanh, gate=sigmoid)``."""
        return f"{self.cell.name}({', '.join(f'{k}={v}' for k, v in self.activations.items())})"


@dataclass(frozen=True)
class Port:
    """A named input or output of a graph with its role; ``layer`` is the index of the layer that it belongs to.

    ``initial`` is the number with which every element of a state begins; where there is a ``start``, each row begins as a copy of the
    parameter or buffer of that name instead. ``ids`` is how many ids there are, where an input takes ids: it may hold 0 to ``ids`` - 1.
    ``of`` is the name of the input, or of the labels, that a mask masks. ``law`` is what the numbers of a noise input are drawn from,
    ``rate`` what gives the value of a rate.
    """

    name: str
    role: InputRole | OutputRole
    value: Value
    layer: int | None = None
    initial: float = 0.0
    ids: int | None = None
    of: str | None = None
    law: Law | None = None
    rate: Rate | None = None
    start: str | None = None


class Graph(Block):
    """A network as a pure function of its inputs by role."""

    def __init__(self, data_type: DataType = "float32") -> None:
        super().__init__()
        self.data_type: DataType = data_type
        self.layer_names: tuple[str, ...] = ()
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []

    def input(
        self,
        name: str,
        role: InputRole,
        type_: TensorType,
        layer: int | None = None,
        initial: float = 0.0,
        ids: int | None = None,
        of: str | None = None,
        start: str | None = None,
    ) -> Value:
        """Declare an input."""
        return self._declare(Port(name, role, self._argument(name, type_), layer, initial, ids, of, start=start))

    def noise(self, name: str, type_: TensorType, law: Law, layer: int | None = None) -> Value:
        """Declare an input of numbers that are drawn from ``law`` for each update."""
        return self._declare(Port(name, "noise", self._argument(name, type_), layer, law=law))

    def rate(self, name: str, rate: Rate, layer: int | None = None) -> Value:
        """Declare a scalar input that has the value of ``rate`` at each update."""
        return self._declare(Port(name, "rate", self._argument(name, TensorType("float", ())), layer, rate=rate))

    def redeclare(self, port: Port) -> Value:
        """Declare the input ``port`` of another graph in this one; its value keeps its name, which may differ from the port's."""
        return self._declare(replace(port, value=self.argument(port.value.name, port.value.type)))

    def _argument(self, name: str, type_: TensorType) -> Value:
        if any(p.name == name for p in self.inputs):
            raise GraphError(f"graph input {name!r} is declared twice; each input needs a name of its own")
        return self.argument(name, type_)

    def _declare(self, port: Port) -> Value:
        self.inputs.append(port)
        return port.value

    def output(self, name: str, role: OutputRole, value: Value, layer: int | None = None) -> None:
        """Declare an output."""
        self.outputs.append(Port(name, role, value, layer))
        self.results.append(value)

    def ports(self, *roles: InputRole | OutputRole) -> list[Port]:
        """The inputs and outputs of these roles, in order of declaration."""
        return [p for p in [*self.inputs, *self.outputs] if p.role in roles]

    def bodies(self) -> Iterator[Body]:
        """The cell bodies of all recurrent nodes."""
        for node in self.nodes:
            if node.op == "recurrent":
                yield node.attributes["body"]

    def __str__(self) -> str:
        from rnngraph.ir.text import graph_text

        return graph_text(self)
