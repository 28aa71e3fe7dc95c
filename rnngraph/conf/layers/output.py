"""Layers that end a network and compare its output with labels. Their activation is softmax unless given, whatever the network's is."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.activations import ActivationName, name_of
from rnngraph.conf.fields import Real
from rnngraph.conf.layers.base import Place, PlainLayer, SameWidth, WeightLayer
from rnngraph.conf.losses import Loss, LossName

SOFTMAX = "activation function of the output"
LOSS = "what is minimised"


class _DenseOutput(WeightLayer):
    """y = activation(W x + b), or with ``has_layer_norm`` activation(g LN(W x) + b), compared with labels by ``loss``."""

    has_loss: ClassVar[bool] = True

    activation: ActivationName = Field(default="softmax", description=SOFTMAX)
    loss: LossName = Field(default="mcxent", description=LOSS)
    has_bias: bool = Field(default=True, description="whether there is a b")
    has_layer_norm: bool = Field(default=False, description="whether W x is normalised, and has a gain g")
    gain_init: Real = Field(default=1.0, description="start value of the gain")


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


class _PlainLoss(SameWidth, PlainLayer):
    """Activation and loss without weights."""

    has_loss: ClassVar[bool] = True

    activation: ActivationName = Field(default="softmax", description=SOFTMAX)
    loss: LossName = Field(default="mcxent", description=LOSS)


class LossLayer(_PlainLoss):
    """Activation and loss without weights, per example: [N, n_in] -> [N, n_in]; labels of that shape."""

    takes_time: ClassVar[bool | None] = False
    type: Literal["LossLayer"] = "LossLayer"

    def remedy(self, place: Place) -> str:
        """Another output layer, or an end of the time axis."""
        last = place.last_recurrent
        return "use RnnLossLayer" + ("" if last is None else f", or wrap layers[{last}] in LastTimeStep")


class RnnLossLayer(_PlainLoss):
    """Activation and loss without weights, per step: [N, n_in, T] -> [N, n_in, T]; labels of that shape."""

    takes_time: ClassVar[bool | None] = True
    type: Literal["RnnLossLayer"] = "RnnLossLayer"

    def remedy(self, place: Place) -> str:
        """Another output layer."""
        return "use LossLayer"


def loss_of(layer: object) -> tuple[str | Loss, str] | None:
    """(loss, activation) of an output layer, None for other layers."""
    return (layer.loss, name_of(layer.activation)) if isinstance(layer, (_DenseOutput, _PlainLoss)) else None
