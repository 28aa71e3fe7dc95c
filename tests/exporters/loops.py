"""The cells as plain loops over steps and rows in numpy, written apart from the package's own equations; masked steps are skipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def act(name: str, x: Array) -> Array:
    """Activation ``name``, after DL4J's definitions."""
    v = 2 * x / 3
    table: dict[str, Any] = {
        "identity": lambda: x,
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "tanh": lambda: np.tanh(x),
        "relu": lambda: np.where(x > 0, x, 0),
        "elu": lambda: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        "softsign": lambda: x / (1 + np.abs(x)),
        "hardsigmoid": lambda: np.clip(0.2 * x + 0.5, 0, 1),
        "rationaltanh": lambda: 1.7159 * np.sign(v) * (1 - 1 / (1 + np.abs(v) + v**2 + 1.41645 * v**4)),
        "softmax": lambda: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
    }
    result: Array = table[name]()
    return result


def cell(x: Array, p: dict[str, Array], state: dict[str, Array], mask: Array, activation: str, gate: str) -> tuple[Array, dict[str, Array]]:
    """One row: x [F, T], mask [T] -> output [H, T] and the last states. Parameters W, R, b, perhaps P; an LSTM if there is a state c.

    Else by the rows of R: a GRU if there are three blocks of them, its reset gate behind the product if there is bR.
    """
    h = state["h"].astype(np.float64)
    c = state["c"].astype(np.float64) if "c" in state else None
    y = np.zeros((len(h), x.shape[1]))
    for t in range(x.shape[1]):
        if not mask[t]:
            continue
        z = p["W"] @ x[:, t] + p["R"] @ h + p["b"]
        if c is None and len(z) == 3 * len(h):
            a, b, n = (p["W"] @ x[:, t] + p["b"]).reshape(3, -1)
            r_r, r_z, r_n = p["R"].reshape(3, len(h), len(h))
            c_r, c_z, c_n = p.get("bR", np.zeros(3 * len(h))).reshape(3, -1)
            r = act(gate, a + r_r @ h + c_r)
            u = act(gate, b + r_z @ h + c_z)
            n = act(activation, n + (r * (r_n @ h + c_n) if "bR" in p else r_n @ (r * h)))
            h = (1 - u) * n + u * h
        elif c is None:
            h = act(activation, z)
        else:
            i, f, g, o = z.reshape(4, -1)
            pi, pf, po = p.get("P", np.zeros((3, len(h))))
            i, f = act(gate, i + pi * c), act(gate, f + pf * c)
            c = f * c + i * act(activation, g)
            h = act(gate, o + po * c) * act(activation, c)
        y[:, t] = h
    return y, {"h": h} if c is None else {"h": h, "c": c}
