"""Preprocessors: what stands between two layers where one gives something else than the other takes.

A layer says by :meth:`~rnngraph.conf.layers.base.Layer.preprocessor` which one it needs; ``preprocessors={3: ...}`` of a configuration puts
one in front of layer 3 by hand, in the place of that. Values of an image that is a vector stand in the order channel, row, column. The
time axis is never folded into the rows as Deeplearning4j does it (``org.deeplearning4j.nn.conf.preprocessor``): the numbers are the same.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal, Self

from pydantic import Field

from rnngraph.conf.family import Family
from rnngraph.conf.fields import Count
from rnngraph.conf.input_types import ConvolutionalFlatInput, ConvolutionalInput, FeedForwardInput, Frame, InputType, RecurrentInput
from rnngraph.errors import ConfigurationError


class PreProcessor(Family):
    """Base of the preprocessors."""

    noun: ClassVar[str] = "a preprocessor"
    needs_time: ClassVar[bool] = False
    """Whether it takes or gives a time axis, so that images which come into the network are frames of a video."""
    takes: ClassVar[str]
    """What it takes, for messages."""

    @abstractmethod
    def output_type(self, flow: InputType) -> InputType:
        """What it gives when it gets ``flow``. ConfigurationError, with both shapes, where that does not fit."""

    def starting_type(self) -> InputType | None:
        """What a network takes that begins with it, as far as it tells."""
        return None

    def misfit(self, flow: InputType, wanted: str) -> ConfigurationError:
        """The error for a ``flow`` that does not fit."""
        return ConfigurationError(
            f"takes {self.takes}, {wanted}, but gets {described(flow)}; leave it out (what is needed is inserted), or correct its sizes"
        )


_KINDS = {
    RecurrentInput: "time series",
    FeedForwardInput: "vectors",
    ConvolutionalInput: "images",
    ConvolutionalFlatInput: "flat images",
}


def described(flow: InputType) -> str:
    """What flows, for messages: its kind and its axes."""
    kind = _KINDS.get(type(flow), flow.tag())
    if isinstance(flow, ConvolutionalInput) and flow.has_time:
        kind = "video"
    frame = "" if flow.frame is None else " (height={}, width={}, channels={})".format(*flow.frame)
    return f"{kind} {flow.layout}{frame}"


class RnnToFeedForwardPreProcessor(PreProcessor):
    """Time series [N, F, T] become one vector [N, F] at each step; vectors pass."""

    takes: ClassVar[str] = "time series"
    type: Literal["RnnToFeedForwardPreProcessor"] = "RnnToFeedForwardPreProcessor"

    def output_type(self, flow: InputType) -> InputType:
        """Vectors at each step."""
        if isinstance(flow, RecurrentInput):
            return FeedForwardInput(size=flow.size, at_each_step=True)
        if isinstance(flow, FeedForwardInput):
            return flow
        raise self.misfit(flow, "[N, F, T]")


class FeedForwardToRnnPreProcessor(PreProcessor):
    """One vector [N, F] at each step becomes a time series [N, F, T]."""

    needs_time: ClassVar[bool] = True
    takes: ClassVar[str] = "one vector at each step"
    type: Literal["FeedForwardToRnnPreProcessor"] = "FeedForwardToRnnPreProcessor"

    def output_type(self, flow: InputType) -> InputType:
        """Time series."""
        if isinstance(flow, (FeedForwardInput, ConvolutionalFlatInput)) and flow.has_time:
            return InputType.recurrent(flow.size)
        raise self.misfit(flow, "[N, F, T]")


class _OfFrame(PreProcessor):
    """Base of the preprocessors that know an image's size."""

    positional: ClassVar[tuple[str, ...]] = ("height", "width", "channels")

    height: Count = Field(kw_only=False, description="rows of an image")
    width: Count = Field(kw_only=False, description="columns of an image")
    channels: Count = Field(kw_only=False, description="values per pixel")

    @classmethod
    def of(cls, frame: Frame) -> Self:
        """The one for images of this size."""
        height, width, channels = frame
        return cls(height=height, width=width, channels=channels)

    @property
    def frame(self) -> Frame:
        """Height, width and channels."""
        return self.height, self.width, self.channels

    @property
    def size(self) -> int:
        """Values of an image."""
        return math.prod(self.frame)

    def _image(self, flow: InputType) -> ConvolutionalInput:
        """``flow`` as images of this size."""
        if isinstance(flow, ConvolutionalInput) and flow.frame == self.frame:
            return flow
        raise self.misfit(flow, self._shown(f"[N, {self.channels}, {self.height}, {self.width}]"))

    def _shown(self, axes: str) -> str:
        return f"{axes} (height={self.height}, width={self.width}, channels={self.channels})"


class CnnToRnnPreProcessor(_OfFrame):
    """Video [N, C, H, W, T] becomes time series [N, C · H · W, T]."""

    needs_time: ClassVar[bool] = True
    takes: ClassVar[str] = "video"
    type: Literal["CnnToRnnPreProcessor"] = "CnnToRnnPreProcessor"

    def output_type(self, flow: InputType) -> InputType:
        """Time series."""
        if not isinstance(flow, ConvolutionalInput) or flow.frame != self.frame or not flow.has_time:
            raise self.misfit(flow, self._shown(f"[N, {self.channels}, {self.height}, {self.width}, T]"))
        return InputType.recurrent(self.size)

    def starting_type(self) -> InputType:
        """Images of its size."""
        return InputType.convolutional(*self.frame)


class RnnToCnnPreProcessor(_OfFrame):
    """Time series [N, C · H · W, T] become video [N, C, H, W, T]."""

    needs_time: ClassVar[bool] = True
    takes: ClassVar[str] = "time series"
    type: Literal["RnnToCnnPreProcessor"] = "RnnToCnnPreProcessor"

    def output_type(self, flow: InputType) -> InputType:
        """Video."""
        if not isinstance(flow, RecurrentInput) or flow.size != self.size:
            raise self.misfit(flow, self._shown(f"[N, {self.size}, T]"))
        return InputType.convolutional(*self.frame).replaced(at_each_step=True)

    def starting_type(self) -> InputType:
        """Time series of its size."""
        return InputType.recurrent(self.size)


class CnnToFeedForwardPreProcessor(_OfFrame):
    """Images [N, C, H, W] become vectors [N, C · H · W]; with T behind both where they are a video's frames."""

    takes: ClassVar[str] = "images"
    type: Literal["CnnToFeedForwardPreProcessor"] = "CnnToFeedForwardPreProcessor"

    def output_type(self, flow: InputType) -> InputType:
        """Vectors."""
        return FeedForwardInput(size=self.size, at_each_step=self._image(flow).has_time)

    def starting_type(self) -> InputType:
        """Images of its size."""
        return InputType.convolutional(*self.frame)


class FeedForwardToCnnPreProcessor(_OfFrame):
    """Vectors [N, C · H · W] become images [N, C, H, W]; with T behind both where there is one at each step."""

    takes: ClassVar[str] = "vectors"
    type: Literal["FeedForwardToCnnPreProcessor"] = "FeedForwardToCnnPreProcessor"

    def output_type(self, flow: InputType) -> InputType:
        """Images."""
        if isinstance(flow, ConvolutionalFlatInput):
            fits = flow.frame == self.frame
        else:
            fits = isinstance(flow, FeedForwardInput) and flow.size == self.size
        if not fits:
            raise self.misfit(flow, self._shown(f"[N, {self.size}]"))
        return InputType.convolutional(*self.frame).replaced(at_each_step=flow.has_time)

    def starting_type(self) -> InputType:
        """Images of its size, as vectors."""
        return InputType.convolutional_flat(*self.frame)
