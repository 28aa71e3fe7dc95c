"""Types of values: an element type and a shape whose dimensions are numbers or symbols.

The batch ``N`` and the time ``T`` are symbols everywhere, so that no graph freezes them; a cell's body is symbolic in
its widths too (``4*H``), so that one body serves layers of every size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ElementType = Literal["float", "int64", "bool"]
"""``float`` is the data type of the graph (float32 or float64), which is a property of the graph, not of its values."""


@dataclass(frozen=True)
class Floor:
    """The whole part of ``dim / divisor``, which is no linear expression: a symbol of its own, as in ``floor(T / 2)``."""

    dim: Size
    divisor: int

    def __str__(self) -> str:
        inner = str(self.dim)
        return f"floor({inner if ' ' not in inner else f'({inner})'} / {self.divisor})"


Symbol = str | Floor


@dataclass(frozen=True)
class Size:
    """A linear expression of symbols, as ``4*H`` or ``T + 1``; sizes without symbols are plain numbers (see :func:`normal`)."""

    terms: tuple[tuple[Symbol, int], ...]
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
        text = " + ".join(str(s) if k == 1 else f"{k}{s}" for s, k in self.terms)
        return text + (f" {'+' if self.constant > 0 else '-'} {abs(self.constant)}" if self.constant else "")

    @property
    def free(self) -> frozenset[str]:
        """The symbols that have to be known for it to be a number."""
        inner = (s.dim.free if isinstance(s, Floor) else frozenset((s,)) for s, _ in self.terms)
        return frozenset[str]().union(*inner)


Dim = int | Size
Shape = tuple[Dim, ...]


def normal(terms: Mapping[Symbol, int], constant: int) -> Dim:
    """The dimension ``sum of terms + constant``: a plain number where no symbol is left."""
    kept = tuple(sorted(((s, k) for s, k in terms.items() if k), key=lambda term: str(term[0])))
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


def floor_divide(dim: Dim, divisor: int) -> Dim:
    """The whole part of ``dim / divisor``."""
    if isinstance(dim, int):
        return dim // divisor
    whole, rest = divmod(dim.constant, divisor)  # floor((a + b) / d) is floor(a / d) + b / d where d divides b
    left = Size(dim.terms, rest)
    exact = divide(left, divisor)
    return (Size(((Floor(left, divisor), 1),)) if exact is None else exact) + whole


def is_known(dim: Dim, sizes: Mapping[str, int]) -> bool:
    """Whether ``dim`` is a number once its symbols have the given ``sizes``."""
    return isinstance(dim, int) or dim.free <= sizes.keys()


def evaluate(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number that ``dim`` stands for when its symbols have the given ``sizes``."""
    if isinstance(dim, int):
        return dim
    return sum((evaluate(s.dim, sizes) // s.divisor if isinstance(s, Floor) else sizes[s]) * k for s, k in dim.terms) + dim.constant


N = symbol("N")
T = symbol("T")


def is_time(dim: Dim) -> bool:
    """Whether a size depends on a number of steps: T, or the ``T_encoder`` of one of several series that differ in length."""
    return isinstance(dim, Size) and bool(dim.free) and all(name == str(T) or name.startswith(f"{T}_") for name in dim.free)


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
