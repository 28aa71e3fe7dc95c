"""TimeDistributed: a layer for vectors, on each step of a time series."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Layer, Place, PlainLayer, Settings
from rnngraph.conf.layers.wrapper import Inner, WrapperLayer
from rnngraph.errors import ConfigurationError


def _for_vectors(layer: Layer) -> Layer:
    if isinstance(layer, WrapperLayer) or (isinstance(layer, PlainLayer) and layer.takes_time):
        raise ValueError(f"expected a layer for vectors, as DenseLayer; {layer.title} takes time series itself: leave TimeDistributed out")
    return layer


class TimeDistributed(WrapperLayer):
    """``layer`` on each step by itself, [N, n_in, T] -> [N, n_out, T]; masked steps are masked for it, whichever row they are in."""

    type: Literal["TimeDistributed"] = "TimeDistributed"
    layer: Annotated[Inner, AfterValidator(_for_vectors)] = Field(kw_only=False, description="the layer inside, which takes vectors")

    def starting_type(self) -> InputType | None:
        """Time series as wide as the inner layer."""
        inner = self.layer.starting_type()
        return None if inner is None else InputType.recurrent(inner.size)

    def filled(self, place: Place, settings: Settings) -> Self:
        """Fills the inner layer as one that gets vectors."""
        if not place.flow.has_time:
            raise ConfigurationError(
                f"takes a time series, but {place.source} gives one vector per example; use {self.layer.title} without TimeDistributed"
            )
        return self.replaced(layer=self.layer.filled(Place(InputType.feed_forward(place.flow.size), place.before), settings))

    def output_type(self, flow: InputType) -> InputType:
        """Time series of the inner layer's width."""
        return flow.replaced(size=self.n_out)
