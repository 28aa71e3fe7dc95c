"""The base of everything that a user configures: frozen, checked when it is made, and clear about mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, dataclass_transform

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic._internal._model_construction import ModelMetaclass  # it has no public name

from rnngraph.conf.explain import explain, shown
from rnngraph.conf.spelling import unknown_field
from rnngraph.errors import ConfigurationError
from rnngraph.names import squeezed
from rnngraph.spelling import no_attribute


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))  # as its base: type checkers do not look there
class ConfiguredType(ModelMetaclass):
    """The class of configuration classes, so that ``InputType.feedForward`` is told rnngraph's spelling too."""

    if not TYPE_CHECKING:  # hidden from the type checker, to which a class with __getattr__ has every name

        def __getattr__(cls, name: str) -> Any:
            """Called for names that do not exist only; pydantic asks for some while a class is made."""
            if name.startswith("_") or not vars(cls).get("__pydantic_complete__"):
                return super().__getattr__(name)
            field = next((f for f in cls.model_fields if squeezed(f) == squeezed(name)), None)
            if field is not None:
                raise AttributeError(f"{cls.__name__}.{name}: {field} is a field of its objects; make one first", name=name)
            raise no_attribute(cls, name, own_names(cls))


def own_names(cls: type) -> list[str]:
    """The public names of ``cls`` that pydantic has not given it."""
    return [name for name in dir(cls) if not name.startswith("_") and not hasattr(BaseModel, name)]


class Configured(BaseModel, metaclass=ConfiguredType):
    """A frozen object whose fields are checked on construction; mistakes are ConfigurationErrors that name class, field, value and remedy.

    A field name that does not exist is refused with rnngraph's spelling of it (``nIn``: write n_in).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    positional: ClassVar[tuple[str, ...]] = ()
    """The fields that may be given without their name, in order."""
    aliases: ClassVar[Mapping[str, str]] = {}
    """Other names under which a field may be given."""
    known_fields: ClassVar[dict[str, list[str]]] = {}
    """The field names of every configuration class, by class name."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        kind = cls.model_fields.get("type")
        if kind is None or kind.default:  # not the base of a family
            cls.known_fields[cls.__name__] = [f for f in cls.model_fields if f != "type"]

    def __init__(self, *values: Any, **fields: Any) -> None:
        named = self._by_name(values, fields)
        try:
            super().__init__(**named)
        except ValidationError as error:
            cls = type(self)
            raise explain(error, cls.__name__, cls.model_fields, cls.known_fields) from None

    @classmethod
    def _by_name(cls, values: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any]:
        """All settings under the names of their fields."""
        if len(values) > len(cls.positional):
            raise ConfigurationError(cls._name_them(values))
        out: dict[str, Any] = {}
        for name, value in [*zip(cls.positional, values, strict=False), *((cls.aliases.get(n, n), v) for n, v in fields.items())]:
            if name in out:
                raise ConfigurationError(f"{cls.__name__}: {name} is given twice, as {shown(out[name])} and {shown(value)}; give it once")
            out[name] = value
        return out

    @classmethod
    def _name_them(cls, values: tuple[Any, ...]) -> str:
        """The message for values that were given without names."""
        fields = cls.known_fields[cls.__name__]
        required = [name for name in fields if cls.model_fields[name].is_required()]
        names = ["n_in", "n_out"] if "n_in" in fields else required or fields
        example = ", ".join(f"{name}={shown(value)}" for name, value in zip(names, values, strict=False))
        given = ", ".join(shown(v) for v in values)
        return f"{cls.__name__}({given}): give values by name, as in {cls.__name__}({example})"

    @classmethod
    def Builder(cls, *_: Any, **__: Any) -> NoReturn:
        """DL4J's builders do not exist here: always raises ConfigurationError."""
        raise ConfigurationError(f"{cls.__name__}.Builder: there are no builders; give the settings as {cls.__name__}(name=value, ...)")

    def replaced(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked as a new object is."""
        fields = {
            name: getattr(self, name) for name in type(self).model_fields
        }  # dict(self) would ask for keys(), a name like any wrong one
        return type(self)(**{**fields, **changes})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """pydantic's copy, but ``update`` is checked; nothing inside can change, so ``deep`` makes no difference."""
        return self.replaced(**(update or {}))

    if not TYPE_CHECKING:  # hidden from the type checker, to which a class with __getattr__ has every name

        def __getattr__(self, name: str) -> Any:
            """Called for names that do not exist only."""
            if name.startswith("_"):
                return super().__getattr__(name)
            cls = type(self)
            if squeezed(name) in map(squeezed, own_names(cls)):
                raise no_attribute(cls, name, own_names(cls))
            raise AttributeError(unknown_field(name, cls.__name__, self.known_fields), name=name, obj=self)

        def __setattr__(self, name: str, value: Any) -> None:
            cls, change = type(self).__name__, f"{name}={shown(value)}"
            raise ConfigurationError(f"{cls}: {change}: it cannot be changed; make a new one, as by replaced({change})")

        def __delattr__(self, name: str) -> None:
            cls = type(self).__name__
            raise ConfigurationError(f"{cls}: del {name}: it cannot be changed; make a new one")
