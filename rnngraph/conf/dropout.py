"""Dropout: noise on what flows, in training only."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rnngraph.conf.family import Family, Member
from rnngraph.conf.fields import plain


class Noise(Family):
    """Base of the kinds of noise on what flows."""

    noun: ClassVar[str] = "a kind of dropout"


class Dropout(Noise):
    """Each value is kept with probability ``retain`` and then divided by it, and is 0 otherwise (inverted dropout).

    Deeplearning4j's ``dropOut(0.8)`` is ``Dropout(retain=0.8)``; torch's ``nn.Dropout(0.2)`` is the same.
    """

    type: Literal["Dropout"] = "Dropout"
    retain: Annotated[float, Field(gt=0, le=1), BeforeValidator(plain)] = Field(description="the share of values that are kept")


def _with_a_name(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(
            f"a bare number has two readings: Deeplearning4j counts the units kept ({value:g} keeps {value:.0%}), "
            f"torch the units dropped ({value:g} drops {value:.0%}); write rg.Dropout(retain={value:g}) for the first, "
            f"rg.Dropout(retain={1 - value:g}) for the second"
        )
    return value


DropoutField = Annotated[Member[Noise], BeforeValidator(_with_a_name)]
"""A kind of dropout; a bare number, which has two readings, is refused."""
