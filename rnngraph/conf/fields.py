"""The kinds of fields that configurations are made of: numbers within bounds, names, what is inherited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pydantic import BeforeValidator, Field

T = TypeVar("T")

if TYPE_CHECKING:
    Inherited = Annotated[T, "filled"]
else:

    class Inherited:
        """The type of a field that may be left out (None) and is filled when its object has its place; checkers see the filled type."""

        def __class_getitem__(cls, item: Any) -> Any:
            return item | None


def inherited(description: str) -> Any:
    """The default of an :data:`Inherited` field."""
    return Field(default=None, description=description)


def plain(value: object) -> object:
    """numpy's scalars as Python's; widths often come out of arrays."""
    return value.item() if isinstance(value, np.generic) else value


Count = Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(plain)]
Seed = Annotated[int, Field(ge=0, le=2**64 - 1), BeforeValidator(plain)]
# Floats are finite everywhere: Configured sees to it.
Real = Annotated[float, BeforeValidator(plain)]
Positive = Annotated[float, Field(gt=0), BeforeValidator(plain)]
NonNegative = Annotated[float, Field(ge=0), BeforeValidator(plain)]
Probability = Annotated[float, Field(ge=0, le=1), BeforeValidator(plain)]
DecayRate = Annotated[float, Field(ge=0, lt=1), BeforeValidator(plain)]
