"""Names of activations, losses, initialisers and modes: case, underscores and hyphens do not matter on input."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def squeezed(name: str) -> str:
    """``name`` without what does not matter in it: "XAVIER_UNIFORM", "xavierUniform" and "xavier-uniform" become "xavieruniform"."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names that look most like ``name``, best first; empty where none comes near."""
    by_key = {squeezed(n): n for n in names}
    return [by_key[key] for key in difflib.get_close_matches(squeezed(name), by_key, n=count)]


def spell(value: object, names: Iterable[str], aliases: Mapping[str, str] | None = None) -> str:
    """The name of ``names`` that ``value`` means; an alias stands for the name that it maps to.

    Raises ValueError that lists the names and offers the nearest.
    """
    known = {squeezed(n): n for n in names} | {squeezed(a): n for a, n in (aliases or {}).items()}
    expected = f"expected one of {', '.join(names)}"
    if not isinstance(value, str):
        raise ValueError(f"{expected}, as a string")
    if squeezed(value) in known:
        return known[squeezed(value)]
    near = nearest(value, [*names, *(aliases or {})])
    raise ValueError(f"{expected}; did you mean {' or '.join(map(repr, near))}?" if near else expected)
