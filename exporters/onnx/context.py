"""What the rows of the emitter's table work with: which ONNX value, or which array known at export, each IR value is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.builder import Array, Builder, Name
from rnngraph.ir.graph import Block, Node, Value
from rnngraph.ir.types import Dim, Shape, TensorType, evaluate


@dataclass(frozen=True)
class Widened:
    """A weight ``source`` with one more column, which holds one of ``values`` in each of as many equal blocks of rows."""

    source: Value
    values: tuple[float, ...]


Known = Name | Array | Widened
"""An ONNX value by its name, or an array that is known at export, perhaps with a column that need not be stored."""

Row = Callable[["Context", Node], Sequence[Known]]
"""A row of the table: adds the ONNX nodes of one IR node and gives what its outputs are."""


@dataclass
class Context:
    """One block under emission.

    ``sizes`` holds the numbers of symbols that are frozen: those of a body's widths, and N and T where the file fixes them.
    """

    builder: Builder
    rows: Mapping[str, Row]
    data_type: np.dtype[Any]
    steps: Literal[1] | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    prefix: str = ""
    known: dict[Value, Known] = field(default_factory=dict)
    cache: dict[str, Name] = field(default_factory=dict)
    """Values of use to several rows (row numbers of the batch)."""
    _initializers: dict[Value, Name] = field(default_factory=dict)

    def emit(self, block: Block) -> None:
        """Emit the block's nodes in order; its arguments must be known."""
        for node in block.nodes:
            if node.op not in self.rows:
                raise GraphError(f"op {node.op!r} has no ONNX form; ops that have one: {', '.join(sorted(self.rows))}")
            self.known.update(zip(node.outputs, self.rows[node.op](self, node), strict=True))

    def name(self, value: Value) -> Name:
        """The ONNX value; an array becomes an initializer at its first use."""
        entry = self.known[value]
        if isinstance(entry, str):
            return entry
        if value not in self._initializers:
            self._initializers[value] = self.builder.initializer(self.constant(value, "constant"), self.prefix + value.name)
        return self._initializers[value]

    def array(self, value: Value) -> Array | None:
        """The array, where the value is known at export."""
        entry = self.known[value]
        if isinstance(entry, Widened):
            array = self.constant(entry.source, "mask_columns")
            column = np.repeat(np.array(entry.values, self.data_type), len(array) // len(entry.values))
            return np.concatenate([array, column[:, None]], axis=1)
        return None if isinstance(entry, str) else entry

    def widened(self, value: Value) -> Widened | None:
        """How the value is made, where it is a weight with a column that need not be stored."""
        entry = self.known[value]
        return entry if isinstance(entry, Widened) else None

    def constant(self, value: Value, use: str) -> Array:
        """The array of a value that must be known at export."""
        array = self.array(value)
        if array is None:
            raise GraphError(
                f"{use}: {value.name!r} ({value.type}) must be a parameter or follow from parameters alone, it is computed from inputs"
            )
        return array

    def add(self, op: str, node: Node, *inputs: Name, **attributes: Any) -> Name:
        """Append an ONNX node for the only output of ``node``, under that output's name."""
        return self.builder.add(op, *inputs, hint=self.prefix + node.outputs[0].name, **attributes)

    def hints(self, node: Node, *states: str) -> list[str]:
        """Names for the outputs of a recurrent node: the first one's own, then those of its states, as ``0.h``."""
        y = self.prefix + node.outputs[0].name
        return [y, *(f"{y.rpartition('.')[0]}.{key}".removeprefix(".") for key in states)]

    def scalar(self, value: float) -> Name:
        """A scalar constant of the graph's data type."""
        return self.builder.initializer(np.array(value, self.data_type), "k")

    def dim(self, dim: Dim) -> int | str:
        """A number, or a symbol's name where it is free."""
        if isinstance(dim, int):
            return dim
        return evaluate(dim, self.sizes) if all(s in self.sizes for s, _ in dim.terms) else str(dim)

    def number(self, dim: Dim, use: str) -> int:
        """A dimension that must be a number."""
        size = self.dim(dim)
        if isinstance(size, str):
            raise GraphError(f"{use}: the width {size!r} must be a number when the graph is written")
        return size

    def shape(self, shape: Shape) -> list[int | str]:
        """A shape in numbers and names."""
        return [self.dim(d) for d in shape]

    def describe(self, name: str, type_: TensorType) -> onnx.ValueInfoProto:
        """The typed declaration of a graph's input or output."""
        elements = {"float": helper.np_dtype_to_tensor_dtype(self.data_type), "int64": TensorProto.INT64, "bool": TensorProto.BOOL}
        return helper.make_tensor_value_info(name, elements[type_.element], self.shape(type_.shape))
