"""ConvolutionLayer over images, Convolution1DLayer over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from rnngraph.conf.constraints import Constraint
from rnngraph.conf.dropout import Noise
from rnngraph.conf.fields import Count
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import WeightLayer
from rnngraph.conf.layers.windowed import ImageWindows, StepWindows
from rnngraph.conf.updaters import Updater
from rnngraph.conf.weight_noise import ParameterNoise
from rnngraph.conf.windows import ConvolutionMode, Counts, Paddings


class ConvolutionLayer(ImageWindows, WeightLayer):
    """activation(W * x + b) over each image, [N, n_in, H, W] -> [N, n_out, H', W'], as cross-correlation; of a video each frame alone.

    ``ConvolutionLayer(3, 3, n_in=3, n_out=32)`` gives the kernel's height and width; n_in and n_out count channels. H' is
    floor((H - span + 2 padding) / stride) + 1, and ceil(H / stride) with convolution_mode "same". (DL4J: ``ConvolutionLayer``.)
    """

    positional: ClassVar[tuple[str, ...]] = ("kernel_size",)
    weight_rank: ClassVar[int] = 4
    type: Literal["ConvolutionLayer"] = "ConvolutionLayer"
    kernel_size: Counts = Field(default=(5, 5), description="height and width of the kernel")
    stride: Counts = Field(default=(1, 1), description="pixels from window to window, down and to the right")
    padding: Paddings = Field(default=(0, 0), description="zeros added above and below, left and right")
    dilation: Counts = Field(default=(1, 1), description="pixels from value to value of the kernel")
    convolution_mode: ConvolutionMode = Field(default="truncate", description="truncate, same or strict")
    has_bias: bool = Field(default=True, description="whether there is a b")

    if TYPE_CHECKING:

        def __init__(
            self,
            *kernel: int | tuple[int, int],
            n_out: int,
            n_in: int | None = None,
            kernel_size: int | tuple[int, int] = (5, 5),
            stride: int | tuple[int, int] = (1, 1),
            padding: int | tuple[int, int] = (0, 0),
            dilation: int | tuple[int, int] = (1, 1),
            convolution_mode: str = "truncate",
            has_bias: bool = True,
            activation: str | None = None,
            weight_init: str | None = None,
            bias_init: float = 0.0,
            l1: float | None = None,
            l2: float | None = None,
            l1_bias: float | None = None,
            l2_bias: float | None = None,
            weight_decay: float | None = None,
            weight_decay_bias: float | None = None,
            weight_decay_apply_lr: bool | None = None,
            weight_decay_bias_apply_lr: bool | None = None,
            updater: Updater | None = None,
            bias_updater: Updater | None = None,
            gradient_normalization: str | None = None,
            gradient_normalization_threshold: float | None = None,
            constraints: Constraint | Sequence[Constraint] | None = None,
            weight_noise: ParameterNoise | None = None,
            dropout: Noise | None = None,
            mask_mode: str | None = None,
            name: str | None = None,
        ) -> None: ...

    @classmethod
    def _by_name(cls, values: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any]:
        """A kernel that is given without its name may be two numbers, one, or a pair."""
        return super()._by_name(values if len(values) != 2 else ((values[0], values[1]),), fields)

    def output_type(self, flow: InputType) -> InputType:
        """Images of ``n_out`` channels."""
        return self.moved(flow).replaced(channels=self.n_out)


class Convolution1DLayer(StepWindows, WeightLayer):
    """activation(W * x + b) over time, [N, n_in, T] -> [N, n_out, T'], as cross-correlation.

    T' is floor((T - span + 2 padding) / stride) + 1, and ceil(T / stride) with convolution_mode "same" or "causal". Causal with stride 1
    streams: its state is what came last. At masked steps it reads 0 (mask_mode "hold") or what stands there ("ignore"); where the length
    changes, a step counts as real if any step in its window does. (DL4J: ``Convolution1DLayer``.)
    """

    weight_rank: ClassVar[int] = 4
    type: Literal["Convolution1DLayer"] = "Convolution1DLayer"
    kernel_size: Count = Field(kw_only=False, description="steps of the kernel")
    stride: Count = Field(default=1, description="steps from window to window")
    has_bias: bool = Field(default=True, description="whether there is a b")

    def output_type(self, flow: InputType) -> InputType:
        """Time series of ``n_out`` values."""
        return self.moved(flow).replaced(size=self.n_out)
