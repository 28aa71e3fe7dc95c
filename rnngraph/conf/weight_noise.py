"""Noise on weights, in training only: the same for forward and backward of one update (``org.deeplearning4j.nn.conf.weightnoise``)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rnngraph.conf.dropout import with_a_name
from rnngraph.conf.family import Family, Member
from rnngraph.conf.initializers import Distribution
from rnngraph.conf.schedules import Retain


class ParameterNoise(Family):
    """Base of the kinds of noise on weights (the gains of layer normalisation among them); on biases too with ``apply_to_biases``.

    A layer that is to have none where its network has some: ``weight_noise=DropConnect(retain=1)``.
    """

    noun: ClassVar[str] = "a kind of weight noise"

    apply_to_biases: bool = Field(default=False, description="whether biases are disturbed as well")


class DropConnect(ParameterNoise):
    """Each weight is kept with probability ``retain``, and is 0 otherwise (Wan et al. 2013); as in DL4J it is not rescaled."""

    type: Literal["DropConnect"] = "DropConnect"
    retain: Retain = Field(description="the share of weights that are kept")


class WeightNoise(ParameterNoise):
    """Random numbers of ``distribution`` are added to the weights, or with ``additive=False`` multiplied by them."""

    positional: ClassVar[tuple[str, ...]] = ("distribution",)
    type: Literal["WeightNoise"] = "WeightNoise"
    distribution: Member[Distribution] = Field(kw_only=False, description="where the numbers come from")
    additive: bool = Field(default=True, description="whether they are added; else weights are multiplied by them")


WeightNoiseField = Annotated[Member[ParameterNoise], BeforeValidator(lambda v: with_a_name(v, "DropConnect"))]
"""A kind of weight noise; a bare number, which has two readings, is refused."""
