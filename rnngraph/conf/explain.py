"""From pydantic's report of a failed validation to one message in the user's words: class, field, value, expectation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from rnngraph import names
from rnngraph.conf.spelling import unknown_field
from rnngraph.errors import ConfigurationError

EXPECTED: Mapping[str, str] = {
    "bool_type": "expected True or False",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "greater_than": "expected a number greater than {gt:g}",
    "greater_than_equal": "expected a number of at least {ge:g}",
    "int_type": "expected a whole number",
    "less_than": "expected a number less than {lt:g}",
    "less_than_equal": "expected a number of at most {le}",
    "none_required": "expected None",
    "string_too_short": "expected a string that is not empty",
    "string_type": "expected a string",
}
"""pydantic's error types and what was expected."""


def explain(error: ValidationError, owner: str, fields: Mapping[str, FieldInfo], known: Mapping[str, list[str]]) -> ConfigurationError:
    """The ConfigurationError for ``error``, which building an ``owner`` raised; one line per mistake.

    ``fields`` are the owner's, ``known`` the field names of every configuration class.
    """
    problems: list[Any] = error.errors(include_url=False)
    unknown = [p for p in problems if p["type"] == "extra_forbidden"]  # what is missing besides is often what they mean
    return ConfigurationError("\n".join(_line(problem, owner, fields, known) for problem in unknown or problems))


def shown(value: object) -> str:
    """``value`` as the user wrote it, shortened; a class by its name, a configured object by its class."""
    return f"{type(value).__name__}(...)" if isinstance(value, BaseModel) else names.shown(value)


def _line(problem: Any, owner: str, fields: Mapping[str, FieldInfo], known: Mapping[str, list[str]]) -> str:
    path = _path(problem["loc"])
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, ConfigurationError):  # complete in itself: raised by an object inside this one
        return f"{path}: {cause}" if path else str(cause)
    if problem["type"] == "extra_forbidden":
        return unknown_field(path, owner, known)
    description = fields[problem["loc"][0]].description if problem["loc"] else None
    meaning = f" ({description})" if description else ""
    if problem["type"] == "missing":
        return f"{owner}: {path} is missing; give {path}=...{meaning}"
    said = f"{owner}: {path}={shown(problem['input'])}"
    return f"{said}: {cause}" if cause is not None else f"{said}: {_expectation(problem)}{meaning}"


def _expectation(problem: Any) -> str:
    template = EXPECTED.get(problem["type"])
    return template.format(**problem.get("ctx", {})) if template else str(problem["msg"]).replace("Input should be", "expected")


def _path(location: tuple[int | str, ...]) -> str:
    """``("layers", 1)`` as ``layers[1]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
