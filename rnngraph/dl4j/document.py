"""Reading JSON objects as DL4J's Jackson wrote them: with classes as ``@class``, and numbers that may be the string "NaN"."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rnngraph.errors import ModelFileError
from rnngraph.names import shown

MOST_OBJECTS, MOST_VALUES = 20_000, 200_000
"""A layer has about 15 objects and lists; values are many where a loss has a weight for each class."""
MOST_LEVELS = 64
"""A schedule in an updater in a layer in three wrappers has about 20."""
INDEX = r"\d{1,9}"
"""A key that counts layers or iterations."""


@dataclass(frozen=True)
class Node:
    """A JSON object and where it stands. Its readers raise ModelFileError that names place, value and expectation."""

    values: Mapping[str, Any]
    where: str

    @property
    def kind(self) -> str:
        """The class without its package: "LSTM"."""
        return str(self.get("@class", str, "a class name")).rpartition(".")[2]

    def has(self, key: str) -> bool:
        """Whether there is a value: null, and the "NaN" that stands for a number that nobody set, are none."""
        return self.values.get(key) not in (None, "NaN")

    def get(self, key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        """The value of ``key``, which is of type ``kind``."""
        value = self.values.get(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            found = "missing" if key not in self.values else shown(value)
            raise ModelFileError(f"{self.where}: {key} is {found}; expected {expected}, as DL4J writes it: save the model again")
        return value

    def number(self, key: str, default: float) -> float:
        """A number that is finite; ``default`` where there is none."""
        if not self.has(key):
            return default
        held = self.get(key, (int, float), "a number")
        try:
            value = float(held)
        except OverflowError:  # a whole number of more digits than a float has
            value = math.inf
        if not math.isfinite(value):
            raise ModelFileError(f"{self.where}: {key} is {shown(held)}; expected a finite number: save the model again")
        return value

    def needed_number(self, key: str, use: str) -> float:
        """A number that is there; ``use`` tells what DL4J would do without."""
        if self.has(key):
            return self.number(key, 0.0)
        raise ModelFileError(f"{self.where}: {key} is {shown(self.values.get(key))}, {use}; expected a number: save the model again")

    def count(self, key: str) -> int:
        """A whole number."""
        return int(self.get(key, int, "a whole number"))

    def text(self, key: str, default: str | None = None) -> str:
        """A string; ``default`` where there is none."""
        if default is not None and not self.has(key):
            return default
        return str(self.get(key, str, "a string"))

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        return bool(self.get(key, bool, "true or false")) if self.has(key) else default

    def counts(self, key: str, least: int = 0) -> tuple[int, ...]:
        """A list of at ``least`` so many whole numbers."""
        values = self.get(key, list, "a list of whole numbers")
        if not all(type(v) is int for v in values) or len(values) < least:
            several = f"{least} whole numbers" if least else "whole numbers"
            raise ModelFileError(f"{self.where}: {key} is {shown(values)}; expected a list of {several}: save the model again")
        return tuple(values)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; empty where there is none."""
        if not self.has(key):
            return ()
        values = self.get(key, list, "a list of strings")
        if not all(isinstance(v, str) for v in values):
            raise ModelFileError(f"{self.where}: {key} is {shown(values)}; expected a list of strings: save the model again")
        return tuple(values)

    def node(self, key: str) -> Node:
        """An object inside."""
        return Node(self.get(key, dict, "an object"), f"{self.where}: {key}")

    def nodes(self, key: str) -> list[Node]:
        """A list of objects inside; empty where there is none."""
        if not self.has(key):
            return []
        found = self.get(key, list, "a list of objects")
        if not all(isinstance(v, dict) for v in found):
            raise ModelFileError(f"{self.where}: {key} holds something that is no object; save the model again")
        return [Node(v, f"{self.where}: {key}[{k}]") for k, v in enumerate(found)]


def parse(text: str, where: str) -> Node:
    """The object that ``text`` holds."""
    if not isinstance(text, str):
        raise ModelFileError(f"{where}: expected JSON text as a str, not a {type(text).__name__}; read a file with Path(...).read_text()")
    for what, marks, most in (("objects and lists", "{[", MOST_OBJECTS), ("values", ",", MOST_VALUES)):
        count = sum(map(text.count, marks))
        if count > most:  # each takes memory, and some of them time
            raise ModelFileError(f"{where}: {count} {what}; expected at most {most}, more than any network has: save the model again")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{where}: not JSON ({error}); expected the file that DL4J writes: save the model again") from error
    if _is_deeper(values, MOST_LEVELS):
        raise ModelFileError(
            f"{where}: objects and lists inside of each other, more than {MOST_LEVELS} deep; expected the file that DL4J writes: "
            "save the model again"
        )
    if not isinstance(values, dict):
        raise ModelFileError(f"{where}: a {type(values).__name__} at the top; expected the object that DL4J writes: save the model again")
    return Node(values, where)


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists stand inside of each other more than ``levels`` deep; level by level, without calls inside of calls."""
    level = [value]
    for _ in range(levels + 1):
        level = [inner for outer in level for inner in _held(outer) if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def _held(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
