"""The gated recurrent unit, with the reset gate behind the product or before it.

``gru_reset_after`` is the form of cuDNN, torch and Keras; ``gru_reset_before`` that of Cho et al. 2014. Both keep as much of the old state
as z says, h = (1 - z) n + z h, written n + z (h - n).
"""

from __future__ import annotations

from collections.abc import Callable

from rnngraph.ir.cell import Cell, H, linear, split
from rnngraph.ir.graph import Value

Activation = Callable[[Value], Value]


def _after(xw: Value, h: Value, R: Value, bR: Value, act: Activation, gate: Activation) -> tuple[Value, ...]:
    """xw: [N, 3H] in the order r, z, n; h: [N, H]; R: [3H, H]; bR: [3H]."""
    r, z, n = split(xw, 3)
    hr, hz, hn = split(linear(h, R) + bR, 3)
    r = gate(r + hr)
    z = gate(z + hz)
    n = act(n + r * hn)
    h = n + z * (h - n)
    return h, h


def _before(xw: Value, h: Value, Rg: Value, Rn: Value, act: Activation, gate: Activation) -> tuple[Value, ...]:
    """xw: [N, 3H] in the order r, z, n; h: [N, H]; Rg: [2H, H], the rows of r and z; Rn: [H, H]."""
    r, z, n = split(xw, 3)
    hr, hz = split(linear(h, Rg), 2)
    r = gate(r + hr)
    z = gate(z + hz)
    n = act(n + linear(r * h, Rn))
    h = n + z * (h - n)
    return h, h


gru_reset_after = Cell(
    "gru",
    _after,
    sequences={"xw": 3 * H},
    states={"h": H},
    weights={"R": (3 * H, H), "bR": (3 * H,)},
    activations=("act", "gate"),
)
gru_reset_before = Cell(
    "gru_reset_before",
    _before,
    sequences={"xw": 3 * H},
    states={"h": H},
    weights={"Rg": (2 * H, H), "Rn": (H, H)},
    activations=("act", "gate"),
)
