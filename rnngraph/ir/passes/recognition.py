"""Which cell a body computes: what the passes that fuse cells ask."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from rnngraph.ir.cell import Cell, trace
from rnngraph.ir.graph import Body
from rnngraph.ir.text import canonical


@lru_cache(maxsize=1024)
def recognised(body: Body, cells: tuple[Cell, ...]) -> tuple[str, str, Cell] | None:
    """(activation, gate activation, cell) where the body's structure is that of one of ``cells``, which take ``act`` and ``gate``.

    None where it is another cell.
    """
    structure = canonical(body)
    names = dict.fromkeys(str(n.attributes["name"]) for n in body.nodes if n.op == "activation")
    for act, gate in product(names, repeat=2):
        for cell in cells:
            if canonical(trace(cell, act=act, gate=gate)) == structure:
                return act, gate, cell
    return None
