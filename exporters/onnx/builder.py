"""A typed builder of ONNX nodes: what emits graphs says op, operands and attributes, names and initializers are made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]
Name = NewType("Name", str)
"""The name of an ONNX value."""

ABSENT = Name("")
"""An optional operand that is left out."""

_SHARED = 16
_LARGE = 256
"""From how many values on fewer bits are worth the nodes."""


@dataclass(frozen=True)
class Stored:
    """An array as whole numbers or short floats ``array``, times ``scale`` where that is not None."""

    array: Array
    scale: Array | None = None


Store = Callable[[Array], Stored | None]
"""How an array is stored in fewer bits without a loss; None where it cannot be."""


class Builder:
    """Nodes and initializers of one ONNX graph. A graph inside (a Scan's body) shares ``used``, since its names may not hide outer ones."""

    def __init__(self, used: set[str] | None = None, store: Store | None = None) -> None:
        """``store`` finds how large arrays are kept in fewer bits; None keeps all as they are."""
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.used: set[str] = set() if used is None else used
        self.store = store
        self._shared: dict[tuple[str, tuple[int, ...], bytes], Name] = {}

    def unique(self, hint: str) -> Name:
        """A name that is not taken, ``hint`` if possible."""
        name, count = hint, 1
        while name in self.used:
            count += 1
            name = f"{hint}_{count}"
        self.used.add(name)
        return Name(name)

    def add(self, op: str, *inputs: Name, hint: str | None = None, **attributes: Any) -> Name:
        """Append a node with one output; gives the output."""
        return self.add_many(op, inputs, [hint or op.lower()], **attributes)[0]

    def add_many(self, op: str, inputs: Sequence[Name], hints: Sequence[str], **attributes: Any) -> list[Name]:
        """Append a node with one output per hint; attributes that are None are left out."""
        outputs = [self.unique(h) for h in hints]
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op, inputs, outputs, name=f"{outputs[0]}:{op}", **given))
        return outputs

    def initializer(self, array: Array, hint: str) -> Name:
        """A constant tensor; small equal ones are stored once, large ones in fewer bits where ``store`` knows how."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (str(array.dtype), array.shape, array.tobytes()) if array.size <= _SHARED else None
        if key is not None and key in self._shared:
            return self._shared[key]
        stored = self.store(array) if self.store is not None and array.size >= _LARGE else None
        if stored is not None:
            return self._restored(stored, helper.np_dtype_to_tensor_dtype(array.dtype), hint)
        name = self.unique(hint)
        self.initializers.append(numpy_helper.from_array(array, name))
        if key is not None:
            self._shared[key] = name
        return name

    def _restored(self, stored: Stored, to: int, hint: str) -> Name:
        """The values of what is stored in fewer bits, which onnxruntime computes once, when it loads the file.

        DequantizeLinear it would keep, or join with a product behind it to a kernel that has other bits.
        """
        short = self.unique(f"{hint}.stored")
        self.initializers.append(numpy_helper.from_array(stored.array, short))
        if stored.scale is None:
            return self.add("Cast", short, to=to, hint=hint)
        return self.add(
            "Mul", self.add("Cast", short, to=to, hint=f"{hint}.levels"), self.initializer(stored.scale, f"{hint}.scale"), hint=hint
        )

    def ints(self, *values: int) -> Name:
        """A constant int64 vector, as axes are given."""
        return self.initializer(np.array(values, np.int64), "ints")

    def integer(self, value: int) -> Name:
        """A constant int64 scalar."""
        return self.initializer(np.array(value, np.int64), "int")

    def name_outputs(self, wanted: Mapping[str, Name], inputs: set[str]) -> None:
        """Rename values to the names of the graph's outputs.

        Where a value is an input, a constant or another output too, an Identity gives the name.
        """
        made = {o for n in self.nodes for o in n.output}
        renamed: dict[str, str] = {}
        copies: list[onnx.NodeProto] = []
        for target, name in wanted.items():
            if name in made and name not in inputs and name not in renamed:
                renamed[name] = target
            else:
                copies.append(helper.make_node("Identity", [renamed.get(name, name)], [target], name=f"{target}:Identity"))
        for node in self.nodes:
            node.input[:] = [renamed.get(i, i) for i in node.input]
            node.output[:] = [renamed.get(o, o) for o in node.output]
        self.nodes.extend(copies)
