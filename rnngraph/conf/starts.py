"""What the states of a recurrent layer begin with, as a layer's ``initial_state`` says it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from pydantic import PlainValidator, WithJsonSchema

from rnngraph.conf.fields import plain
from rnngraph.names import shown, squeezed

LEARNED = "learned"
ZEROS = "zeros"

Start: TypeAlias = str | float | tuple[float, ...]
"""Of one state: "learned", a number for all units, or one for each."""


class Starts(dict[str, Start]):
    """By state; those that begin at zero are left out. It can be hashed, as all that a configuration holds."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none
        return hash(frozenset(self.items()))


def _start(value: object) -> Start | None:
    """One value in its canonical form, None for zeros. ValueError for what is none."""
    if isinstance(value, str) and squeezed(value) in (LEARNED, ZEROS):
        return LEARNED if squeezed(value) == LEARNED else None
    value = value.tolist() if isinstance(value, np.ndarray) else plain(value)
    several = isinstance(value, (list, tuple))
    numbers: list[Any] = [plain(v) for v in value] if isinstance(value, (list, tuple)) else [value]
    wrong = [v for v in numbers if isinstance(v, bool) or not isinstance(v, (int, float))]
    if wrong or not numbers:
        found = shown(wrong[0] if several and wrong else value)
        raise ValueError(f"{found} is none of these; expected 'learned', 'zeros', a number for all units, or a list of one for each unit")
    infinite = next((k for k, v in enumerate(numbers) if not abs(v) <= sys.float_info.max), None)
    if infinite is not None:
        raise ValueError(f"{shown(numbers[infinite])}{f' at {infinite}' * several} is not finite; a state begins with finite numbers")
    made = tuple(map(float, numbers))
    if not any(made):
        return None
    return made if several else made[0]


def _starts(value: object) -> Start | Starts | None:
    """The canonical form: a mapping without what is zero, one value for all states, or None."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return _start(value)
    found = Starts()
    for key, one in value.items():
        if not isinstance(key, str):
            raise ValueError(f"the key {shown(key)} is no state; expected names of states, as {{'h': 'learned'}}")
        try:
            start = _start(one)
        except ValueError as error:
            raise ValueError(f"state {key!r}: {error}") from None
        if start is not None:
            found[key] = start
    return found or None


_ONE: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "enum": [LEARNED, ZEROS]},
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1},
    ]
}
_SCHEMA: dict[str, Any] = {"anyOf": [*_ONE["anyOf"], {"type": "object", "additionalProperties": _ONE}, {"type": "null"}]}

if TYPE_CHECKING:
    Given: TypeAlias = str | float | Sequence[float] | np.ndarray
    InitialState: TypeAlias = Given | Mapping[str, Given] | None
else:
    InitialState = Annotated[Any, PlainValidator(_starts), WithJsonSchema(_SCHEMA)]
    """One value for all states of a layer, or a mapping from states to values; once the layer is made None, a Start or Starts."""
