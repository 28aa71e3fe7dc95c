"""Checks of the ids that callers give where a network begins with an embedding: numpy only, for the network and for the runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric
from rnngraph.errors import InputError


def as_ids(
    x: ArrayLike, count: int, mask: np.ndarray | None = None, name: str = "x", step_allowed: bool = False, time: bool = True
) -> np.ndarray:
    """Ids from 0 to ``count`` - 1 as int64: [N, T] from [N, T] or [N, 1, T]; without a time axis [N, 1] from [N, 1] or [N].

    With ``step_allowed`` one step may be given as [N]. Floats that are whole numbers are taken. Where ``mask`` [N, T] is 0 anything may
    stand; it comes back as 0. Raises InputError for another type or shape, and for an id that does not exist, named with its position.
    """
    array = id_array(x, name, step_allowed, time)
    if mask is not None:
        array = np.where(mask != 0, array, 0)
    with np.errstate(invalid="ignore"):
        ids = array.astype(np.int64)
    good = (ids == array) & (ids >= 0) & (ids < count)
    if np.count_nonzero(good) != good.size:
        position = np.argwhere(~good)[0].tolist()
        where = ", ".join(f"{axis} {index}" for axis, index in zip(("row", "step"), position if time else position[:1], strict=False))
        raise InputError(
            f"{name} is {array[tuple(position)]} at {where}, the first of {np.count_nonzero(~good)} that are no ids; the network's "
            f"embedding has the ids 0 to {count - 1}, whole numbers" + (": mask steps that do not exist" if time else "")
        )
    return np.ascontiguousarray(ids)


def id_array(x: ArrayLike, name: str, step_allowed: bool = False, time: bool = True) -> np.ndarray:
    """Ids as numbers [N, T] ([N, 1] without a time axis), their values not looked at. Raises InputError for another type or shape."""
    array = as_numeric(x, name)
    if time and array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 1 and (step_allowed or not time):
        array = array[:, None]
    if array.ndim != 2 or not array.size or (not time and array.shape[1] != 1):
        expected = "ids [N, T] or [N, 1, T]" if time else "one id a row, [N, 1] or [N]"
        step = ", or [N] for one step" if time and step_allowed else ""
        raise InputError(
            f"{name} has shape {list(np.shape(x))}; expected {expected}{step}, with at least one row{' and step' * time}: "
            "the network begins with an embedding, which takes the numbers of ids, not one-hot vectors"
        )
    return array


def is_one_step(x: ArrayLike) -> bool:
    """Whether ids that were given to a step are one for each row, [N] or [N, 1], whose output has no time axis."""
    return np.ndim(x) == 1 or (np.ndim(x) == 2 and np.shape(x)[1] == 1)
