"""The plain recurrent cell with both products normalised, each by itself (Ba, Kiros and Hinton, Layer Normalization, 2016)."""

from __future__ import annotations

from collections.abc import Callable

from rnngraph.ir.cell import Cell, H, linear, normalize
from rnngraph.ir.graph import Value


def _step(xw: Value, h: Value, R: Value, g: Value, act: Callable[[Value], Value]) -> tuple[Value, ...]:
    """xw: [N, H], g0 LN(W x) + b, normalised for all steps at once; h: [N, H]; R: [H, H]; g: [H], the gain of the recurrent product.

    Where nothing has been seen yet h is 0, and so is LN(R h): there is no recurrent term.
    """
    h = act(xw + normalize(linear(h, R)) * g)
    return h, h


layer_norm_rnn = Cell("layer_norm_rnn", _step, sequences={"xw": H}, states={"h": H}, weights={"R": (H, H), "g": (H,)}, activations=("act",))
