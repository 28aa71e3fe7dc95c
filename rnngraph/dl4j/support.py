"""Whether rnngraph has what a model of DL4J's asks for: by asking rnngraph's own classes, so that no list has to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.conf import Layer
from rnngraph.conf.family import MEMBERS, choices
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.errors import ConfigurationError, ModelFileError


def accepted(field: str, value: Any, element: str, where: str, kind: str = "DenseLayer", n_out: int = 2) -> Any:
    """``value`` as layers of class ``kind`` hold it in ``field``.

    UnsupportedError, which calls it ``element``, where they take no such; ModelFileError, which tells value and range, where only a number
    of it is one that no such thing has.
    """
    cls = _class(kind)
    if cls is None or field not in cls.model_fields:
        raise UnsupportedError(where, element)
    needed = {"n_out": n_out} if kind != "DropoutLayer" else {}
    try:
        return getattr(cls(**needed, **{field: value}), field)
    except ConfigurationError as error:
        if _is_known(value):
            raise ModelFileError(f"{where}: {error}; correct it in DL4J and save the model again") from error
        raise UnsupportedError(where, element, _expectation(error)) from error


def _is_known(value: Any) -> bool:
    """Whether rnngraph has the class that a mapping describes, with all its fields, and those that stand inside."""
    cls = next((cls for cls in MEMBERS if cls.tag() == value.get("type")), None) if isinstance(value, Mapping) else None
    if cls is None or not value.keys() <= cls.model_fields.keys():
        return False
    return all(_is_known(held) for held in value.values() if isinstance(held, Mapping) and "type" in held)


def construct(kind: str, fields: Mapping[str, Any], where: str) -> Layer:
    """The layer of class ``kind``; a field that is None is left out.

    UnsupportedError for a class or field that rnngraph does not have, and for a layer that a wrapper cannot hold; ModelFileError for
    values that no layer can have.
    """
    cls = _class(kind)
    if cls is None:
        raise UnsupportedError(where, f"layer {kind}")
    given = {name: value for name, value in fields.items() if value is not None}
    for name in given:
        if name not in cls.model_fields:
            raise UnsupportedError(where, f"{name} of {kind}")
    inner = given.get("layer")
    if inner is not None:
        try:
            cls(layer=inner)
        except ConfigurationError as error:
            raise UnsupportedError(where, f"{inner.tag()} inside {kind}", _expectation(error)) from error
    try:
        made: Layer = cls(**given)
        return made
    except ConfigurationError as error:
        raise ModelFileError(f"{where}: {error}") from error


def has_field(kind: str, field: str) -> bool:
    """Whether layers of class ``kind`` have a field of that name."""
    cls = _class(kind)
    return cls is not None and field in cls.model_fields


def _class(kind: str) -> Any:
    """The class of layers that is called so, None where there is none."""
    members: Mapping[str, Any] = choices(Layer)
    return members.get(kind)


def _expectation(error: ConfigurationError) -> str:
    """What was expected, without the value that the user of a file has not written."""
    message = str(error)
    return message[max(message.find("expected"), 0) :]
