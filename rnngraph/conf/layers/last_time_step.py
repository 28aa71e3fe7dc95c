"""LastTimeStep: ends the time axis."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field

from rnngraph.conf.family import Member
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Layer, Place, Settings
from rnngraph.conf.layers.recurrent import RecurrentLayer


class LastTimeStep(Layer):
    """The output of ``layer`` at the last step that is not masked, [N, n_in, T] -> [N, n_out]."""

    is_recurrent: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("layer",)

    type: Literal["LastTimeStep"] = "LastTimeStep"
    layer: Member[RecurrentLayer] = Field(kw_only=False, description="the recurrent layer inside")

    @property
    def n_in(self) -> int:
        """The inner layer's."""
        return self.layer.n_in

    @property
    def n_out(self) -> int:
        """The inner layer's."""
        return self.layer.n_out

    @property
    def mask_mode(self) -> str:
        """The inner layer's."""
        return self.layer.mask_mode

    def starting_type(self) -> InputType | None:
        """The inner layer's."""
        return self.layer.starting_type()

    def filled(self, place: Place, settings: Settings) -> Self:
        """Fills the inner layer."""
        return self.replaced(layer=self.layer.filled(place, settings))

    def output_type(self, flow: InputType) -> InputType:
        """Vectors."""
        return InputType.feed_forward(self.n_out)
