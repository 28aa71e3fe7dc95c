"""What flows into a network or a layer: time series or vectors, and how wide they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from rnngraph.conf.family import Family
from rnngraph.conf.fields import Count


class InputType(Family):
    """What a network or a layer takes, made by :meth:`recurrent` and :meth:`feed_forward`."""

    noun: ClassVar[str] = "an input type"
    has_time: ClassVar[bool]
    """Whether there is a time axis."""

    if TYPE_CHECKING:

        @property
        def size(self) -> int:
            """How many values per example, or per step of one."""

    @staticmethod
    def recurrent(size: int, timesteps: int | None = None) -> RecurrentInput:
        """Time series [N, size, T]. ``timesteps`` says how long they are for people who read it; T stays free."""
        return RecurrentInput(size=size, timesteps=timesteps)

    @staticmethod
    def feed_forward(size: int) -> FeedForwardInput:
        """Vectors [N, size]."""
        return FeedForwardInput(size=size)


class RecurrentInput(InputType):
    """Time series [N, size, T]."""

    has_time: ClassVar[bool] = True
    type: Literal["recurrent"] = "recurrent"
    size: Count = Field(description="features per step")
    timesteps: Count | None = Field(default=None, description="steps of a series, for people")


class FeedForwardInput(InputType):
    """Vectors [N, size]."""

    has_time: ClassVar[bool] = False
    type: Literal["feed_forward"] = "feed_forward"
    size: Count = Field(description="features per example")
