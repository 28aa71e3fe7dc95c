"""Values that are not finite, in sequences that were read: an error, zeros, or steps that do not count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnngraph.data.record_reader import Tables
from rnngraph.errors import InputError
from rnngraph.names import shown

POLICIES = ("error", "zero", "mask")
Place = Callable[[int, int, int], str]
"""What to call row, step and column of a table."""


def check_policy(nan: object) -> None:
    """InputError for what is no policy."""
    if nan not in POLICIES:
        raise InputError(f"nan is {shown(nan)}; expected 'error', 'zero' (0 in its place) or 'mask' (the step does not count)")


def refuse_gaps(tables: Tables, place: Place) -> None:
    """InputError that names the first value of the tables [T, C] that is not finite."""
    if np.isfinite(np.concatenate(tables) if isinstance(tables, list) else tables).all():
        return
    for row, table in enumerate(tables):
        bad = ~np.isfinite(table)
        if bad.any():
            step, column = np.argwhere(bad)[0].tolist()
            raise InputError(
                f"{place(row, step, column)} is {table[step, column]}; expected a finite number: nan='zero' takes 0 in its place, "
                "nan='mask' leaves the step out"
            )


def zeroed(array: np.ndarray) -> np.ndarray | None:
    """Where a step of ``array`` [N, C, T] (row of [N, C]) had a value that is not finite, [N, T] ([N]); those values are 0 then."""
    bad = ~np.isfinite(array)
    if not bad.any():
        return None
    array[bad] = 0
    steps: np.ndarray = bad.any(axis=1)
    return steps


def without(mask: np.ndarray | None, gaps: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    """``mask``, None for all ones of ``like``'s shape, with 0 at the gaps; a new array."""
    made = np.ones_like(like, like.dtype) if mask is None else mask.copy()
    if gaps is not None:
        made[gaps] = 0
    return made
