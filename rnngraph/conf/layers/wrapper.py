"""WrapperLayer: a layer that holds another layer and changes what it sees or gives."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from rnngraph.conf.family import Member
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Layer, Place, Settings


def _without_loss(layer: Layer) -> Layer:
    if layer.has_loss:
        raise ValueError(f"{layer.tag()} compares with labels and ends the network; it stands last, on its own, not inside another layer")
    return layer


Inner = Annotated[Member[Layer], AfterValidator(_without_loss)]
"""The type of the field that holds the layer inside."""


class WrapperLayer(Layer):
    """Base of the wrappers: widths, mask mode and what is inferred are those of the layer inside unless a wrapper says otherwise.

    The parameters are those of the layer inside; its updater, penalties and initialisers are set there.
    """

    positional: ClassVar[tuple[str, ...]] = ("layer",)

    layer: Inner = Field(kw_only=False, description="the layer inside")

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

    @property
    def causal(self) -> bool:
        """The inner layer's."""
        return self.layer.causal

    @property
    def whole_sequences(self) -> str:
        """The inner layer's, where that looks ahead."""
        return super().whole_sequences if self.layer.causal else self.layer.whole_sequences

    @property
    def title(self) -> str:
        """The wrapper and what it holds, as in ``LastTimeStep(LSTM)``."""
        return f"{self.tag()}({self.layer.title})"

    def starting_type(self) -> InputType | None:
        """The inner layer's."""
        return self.layer.starting_type()

    def filled(self, place: Place, settings: Settings) -> Self:
        """Fills the inner layer."""
        return self.replaced(layer=self.layer.filled(place, settings))

    def output_type(self, flow: InputType) -> InputType:
        """The inner layer's."""
        return self.layer.output_type(flow)


def innermost(layer: Layer) -> Layer:
    """The layer that has the parameters: the one inside all wrappers, or the layer itself."""
    while isinstance(layer, WrapperLayer):
        layer = layer.layer
    return layer
