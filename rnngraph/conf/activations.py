"""Activations, for layers and gates: a name (``"tanh"``), or an object where one has parameters (``ELU(alpha=0.5)``).

What they compute stands in ``rnngraph.ir.activations``.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from rnngraph.conf.family import PLACE, Family, choices, member
from rnngraph.conf.fields import NonNegative, Positive, Real
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError
from rnngraph.ir.activations import ACTIVATIONS as BUILT_IN
from rnngraph.ir.activations import lookup, names, spelled
from rnngraph.names import squeezed

ACTIVATIONS = tuple(BUILT_IN)
"""DL4J's, by name."""

PROBABILITIES = ("hardsigmoid", "rectifiedtanh", "sigmoid", "softmax")
"""Those whose values lie in [0, 1]."""


class Activation(Family):
    """Base of the activations with parameters. Their defaults are those of the plain name."""

    noun: ClassVar[str] = "an activation with parameters"

    def __str__(self) -> str:
        """As nodes of the representation spell it: ``elu(alpha=0.5)``."""
        parameters = {name: value for name, value in self if name != "type"}
        return spelled(self.tag().lower(), **parameters)


class ELU(Activation):
    """x above 0, ``alpha · (e^x - 1)`` below (Clevert, Unterthiner and Hochreiter 2016)."""

    positional: ClassVar[tuple[str, ...]] = ("alpha",)

    type: Literal["ELU"] = "ELU"
    alpha: NonNegative = Field(default=1.0, kw_only=False, description="minus the limit for large negative x")


class LeakyReLU(Activation):
    """x from 0 on, ``alpha · x`` below."""

    positional: ClassVar[tuple[str, ...]] = ("alpha",)

    type: Literal["LeakyReLU"] = "LeakyReLU"
    alpha: Real = Field(default=0.01, kw_only=False, description="slope below 0")


class ReLU(Activation):
    """x from ``threshold`` on, ``negative_slope · (x - threshold)`` below, ``max`` at most (DL4J's ``ActivationReLU``)."""

    positional: ClassVar[tuple[str, ...]] = ("max", "threshold", "negative_slope")

    type: Literal["ReLU"] = "ReLU"
    max: Positive | None = Field(default=None, kw_only=False, description="largest value; None: no limit")
    threshold: Real = Field(default=0.0, kw_only=False, description="where x itself begins")
    negative_slope: Real = Field(default=0.0, kw_only=False, description="slope below the threshold")


class ThresholdedReLU(Activation):
    """x above ``theta``, else 0."""

    positional: ClassVar[tuple[str, ...]] = ("theta",)

    type: Literal["ThresholdedReLU"] = "ThresholdedReLU"
    theta: Real = Field(default=1.0, kw_only=False, description="where x begins to pass")


class RReLU(Activation):
    """x from 0 on; below, x times a slope that is drawn between ``lower`` and ``upper`` in training and their mean otherwise.

    This version does not draw: ``fit`` refuses it (Xu et al. 2015).
    """

    positional: ClassVar[tuple[str, ...]] = ("lower", "upper")

    type: Literal["RReLU"] = "RReLU"
    lower: Real = Field(default=1.0 / 8.0, kw_only=False, description="smallest slope below 0")
    upper: Real = Field(default=1.0 / 3.0, kw_only=False, description="largest slope below 0")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower > self.upper:
            raise ConfigurationError(f"RReLU: lower={self.lower:g} is above upper={self.upper:g}; give the smaller slope as lower")
        return self


class GELU(Activation):
    """``x sigmoid(1.702 x)``, or ``precise`` by tanh: ``x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`` (Hendrycks and Gimpel 2016)."""

    positional: ClassVar[tuple[str, ...]] = ("precise",)

    type: Literal["GELU"] = "GELU"
    precise: bool = Field(default=False, kw_only=False, description="whether the form with tanh is taken")


class _Chosen:
    """Takes a name, an :class:`Activation`, or a mapping with ``type``."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(chosen)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "enum": list(names())}, {PLACE: Activation}]}


ActivationName = Annotated[str | Activation, _Chosen()]
"""The type of a field that holds an activation; ``str()`` of it is what the representation takes."""


def chosen(value: object) -> str | Activation:
    """``value`` as a name of an activation or as an object. Raises ValueError that offers the nearest names."""
    if isinstance(value, str):
        return spell(value, names())
    if isinstance(value, type) and issubclass(value, Activation):
        raise ValueError(f"expected an activation's name or object; this is the class, write {value.__name__}(...)")
    if isinstance(value, Activation) or hasattr(value, "keys"):
        return member(Activation, _with_case(value))
    objects = " or ".join(choices(Activation))
    raise ValueError(f"expected an activation's name as a string ({', '.join(names())}), or an object with parameters as {objects}")


def _with_case(value: Any) -> Any:
    """A mapping whose ``type`` names an activation without parameters is told so."""
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and squeezed(kind) in {squeezed(n) for n in names()} - {squeezed(t) for t in choices(Activation)}:
        raise ValueError(f"{kind} has no parameters; write its name alone, as the string {spell(kind, names())!r}")
    return value


def name_of(activation: str | Activation) -> str:
    """The activation's name without its parameters."""
    return lookup(str(activation)).name
