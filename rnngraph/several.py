"""One value for each input of a graph, as callers give them: a list, a mapping by name, or where there is one input the value itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnngraph.errors import InputError
from rnngraph.ids import is_one_step
from rnngraph.names import shown

_RANKS = {2: True, 4: True, 3: False, 5: False}
"""Whether an array of features or images of this rank is one step."""


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


def is_single_step(series: Iterable[tuple[str, Any, bool]]) -> bool:
    """Whether one step of each series was given, without a time axis: (input, array, whether it takes ids) for each.

    Ids [N, 1] may be either, as what has a rank that no series has. InputError where some have a time axis and others not.
    """
    forms: dict[bool, str] = {}
    for name, array, ids in series:
        rank = np.ndim(array)
        if not ids and rank in _RANKS:
            forms.setdefault(_RANKS[rank], name)
        elif ids and (rank == 1 or not is_one_step(array)):
            forms.setdefault(rank == 1, name)
    if len(forms) > 1:
        raise InputError(
            f"input {forms[True]!r} is one step without a time axis, input {forms[False]!r} has one; give one step of every series "
            "without a time axis, or each with one"
        )
    return False not in forms
