"""Names of activations, losses, initialisers and modes: case, underscores and hyphens do not matter on input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnngraph.names import nearest, squeezed


def spell(value: object, names: Iterable[str], aliases: Mapping[str, str] | None = None, foreign: Iterable[str] = ()) -> str:
    """The name of ``names`` that ``value`` means; an alias stands for the name that it maps to.

    ``foreign`` are names that mean something else and are not there, for which the nearest would be a wrong one.
    Raises ValueError that lists the names and offers the nearest.
    """
    known = {squeezed(n): n for n in names} | {squeezed(a): n for a, n in (aliases or {}).items()}
    expected = f"expected one of {', '.join(names)}"
    if not isinstance(value, str):
        raise ValueError(f"{expected}, as a string")
    if squeezed(value) in known:
        return known[squeezed(value)]
    if squeezed(value) in map(squeezed, foreign):
        raise ValueError(f"{expected}; {value} is not in this version of rnngraph")
    near = nearest(value, [*names, *(aliases or {})])
    raise ValueError(f"{expected}; did you mean {' or '.join(map(repr, near))}?" if near else expected)
