"""Dropout and its relatives: noise on what comes into a layer, in training only (``org.deeplearning4j.nn.conf.dropout``)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rnngraph.conf.family import Family, Member
from rnngraph.conf.schedules import DecayRateOrSchedule, Deviation, Retain

KEPT = "the share of values that are kept"


class Noise(Family):
    """Base of the kinds of noise on what flows. A schedule may stand in the place of a rate.

    A layer that is to have none where its network has some: ``dropout=Dropout(retain=1)``. Embeddings have none: ids cannot be disturbed.
    """

    noun: ClassVar[str] = "a kind of dropout"


class Dropout(Noise):
    """Each value is kept with probability ``retain`` and then divided by it, and is 0 otherwise (inverted dropout).

    Deeplearning4j's ``dropOut(0.8)`` is ``Dropout(retain=0.8)``; torch's ``nn.Dropout(0.2)`` is the same.
    """

    type: Literal["Dropout"] = "Dropout"
    retain: Retain = Field(description=KEPT)


class SpatialDropout(Noise):
    """Dropout of whole features: of a time series one draw for each row and feature, the same at all steps, of images for each channel.

    Of a video, whose frames are images, each frame has draws of its own. Of vectors it is :class:`Dropout`.
    """

    type: Literal["SpatialDropout"] = "SpatialDropout"
    retain: Retain = Field(description="the share of features that are kept")


class GaussianDropout(Noise):
    """Each value times a normal number of mean 1 and deviation sqrt(rate / (1 - rate)) (Srivastava et al. 2014)."""

    positional: ClassVar[tuple[str, ...]] = ("rate",)
    type: Literal["GaussianDropout"] = "GaussianDropout"
    rate: DecayRateOrSchedule = Field(kw_only=False, description="the share of values that a Dropout of the same variance drops")


class GaussianNoise(Noise):
    """Each value plus a normal number of mean 0 and deviation ``std``."""

    positional: ClassVar[tuple[str, ...]] = ("std",)
    type: Literal["GaussianNoise"] = "GaussianNoise"
    std: Deviation = Field(kw_only=False, description="standard deviation of the noise")


class AlphaDropout(Noise):
    """Dropout that keeps mean and variance of what SELU gives (Klambauer et al. 2017); for networks of activation "selu"."""

    type: Literal["AlphaDropout"] = "AlphaDropout"
    retain: Retain = Field(description=KEPT)


def with_a_name(value: object, kind: str = "Dropout") -> object:
    """``value``, unless it is a bare number: ValueError, which gives both readings as ``kind`` spells them."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(
            f"a bare number has two readings: Deeplearning4j counts the units kept ({value:g} keeps {value:.0%}), "
            f"torch the units dropped ({value:g} drops {value:.0%}); write rg.{kind}(retain={value:g}) for the first, "
            f"rg.{kind}(retain={1 - value:g}) for the second"
        )
    return value


DropoutField = Annotated[Member[Noise], BeforeValidator(with_a_name)]
"""A kind of dropout; a bare number, which has two readings, is refused."""
