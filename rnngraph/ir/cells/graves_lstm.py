"""The LSTM with peepholes (Graves, Supervised Sequence Labelling with Recurrent Neural Networks, 2012; Graves 2013, eqs. 7-11)."""

from __future__ import annotations

from collections.abc import Callable

from rnngraph.ir.cell import Cell, H, linear, rows, split
from rnngraph.ir.graph import Value

Activation = Callable[[Value], Value]


def _step(xw: Value, h: Value, c: Value, R: Value, P: Value, act: Activation, gate: Activation) -> tuple[Value, ...]:
    """xw: [N, 4H] in the order i, f, g, o; h, c: [N, H]; R: [4H, H]; P: [3, H], the peepholes of i, f and o."""
    p_i, p_f, p_o = rows(P, 3)
    i, f, g, o = split(xw + linear(h, R), 4)
    i = gate(i + p_i * c)
    f = gate(f + p_f * c)
    c = f * c + i * act(g)
    o = gate(o + p_o * c)
    h = o * act(c)
    return h, h, c


graves_lstm = Cell(
    "graves_lstm",
    _step,
    sequences={"xw": 4 * H},
    states={"h": H, "c": H},
    weights={"R": (4 * H, H), "P": (3, H)},
    activations=("act", "gate"),
)
