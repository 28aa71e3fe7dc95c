"""The plain recurrent cell (Elman 1990)."""

from __future__ import annotations

from collections.abc import Callable

from rnngraph.ir.cell import Cell, H, linear
from rnngraph.ir.graph import Value


def _step(xw: Value, h: Value, R: Value, act: Callable[[Value], Value]) -> tuple[Value, ...]:
    """xw, h: [N, H]; R: [H, H]."""
    h = act(xw + linear(h, R))
    return h, h


simple_rnn = Cell("simple_rnn", _step, sequences={"xw": H}, states={"h": H}, weights={"R": (H, H)}, activations=("act",))
