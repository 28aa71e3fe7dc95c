"""Types of values: an element type and a shape whose dimensions are numbers or symbols.

The batch ``N`` and the time ``T`` are symbols everywhere, so that no graph freezes them; a cell's body is symbolic in
its widths too (``4*H``), so that one body serves layers of every size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ElementType = Literal["float", "int64", "bool"]
"""``float`` is the data type of the graph (float32 or float64), which is a property of the graph, not of its values."""


@dataclass(frozen=True)
class Size:
    """A linear expression of symbols, as ``4*H`` or ``T + 1``; sizes without symbols are plain numbers (see :func:`normal`)."""

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    def __add__(self, other: Dim) -> Dim:
        terms, constant = dict(self.terms), self.constant
        if isinstance(other, int):
            return normal(terms, constant + other)
        for symbol, factor in other.terms:
            terms[symbol] = terms.get(symbol, 0) + factor
        return normal(terms, constant + other.constant)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Dim:
        return normal({s: k * factor for s, k in self.terms}, self.constant * factor)

    __rmul__ = __mul__

    def __str__(self) -> str:
        parts = [s if k == 1 else f"{k}{s}" for s, k in self.terms]
        return " + ".join([*parts, *([str(self.constant)] if self.constant else [])])


Dim = int | Size
Shape = tuple[Dim, ...]


def normal(terms: dict[str, int], constant: int) -> Dim:
    """The dimension ``sum of terms + constant``: a plain number where no symbol is left."""
    kept = tuple(sorted((s, k) for s, k in terms.items() if k))
    return Size(kept, constant) if kept else constant


def symbol(name: str) -> Size:
    """The size called ``name``."""
    return Size(((name, 1),))


def divide(dim: Dim, parts: int) -> Dim | None:
    """``dim / parts``, or None where it does not divide evenly."""
    if isinstance(dim, int):
        return dim // parts if dim % parts == 0 else None
    if dim.constant % parts or any(k % parts for _, k in dim.terms):
        return None
    return normal({s: k // parts for s, k in dim.terms}, dim.constant // parts)


def evaluate(dim: Dim, sizes: dict[str, int]) -> int:
    """The number that ``dim`` stands for when its symbols have the given ``sizes``."""
    if isinstance(dim, int):
        return dim
    return sum(sizes[s] * k for s, k in dim.terms) + dim.constant


N = symbol("N")
T = symbol("T")


@dataclass(frozen=True)
class TensorType:
    """An element type and a shape."""

    element: ElementType
    shape: Shape

    @property
    def rank(self) -> int:
        """How many axes."""
        return len(self.shape)

    def __str__(self) -> str:
        prefix = "" if self.element == "float" else self.element
        return f"{prefix}[{', '.join(str(d) for d in self.shape)}]"


def floats(*shape: Dim) -> TensorType:
    """A float tensor of this shape."""
    return TensorType("float", shape)


def broadcast(a: Shape, b: Shape) -> Shape | None:
    """The shape of an elementwise op on ``a`` and ``b`` (numpy's rule), or None where they do not fit."""
    rank = max(len(a), len(b))
    left: Shape = (1,) * (rank - len(a)) + a
    right: Shape = (1,) * (rank - len(b)) + b
    out: list[Dim] = []
    for x, y in zip(left, right, strict=True):
        if x != y and x != 1 and y != 1:
            return None
        out.append(y if x == 1 else x)
    return tuple(out)
