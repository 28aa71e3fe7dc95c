"""The LSTM with a forget gate and without peepholes (Gers, Schmidhuber and Cummins 2000)."""

from __future__ import annotations

from collections.abc import Callable

from rnngraph.ir.cell import Cell, H, linear, split
from rnngraph.ir.graph import Value

Activation = Callable[[Value], Value]


def _step(xw: Value, h: Value, c: Value, R: Value, act: Activation, gate: Activation) -> tuple[Value, ...]:
    """xw: [N, 4H] in the order i, f, g, o; h, c: [N, H]; R: [4H, H]."""
    i, f, g, o = split(xw + linear(h, R), 4)
    c = gate(f) * c + gate(i) * act(g)
    h = gate(o) * act(c)
    return h, h, c


lstm = Cell("lstm", _step, sequences={"xw": 4 * H}, states={"h": H, "c": H}, weights={"R": (4 * H, H)}, activations=("act", "gate"))
