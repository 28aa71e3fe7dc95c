"""LastTimeStep: ends the time axis."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field

from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Place, Settings
from rnngraph.conf.layers.wrapper import Inner, WrapperLayer
from rnngraph.errors import ConfigurationError


class LastTimeStep(WrapperLayer):
    """The output of ``layer`` at the last step that is not masked, [N, n_in, T] -> [N, n_out].

    A row that is wholly masked gives 0, or the ``initial_state`` of a recurrent layer of one direction that has one.

    ``layer`` is any layer that gives a time series. Around a :class:`Bidirectional` the backward half has seen that one step alone, as in
    DL4J; ``Bidirectional(LastTimeStep(...))`` takes the last step of each direction instead.
    """

    is_recurrent: ClassVar[bool] = True

    type: Literal["LastTimeStep"] = "LastTimeStep"
    layer: Inner = Field(kw_only=False, description="the layer inside, which gives a time series")

    def filled(self, place: Place, settings: Settings) -> Self:
        """Fills the inner layer, which must give a time series."""
        out = super().filled(place, settings)
        if not out.layer.output_type(place.flow).has_time:
            raise ConfigurationError(
                f"takes the last step of a time series, but {out.layer.title} gives one vector per example; leave LastTimeStep out"
            )
        return out

    def output_type(self, flow: InputType) -> InputType:
        """Vectors."""
        return InputType.feed_forward(self.n_out)
