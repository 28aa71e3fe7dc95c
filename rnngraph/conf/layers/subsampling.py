"""SubsamplingLayer over images, Subsampling1DLayer over time: pooling in windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field

from rnngraph.conf.fields import Count
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Place, SameWidth, Settings
from rnngraph.conf.layers.pooling import PoolingType
from rnngraph.conf.layers.windowed import ImageWindows, StepWindows
from rnngraph.conf.windows import ConvolutionMode, Counts, Paddings
from rnngraph.errors import ConfigurationError


class _Pooling(SameWidth):
    """What both share: no weights and no activation; as many channels go out as come in."""

    positional: ClassVar[tuple[str, ...]] = ("pooling_type", "kernel_size", "stride")

    pooling_type: PoolingType = Field(default="max", kw_only=False, description="max, avg, sum or pnorm")
    pnorm: Count = Field(default=2, description="the p of pnorm, which is (Σ |x|^p)^(1/p)")
    avg_pool_include_pad_in_divisor: bool = Field(
        default=True, description="whether avg divides by the kernel's size wherever it stands, or by what of it lies on the input"
    )


class SubsamplingLayer(ImageWindows, _Pooling):
    """Pools each channel of each image in windows, [N, C, H, W] -> [N, C, H', W']; of a video each frame alone.

    What is padded plays no part in max, and counts as 0 elsewhere. (DL4J: ``SubsamplingLayer``.)
    """

    type: Literal["SubsamplingLayer"] = "SubsamplingLayer"
    kernel_size: Counts = Field(default=(1, 1), kw_only=False, description="height and width of the window")
    stride: Counts = Field(default=(2, 2), kw_only=False, description="pixels from window to window, down and to the right")
    padding: Paddings = Field(default=(0, 0), description="pixels added above and below, left and right")
    dilation: Counts = Field(default=(1, 1), description="pixels from value to value of the window")
    convolution_mode: ConvolutionMode = Field(default="truncate", description="truncate, same or strict")

    if TYPE_CHECKING:
        # What a caller may give is wider than what is there afterwards.
        def __init__(
            self,
            pooling_type: str = "max",
            kernel_size: int | tuple[int, int] = (1, 1),
            stride: int | tuple[int, int] = (2, 2),
            *,
            padding: int | tuple[int, int] = (0, 0),
            dilation: int | tuple[int, int] = (1, 1),
            convolution_mode: str = "truncate",
            pnorm: int = 2,
            avg_pool_include_pad_in_divisor: bool = True,
            n_in: int | None = None,
            n_out: int | None = None,
            mask_mode: str | None = None,
            name: str | None = None,
        ) -> None: ...

    def output_type(self, flow: InputType) -> InputType:
        """Smaller images."""
        return self.moved(flow)

    def filled(self, place: Place, settings: Settings) -> Self:
        """Each window has to meet the image."""
        for k, axis in enumerate(("height", "width")):
            check_padding(axis, self.padding[k], self.kernel_size[k])
        return super().filled(place, settings)


class Subsampling1DLayer(StepWindows, _Pooling):
    """Pools each feature in windows of steps, [N, F, T] -> [N, F, T'].

    With mask_mode "hold" masked steps read 0; where the length changes, a step counts as real if any step in its window does. (DL4J:
    ``Subsampling1DLayer``.)
    """

    positional: ClassVar[tuple[str, ...]] = _Pooling.positional
    type: Literal["Subsampling1DLayer"] = "Subsampling1DLayer"
    kernel_size: Count = Field(default=2, kw_only=False, description="steps of the window")
    stride: Count = Field(default=1, kw_only=False, description="steps from window to window")

    def output_type(self, flow: InputType) -> InputType:
        """Shorter time series."""
        return self.moved(flow)

    def filled(self, place: Place, settings: Settings) -> Self:
        """Each window has to meet the sequence."""
        check_padding("length", self.padding, self.kernel_size)
        return super().filled(place, settings)

    @property
    def causal(self) -> bool:
        """Not where an average needs to know how many steps there were before."""
        counts = self.pooling_type == "avg" and not self.avg_pool_include_pad_in_divisor and self.reach > 1
        return super().causal and not counts


def check_padding(axis: str, padding: int, kernel: int) -> None:
    """ConfigurationError where a window could lie in the padding alone."""
    if padding >= kernel:
        raise ConfigurationError(
            f"padding={padding} of the {axis} would leave windows without a value, since the kernel's is {kernel}; use less padding"
        )
