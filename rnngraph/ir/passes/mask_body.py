"""A cell's step that obeys a mask, for loops that have no mask of their own."""

from __future__ import annotations

from functools import lru_cache

from rnngraph.errors import GraphError
from rnngraph.ir.cell import where
from rnngraph.ir.graph import Body, Value
from rnngraph.ir.rewrite import copied_body
from rnngraph.ir.types import N, TensorType, floats


@lru_cache(maxsize=1024)
def mask_body(body: Body, mode: str) -> Body:
    """The body with one more sequence ``m``, bool [N, 1], the last of its sequences; one masked body per body and mode.

    Where m is false the next states are the old ones (``mode="hold"``) or 0 (``"reset"``). The output is as it was: set it to 0 at masked
    steps outside the loop, for all steps at once.
    """
    masked, (y, *states) = _maskable(body, mode)
    m = masked.argument("m", TensorType("bool", (N, 1)))
    masked.sequences.append(m)
    kept = [where(m, new, old if mode == "hold" else 0.0) for new, old in zip(states, masked.states, strict=True)]
    masked.results = [y, *kept]
    return masked


@lru_cache(maxsize=1024)
def mask_body_by_factors(body: Body, mode: str) -> Body:
    """By products, with ``m`` and for "hold" ``rest`` = 1 - m, floats [N, 1] of 1 and 0; the output is 0 at masked steps.

    For bodies that :func:`~rnngraph.ir.passes.mask_factors.mask_factors` chooses.
    """
    masked, (y, *states) = _maskable(body, mode)
    m = masked.argument("m", floats(N, 1))
    masked.sequences.append(m)
    products = {value: value * m for value in dict.fromkeys((y, *states))}
    kept = [products[new] for new in states]
    if mode == "hold":
        rest = masked.argument("rest", floats(N, 1))
        masked.sequences.append(rest)
        kept = [new + old * rest for new, old in zip(kept, masked.states, strict=True)]
    masked.results = [products[y], *kept]
    return masked


def _maskable(body: Body, mode: str) -> tuple[Body, list[Value]]:
    if mode not in ("hold", "reset"):
        raise GraphError(f"mask_body: mode {mode!r}; expected 'hold' or 'reset', leave an unmasked body as it is")
    return copied_body(body)
