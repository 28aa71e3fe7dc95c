"""Names and values in messages: how names are compared, which come near, how a value is shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 80
"""The most characters of a value that a message shows."""


def squeezed(name: str) -> str:
    """``name`` without what does not matter in it: "XAVIER_UNIFORM", "xavierUniform" and "xavier-uniform" become "xavieruniform"."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names that look most like ``name``, best first; empty where none comes near."""
    by_key = {squeezed(n): n for n in names}
    return [by_key[key] for key in difflib.get_close_matches(squeezed(name), by_key, n=count)]


def shown(value: object) -> str:
    """``value`` as the user wrote it, on one line and shortened; a class by its name."""
    text = value.__name__ if isinstance(value, type) else repr(value)
    if "\n" in text:
        text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
