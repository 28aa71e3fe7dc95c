"""Updaters: how gradients become steps. The formulas stand in ``rnngraph.training.updaters``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.family import Family
from rnngraph.conf.fields import DecayRate, Positive

RATE = "learning rate, the size of a step"


class Updater(Family):
    """Base of the updaters. The learning rate may be given without its name: ``Adam(1e-3)``."""

    noun: ClassVar[str] = "an updater"
    positional: ClassVar[tuple[str, ...]] = ("learning_rate",)


class Sgd(Updater):
    """Stochastic gradient descent: w -= learning_rate · g."""

    type: Literal["Sgd"] = "Sgd"
    learning_rate: Positive = Field(default=1e-3, kw_only=False, description=RATE)


class Adam(Updater):
    """Adam (Kingma and Ba 2015), with DL4J's place of epsilon: added to the square root of the uncorrected second moment."""

    type: Literal["Adam"] = "Adam"
    learning_rate: Positive = Field(default=1e-3, kw_only=False, description=RATE)
    beta1: DecayRate = Field(default=0.9, description="decay of the mean of gradients")
    beta2: DecayRate = Field(default=0.999, description="decay of the mean of squared gradients")
    epsilon: Positive = Field(default=1e-8, description="keeps the division finite")
