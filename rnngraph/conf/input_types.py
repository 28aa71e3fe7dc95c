"""What flows into a network or a layer: time series, vectors or images, and how large they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from rnngraph.conf.family import Family
from rnngraph.conf.fields import Count

Frame = tuple[int, int, int]
"""Height, width and channels of an image."""


class InputType(Family):
    """What a network or a layer takes.

    Made by :meth:`recurrent`, :meth:`feed_forward`, :meth:`convolutional` and :meth:`convolutional_flat`.
    """

    noun: ClassVar[str] = "an input type"

    if TYPE_CHECKING:

        @property
        def size(self) -> int:
            """How many values per example, or per step of one."""

        @property
        def has_time(self) -> bool:
            """Whether there is a time axis."""

        @property
        def layout(self) -> str:
            """The axes for people, as ``[N, 12, T]``."""

    @property
    def frame(self) -> Frame | None:
        """Height, width and channels of images; None for what is none."""
        return None

    @staticmethod
    def recurrent(size: int, timesteps: int | None = None) -> RecurrentInput:
        """Time series [N, size, T]. ``timesteps`` says how long they are, where that is known; T stays free."""
        return RecurrentInput(size=size, timesteps=timesteps)

    @staticmethod
    def feed_forward(size: int) -> FeedForwardInput:
        """Vectors [N, size]."""
        return FeedForwardInput(size=size)

    @staticmethod
    def convolutional(height: int, width: int, channels: int) -> ConvolutionalInput:
        """Images [N, channels, height, width]; where a recurrent layer follows, video [N, channels, height, width, T]."""
        return ConvolutionalInput(height=height, width=width, channels=channels)

    @staticmethod
    def convolutional_flat(height: int, width: int, channels: int) -> ConvolutionalFlatInput:
        """Images as vectors [N, channels · height · width], rows of each channel one after the other; with T behind where video."""
        return ConvolutionalFlatInput(height=height, width=width, channels=channels)


class RecurrentInput(InputType):
    """Time series [N, size, T]."""

    type: Literal["recurrent"] = "recurrent"
    size: Count = Field(description="features per step")
    timesteps: Count | None = Field(default=None, description="steps of a series, where that is known")

    @property
    def has_time(self) -> bool:
        """Always."""
        return True

    @property
    def layout(self) -> str:
        """[N, size, T]."""
        return f"[N, {self.size}, {self.timesteps or 'T'}]"


class _Instant(InputType):
    """Base of what an example has once, or at each step of a time series."""

    at_each_step: bool = Field(default=False, description="whether there is one at each step of a time series; inferred for images")

    @property
    def has_time(self) -> bool:
        """Where there is one at each step."""
        return self.at_each_step


class FeedForwardInput(_Instant):
    """Vectors [N, size], or one at each step, [N, size, T]."""

    type: Literal["feed_forward"] = "feed_forward"
    size: Count = Field(description="features per example")

    @property
    def layout(self) -> str:
        """[N, size]."""
        return f"[N, {self.size}{', T' * self.at_each_step}]"


class _Image(_Instant):
    """Base of the two forms of images."""

    height: Count = Field(description="rows of an image")
    width: Count = Field(description="columns of an image")
    channels: Count = Field(description="values per pixel")

    @property
    def size(self) -> int:
        """height · width · channels."""
        return math.prod(self.frame)

    @property
    def frame(self) -> Frame:
        """Height, width and channels."""
        return self.height, self.width, self.channels


class ConvolutionalInput(_Image):
    """Images [N, channels, height, width], or video [N, channels, height, width, T]."""

    type: Literal["convolutional"] = "convolutional"

    @property
    def layout(self) -> str:
        """[N, channels, height, width]."""
        return f"[N, {self.channels}, {self.height}, {self.width}{', T' * self.at_each_step}]"


class ConvolutionalFlatInput(_Image):
    """Images as vectors [N, channels · height · width], or video as [N, channels · height · width, T]."""

    type: Literal["convolutional_flat"] = "convolutional_flat"

    @property
    def layout(self) -> str:
        """[N, channels · height · width]."""
        return f"[N, {self.size}{', T' * self.at_each_step}]"
