"""Constraints on parameters: what they are brought back to after each update (``org.deeplearning4j.nn.conf.constraint``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rnngraph.conf.family import Family, Member
from rnngraph.conf.fields import NonNegative, Positive, Probability, plain
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError

On = Literal["weights", "input_weights", "recurrent_weights", "biases", "all"]
PARAMETERS: tuple[str, ...] = get_args(On)


def _several(value: object) -> object:
    """One dimension or several, as a tuple."""
    values = tuple(map(plain, value if isinstance(value, (list, tuple)) else [value]))
    wrong = any(isinstance(v, bool) or not isinstance(v, int) or not 0 <= v <= 3 for v in values)
    if wrong or not values or len(set(values)) < len(values):
        raise ValueError("expected dimensions from 0 to 3, at least one and each once, such as 1 or (0, 1)")
    return values


OVER = "dimensions over which the norm is taken, as DL4J counts them"
if TYPE_CHECKING:
    Dimensions: TypeAlias = int | tuple[int, ...]
else:
    Dimensions = Annotated[tuple[int, ...], BeforeValidator(_several)]
    """One dimension or several; a tuple of them once the constraint is made."""


class Constraint(Family):
    """Base of the constraints. ``on`` says on which of a layer's parameters they act."""

    noun: ClassVar[str] = "a constraint"

    on: Annotated[On, BeforeValidator(lambda v: spell(v, PARAMETERS))] = Field(
        default="weights", description="the parameters that it acts on"
    )


class NormConstraint(Constraint):
    """Base of the constraints on norms, the square root of the sum of squares over ``dimensions``.

    Dimensions are counted as DL4J's weights have them, [n_in, n_out], filters [n_out, n_in, height, width]: 1 is the norm of what leaves
    an input, 0 that of what reaches a unit, (0, 1) that of the whole matrix. Peepholes belong to the recurrent weights [H, 4H + 3].
    """


class MaxNormConstraint(NormConstraint):
    """Norms of at most ``max_norm``: w · min(norm, max_norm) / (norm + 1e-6)."""

    positional: ClassVar[tuple[str, ...]] = ("max_norm", "dimensions")
    type: Literal["MaxNormConstraint"] = "MaxNormConstraint"
    max_norm: Positive = Field(kw_only=False, description="the largest norm")
    dimensions: Dimensions = Field(default=(1,), kw_only=False, description=OVER)


class MinMaxNormConstraint(NormConstraint):
    """Norms between ``min_norm`` and ``max_norm``, s = clip(norm, min_norm, max_norm) / (norm + 1e-6): w · s.

    With a ``rate`` below 1, w · (rate s + (1 - rate) (norm + 1e-6)), as DL4J has it.
    """

    positional: ClassVar[tuple[str, ...]] = ("min_norm", "max_norm", "rate", "dimensions")
    type: Literal["MinMaxNormConstraint"] = "MinMaxNormConstraint"
    min_norm: NonNegative = Field(kw_only=False, description="the smallest norm")
    max_norm: Positive = Field(kw_only=False, description="the largest norm")
    rate: Probability = Field(default=1.0, kw_only=False, description="how much of the way is gone at each update")
    dimensions: Dimensions = Field(default=(1,), kw_only=False, description=OVER)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_norm > self.max_norm:
            raise ConfigurationError(f"MinMaxNormConstraint: min_norm={self.min_norm:g} is above max_norm={self.max_norm:g}; exchange them")
        return self


class UnitNormConstraint(NormConstraint):
    """Norms of 1: w / norm. What is 0 stays 0."""

    positional: ClassVar[tuple[str, ...]] = ("dimensions",)
    type: Literal["UnitNormConstraint"] = "UnitNormConstraint"
    dimensions: Dimensions = Field(default=(1,), kw_only=False, description=OVER)


class NonNegativeConstraint(Constraint):
    """No value below 0: max(w, 0)."""

    type: Literal["NonNegativeConstraint"] = "NonNegativeConstraint"


def _listed(value: object) -> object:
    return value if value is None or isinstance(value, (list, tuple)) else [value]


if TYPE_CHECKING:
    Constraints: TypeAlias = Constraint | Sequence[Constraint]
else:
    Constraints = Annotated[Sequence[Member[Constraint]], BeforeValidator(_listed), AfterValidator(tuple)]
    """The type of the field that holds constraints, in the order in which they act; one may stand without brackets."""


def check_dimensions(constraints: Sequence[Any], weight_rank: int) -> None:
    """ConfigurationError for a norm over dimensions that a layer's parameters lack: weights have ``weight_rank`` of them, biases 2."""
    ranks = {"weights": weight_rank, "biases": 2}
    for index, constraint in enumerate(constraints):
        acts_on = ("weights", "biases") if constraint.on == "all" else ("biases" if constraint.on == "biases" else "weights",)
        dimensions = getattr(constraint, "dimensions", (0,))
        for what in acts_on:
            if max(dimensions) >= ranks[what]:
                raise ConfigurationError(
                    f"constraints[{index}] ({constraint.tag()}): dimensions={dimensions}, but its {what} have "
                    f"the dimensions 0 to {ranks[what] - 1}; give the layer constraints of its own"
                )
