"""What convolution and pooling share: the kind of what they take, and how its size changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field

from rnngraph.conf.fields import Count
from rnngraph.conf.input_types import ConvolutionalInput, InputType, RecurrentInput
from rnngraph.conf.layers.base import Place, Settings, SingleLayer, to_images
from rnngraph.conf.preprocessors import PreProcessor, described
from rnngraph.conf.windows import Padding, StepMode, check_fit, check_modes, fitting, pads, span
from rnngraph.errors import ConfigurationError

NO_RESET = "mask_mode='reset' sets a recurrent layer's state to 0, and this layer has none; use mask_mode='hold' (reads 0) or 'ignore'"


class Windows(SingleLayer):
    """Base of the layers that move a window: they have no state that a mask could reset, and hold where the network's layers reset."""

    def _without_reset(self, filled: Self) -> Self:
        if self.mask_mode == "reset":
            raise ConfigurationError(NO_RESET)
        return filled.replaced(mask_mode="hold") if filled.mask_mode == "reset" else filled


class ImageWindows(Windows):
    """Base of the layers that move a window over images."""

    if TYPE_CHECKING:
        kernel_size: tuple[int, int]
        stride: tuple[int, int]
        padding: tuple[int, int]
        dilation: tuple[int, int]
        convolution_mode: str

    def starting_type(self) -> InputType | None:
        """The size of an image cannot be known."""
        raise ConfigurationError(
            "the size of the images is missing; give the network input_type=InputType.convolutional(height, width, channels)"
        )

    def preprocessor(self, flow: InputType) -> PreProcessor | None:
        """What makes images of flat ones."""
        return to_images(flow)

    def filled(self, place: Place, settings: Settings) -> Self:
        """Takes the number of channels from the place, and checks that windows fit."""
        out = super().filled(place, settings)
        out = self._without_reset(out)
        check_modes(self.convolution_mode, self.padding)
        image = place.flow
        assert isinstance(image, ConvolutionalInput)
        for k, (axis, size) in enumerate((("height", image.height), ("width", image.width))):
            added = self.added(image)[k]
            check_fit(axis, self.convolution_mode, size, self.kernel_size[k], self.dilation[k], self.stride[k], added)
        return out

    def added(self, image: ConvolutionalInput) -> tuple[tuple[int, int], tuple[int, int]]:
        """What is padded above and below, left and right."""
        above, beside = (
            pads(self.convolution_mode, size, span(self.kernel_size[k], self.dilation[k]), self.stride[k], self.padding[k])
            for k, size in enumerate((image.height, image.width))
        )
        return above, beside

    def moved(self, flow: InputType) -> ConvolutionalInput:
        """``flow`` in the size that the windows leave."""
        assert isinstance(flow, ConvolutionalInput)
        height, width = (
            fitting(size, span(self.kernel_size[k], self.dilation[k]), self.stride[k], added)
            for k, (size, added) in enumerate(zip((flow.height, flow.width), self.added(flow), strict=True))
        )
        return flow.replaced(height=height, width=width)

    def _check_flow(self, place: Place) -> None:
        if not isinstance(place.flow, ConvolutionalInput):
            raise ConfigurationError(
                f"takes images, but {place.source} gives {described(place.flow)}; give input_type=InputType.convolutional(height, width, "
                "channels), or put RnnToCnnPreProcessor or FeedForwardToCnnPreProcessor in front by preprocessors={...}"
            )

    def _width(self, flow: InputType) -> int:
        assert isinstance(flow, ConvolutionalInput)
        return flow.channels


class StepWindows(Windows):
    """Base of the layers that move a window over time."""

    takes_time: ClassVar[bool | None] = True
    positional: ClassVar[tuple[str, ...]] = ("kernel_size",)

    padding: Padding = Field(default=0, description="zeros added in front and behind")
    dilation: Count = Field(default=1, description="steps from value to value of the kernel")
    convolution_mode: StepMode = Field(default="truncate", description="truncate, same, strict or causal")

    if TYPE_CHECKING:
        kernel_size: int
        stride: int

    def filled(self, place: Place, settings: Settings) -> Self:
        """Checks that windows fit, where the number of steps is known."""
        out = super().filled(place, settings)
        out = self._without_reset(out)
        check_modes(self.convolution_mode, (self.padding,), self.stride)
        steps = place.flow.timesteps if isinstance(place.flow, RecurrentInput) else None
        if steps is not None:
            check_fit("length", self.convolution_mode, steps, self.kernel_size, self.dilation, self.stride, self.added(steps))
        return out

    @property
    def causal(self) -> bool:
        """Whether it can be fed piece by piece: causal at each step, or no wider than a step."""
        return self.stride == 1 and self.added(1) == (self.reach - 1, 0)

    @property
    def whole_sequences(self) -> str:
        """Windows that would lie across the seams, or numbers of steps that do not add up."""
        if self.stride > 1:
            return f"it moves by stride={self.stride} steps, so that segments of its output are not those of its input; give it stride=1"
        return (
            f"its windows of {self.reach} steps, with convolution_mode={self.convolution_mode!r} and padding={self.padding}, reach over "
            "the ends of segments; give it convolution_mode='causal'"
        )

    @property
    def reach(self) -> int:
        """How many steps a window reaches over."""
        return span(self.kernel_size, self.dilation)

    def added(self, steps: int) -> tuple[int, int]:
        """What is padded in front of and behind ``steps`` steps."""
        return pads(self.convolution_mode, steps, self.reach, self.stride, self.padding)

    def reduced(self, mask: np.ndarray) -> np.ndarray:
        """A mask [N, T] behind the layer, [N, T']: where the length changes, 1 if any step in the window is."""
        steps = mask.shape[1]
        before, behind = self.added(steps)
        count = fitting(steps, self.reach, self.stride, (before, behind))
        if count == steps:
            return mask
        padded = np.pad(mask, ((0, 0), (before, behind)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.reach, axis=1)[:, :: self.stride, :: self.dilation]
        return np.ascontiguousarray(windows[:, :count].max(axis=2))

    def moved(self, flow: InputType) -> RecurrentInput:
        """``flow`` in the length that the windows leave."""
        assert isinstance(flow, RecurrentInput)
        if flow.timesteps is None:
            return flow
        return flow.replaced(timesteps=fitting(flow.timesteps, self.reach, self.stride, self.added(flow.timesteps)))
