"""Families of classes of which a field holds one: layers, updaters, input types. Told apart in JSON by their field ``type``.

A family is open. A class enters it by being defined, from outside the package too::

    class MyLayer(RecurrentLayer):
        type: Literal["MyLayer"] = "MyLayer"

It is then accepted in configurations, read from JSON and YAML, and part of the JSON schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import Field
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from rnngraph.conf.base import Configured
from rnngraph.errors import ConfigurationError
from rnngraph.names import nearest, shown, squeezed

FamilyT = TypeVar("FamilyT", bound="Family")


class Family(Configured):
    """Base of a family: a direct subclass founds one, its subclasses that give the field ``type`` a value are the members."""

    noun: ClassVar[str] = "an object"
    """What a member is called in messages."""

    type: str = Field(default="", description="which one it is")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.tag():
            _enter(cls)

    def __init__(self, *values: Any, **fields: Any) -> None:
        cls = type(self)
        if not cls.tag():
            raise ConfigurationError(
                f"{cls.__name__} is a base and describes nothing; use one of {', '.join(m.__name__ for m in choices(cls).values())}"
            )
        super().__init__(*values, **fields)

    @classmethod
    def tag(cls) -> str:
        """The value of the field ``type``; empty for a base of members."""
        return str(cls.model_fields["type"].default)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without ``type``, which the class name tells."""
        return ((name, value) for name, value in super().__repr_args__() if name != "type")


MEMBERS: list[type[Family]] = []
"""All members of all families."""


def choices(family: type[FamilyT]) -> dict[str, type[FamilyT]]:
    """The members that are of class ``family``, by their ``type``."""
    return {cls.tag(): cls for cls in MEMBERS if issubclass(cls, family)}


def _enter(cls: type[Family]) -> None:
    """Make ``cls`` a member of its family, in the place of an earlier version of itself (a notebook's cell that runs again makes one)."""
    founder = next(base for base in cls.__mro__ if Family in base.__bases__)
    twin: type[Family] | None = choices(founder).get(cls.tag())
    if twin is not None:
        name, taken = (f"{c.__module__}.{c.__qualname__}" for c in (cls, twin))
        if name != taken:
            raise ConfigurationError(f"class {name}: type={cls.tag()!r} belongs to {taken} already; give the new class a type of its own")
        MEMBERS.remove(twin)
    MEMBERS.append(cls)


PLACE = "rnngraph_family"
"""Marks the places of families in schemas."""


class _Member:
    """Takes an instance of ``family``, or a mapping with ``type``."""

    def __init__(self, family: type[Family]) -> None:
        self.family = family

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: member(self.family, value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> JsonSchemaValue:
        """A place that ``schema.json_schema`` fills: pydantic's own nesting would not end where a member holds members."""
        return {PLACE: self.family}


if TYPE_CHECKING:
    Member = Annotated[FamilyT, "a member"]
else:

    class Member:
        """The type of a field that holds a member of a family: ``updater: Member[Updater]``."""

        def __class_getitem__(cls, family: type[Family]) -> Any:
            return Annotated[family, _Member(family)]


def member(family: type[FamilyT], value: object) -> FamilyT:
    """``value`` as a member of ``family``: itself, or what a mapping with ``type`` describes. Raises ValueError for anything else."""
    known = choices(family)
    expected = f"expected {family.noun} ({', '.join(known)})"
    if isinstance(value, family):
        return value
    if isinstance(value, type) and issubclass(value, Configured):
        raise ValueError(f"{expected}; this is the class, write {value.__name__}(...)")
    if isinstance(value, Family):
        raise ValueError(f"{expected}, not {value.noun} of type {value.tag()}")
    if not isinstance(value, Mapping):
        raise ValueError(expected)
    if "type" not in value:
        raise ValueError(f"{expected}; the mapping needs the key 'type' that tells which")
    cls = {squeezed(tag): cls for tag, cls in known.items()}.get(squeezed(str(value["type"])))
    if cls is None:
        raise ValueError(f"{expected} as 'type', not {shown(value['type'])}{_hint(str(value['type']), known)}")
    return cls(**keywords({key: v for key, v in value.items() if key != "type"}))


def _hint(tag: str, known: Mapping[str, object]) -> str:
    """Which type was meant."""
    near = nearest(tag, known)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def keywords(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    """``mapping`` as keyword arguments. Raises ValueError for a key that is no string."""
    for key in mapping:
        if not isinstance(key, str):
            raise ValueError(f"the key {key!r} is not a string; expected names of fields as keys")
    return dict(mapping)
