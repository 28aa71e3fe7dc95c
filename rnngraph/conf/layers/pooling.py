"""GlobalPoolingLayer: ends the time axis by a reduction over it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rnngraph.conf.fields import Count
from rnngraph.conf.input_types import ConvolutionalInput, FeedForwardInput, InputType
from rnngraph.conf.layers.base import Place, SameWidth
from rnngraph.conf.names import spell
from rnngraph.conf.preprocessors import PreProcessor

POOLING_TYPES = ("max", "avg", "sum", "pnorm")
PoolingType = Annotated[Literal["max", "avg", "sum", "pnorm"], BeforeValidator(lambda v: spell(v, POOLING_TYPES))]


class GlobalPoolingLayer(SameWidth):
    """Pools over all steps that exist, [N, n_in, T] -> [N, n_in]: ``max``, ``avg``, ``sum``, or ``pnorm``, which is (Σ |x|^p)^(1/p).

    Of images it pools over rows and columns, [N, n_in, H, W] -> [N, n_in], of a video over those of each frame. A row that is masked at
    every step gives 0. In a stream it gives the pool of all steps so far. (DL4J: ``GlobalPoolingLayer``, ``MaskedReductionUtil``.)
    """

    takes_time: ClassVar[bool | None] = True
    positional: ClassVar[tuple[str, ...]] = ("pooling_type",)

    type: Literal["GlobalPoolingLayer"] = "GlobalPoolingLayer"
    pooling_type: PoolingType = Field(default="max", kw_only=False, description="max, avg, sum or pnorm")
    pnorm: Count = Field(default=2, description="the p of pnorm")

    @property
    def whole_sequences(self) -> str:
        """It pools them."""
        return "it pools whole sequences, of which a segment's loss sees a part"

    @property
    def needs_time(self) -> bool:
        """Images need none."""
        return False

    def preprocessor(self, flow: InputType) -> PreProcessor | None:
        """Images are taken as they are."""
        return None if isinstance(flow, ConvolutionalInput) else super().preprocessor(flow)

    def output_type(self, flow: InputType) -> InputType:
        """Vectors; of a video one at each step."""
        return FeedForwardInput(size=self.n_out, at_each_step=isinstance(flow, ConvolutionalInput) and flow.has_time)

    def _check_flow(self, place: Place) -> None:
        if not isinstance(place.flow, ConvolutionalInput):
            super()._check_flow(place)

    def remedy(self, place: Place) -> str:
        """Leave it out, or give it a time axis."""
        end = place.last_recurrent
        return f"leave it out{', or ' + super().remedy(place) if end is None else f', or let {place.label(end)} keep the time axis'}"
