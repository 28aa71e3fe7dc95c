"""Layers that end a network and compare its output with labels. Their activation is softmax unless given, whatever the network's is."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field

from rnngraph.conf.activations import ActivationName, name_of
from rnngraph.conf.fields import Count, Inherited, inherited
from rnngraph.conf.layers.base import Layer, Place, PlainLayer, Settings, WeightLayer
from rnngraph.conf.losses import Loss, LossName
from rnngraph.errors import ConfigurationError

SOFTMAX = "activation function of the output"
LOSS = "what is minimised"


class _DenseOutput(WeightLayer):
    """y = activation(W x + b), compared with labels by ``loss``."""

    has_loss: ClassVar[bool] = True

    activation: ActivationName = Field(default="softmax", description=SOFTMAX)
    loss: LossName = Field(default="mcxent", description=LOSS)
    has_bias: bool = Field(default=True, description="whether there is a b")


class OutputLayer(_DenseOutput):
    """One output per example, [N, n_in] -> [N, n_out]; labels [N, n_out]."""

    takes_time: ClassVar[bool | None] = False
    type: Literal["OutputLayer"] = "OutputLayer"

    def remedy(self, place: Place) -> str:
        """Another output layer, or an end of the time axis."""
        last = place.last_recurrent
        return "use RnnOutputLayer" + ("" if last is None else f", or wrap layers[{last}] in LastTimeStep")


class RnnOutputLayer(_DenseOutput):
    """One output per step, [N, n_in, T] -> [N, n_out, T]; labels [N, n_out, T]."""

    takes_time: ClassVar[bool | None] = True
    type: Literal["RnnOutputLayer"] = "RnnOutputLayer"

    def remedy(self, place: Place) -> str:
        """Another output layer, or a time axis."""
        return "use OutputLayer" + (f", or {super().remedy(place)}" if place.last_recurrent is None else "")


class RnnLossLayer(PlainLayer):
    """Activation and loss without weights, per step: [N, n_in, T] -> [N, n_in, T]; labels of that shape."""

    has_loss: ClassVar[bool] = True
    takes_time: ClassVar[bool | None] = True
    type: Literal["RnnLossLayer"] = "RnnLossLayer"

    n_out: Inherited[Count] = inherited("equal to n_in; inferred where left out")
    activation: ActivationName = Field(default="softmax", description=SOFTMAX)
    loss: LossName = Field(default="mcxent", description=LOSS)

    def filled(self, place: Place, settings: Settings) -> Self:
        """As wide as what comes in."""
        out = super().filled(place, settings)
        if not self._lacks("n_out") and self.n_out != out.n_in:
            raise ConfigurationError(f"n_out={self.n_out}, but {out.n_in} values come in and the layer has no weights; leave n_out out")
        return out.replaced(n_out=out.n_in)

    def remedy(self, place: Place) -> str:
        """Another output layer."""
        return "use OutputLayer"


def loss_of(layer: Layer) -> tuple[str | Loss, str] | None:
    """(loss, activation) of an output layer, None for other layers."""
    return (layer.loss, name_of(layer.activation)) if isinstance(layer, (_DenseOutput, RnnLossLayer)) else None
