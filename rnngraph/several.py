"""One value for each input of a graph, as callers give them: a list, a mapping by name, or where there is one input the value itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnngraph.errors import InputError
from rnngraph.names import shown


def one_for_each(value: Any, names: Sequence[str], what: str, owner: str, *, partly: bool = False) -> Sequence[Any]:
    """``value`` in the order of the inputs' ``names``. With ``partly`` a mapping may leave some out, which are None then.

    ``what`` names the value and ``owner`` whose inputs they are, for messages. InputError for another number, and for names that are
    missing or unknown.
    """
    listed = f"the input{'s' * (len(names) > 1)} {', '.join(map(repr, names))}"
    if isinstance(value, Mapping):
        missing = [name for name in names if name not in value and not partly]
        unknown = [name for name in value if name not in names]
        if missing or unknown:
            told = [f"missing: {', '.join(map(repr, missing))}"] * bool(missing)
            told += [f"unknown: {', '.join(map(shown, unknown))}"] * bool(unknown)
            raise InputError(f"{what}: {'; '.join(told)}; {owner} has {listed}")
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise InputError(f"{what} is a list of {len(value)}, but {owner} has {listed}; give one for each, in this order")
        return value
    if len(names) == 1 and isinstance(value, np.ndarray):
        return [value]
    raise InputError(f"{what} is {shown(value)}, but {owner} has {listed}; give a list in this order, or a mapping by name")
