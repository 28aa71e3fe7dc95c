"""Filling: from the layers as written to the layers as they stand in their network.

1. What the network takes: ``input_type``, or what the first layer's ``n_in`` says.
2. From front to back, each layer gets its place (:class:`Place`) and fills itself; what it gives is what the next one gets.
3. The output layer is checked: it stands last, and its loss fits its activation.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Layer, Place, Settings
from rnngraph.conf.layers.output import RnnLossLayer, loss_of
from rnngraph.conf.losses import misfit
from rnngraph.errors import ConfigurationError


def fill(layers: Sequence[Layer], input_type: InputType | None, settings: Settings) -> tuple[tuple[Layer, ...], InputType]:
    """The filled layers and the input type. Raises ConfigurationError that names the layer."""
    start = input_type or _starting_type(layers[0])
    flow, filled = start, tuple[Layer, ...]()
    for index, layer in enumerate(layers):
        if filled and filled[-1].has_loss:
            raise ConfigurationError(
                f"{_label(index - 1, filled[-1])}: an output layer ends the network, "
                f"but {_label(index, layer)} stands behind it; move the output layer to the end"
            )
        try:
            done = layer.filled(Place(flow, filled), settings)
        except ConfigurationError as error:
            raise ConfigurationError(f"{_label(index, layer)}: {error}") from None
        flow, filled = done.output_type(flow), (*filled, done)
    return filled, start


def check_output(layers: Sequence[Layer]) -> None:
    """Raise ConfigurationError for an output layer whose loss does not fit its activation."""
    last = layers[-1]
    chosen = loss_of(last)
    problem = misfit(*chosen, last.n_out, has_weights=not isinstance(last, RnnLossLayer)) if chosen else None
    if problem:
        raise ConfigurationError(f"{_label(len(layers) - 1, last)}: {problem}; validate_output_layer=False turns this check off")


def check_causal(layers: Sequence[Layer], setting: str) -> None:
    """Raise ConfigurationError for a layer that needs whole sequences, which ``setting`` would cut into pieces."""
    for index, layer in enumerate(layers):
        if not layer.causal:
            raise ConfigurationError(
                f"layers[{index}] ({layer.title}): it runs backwards in time and needs the whole sequence, but {setting} cuts it into "
                "segments; use backprop=StandardBackprop(), or layers that run forward alone"
            )


def _starting_type(first: Layer) -> InputType:
    start = first.starting_type()
    if start is None:
        raise ConfigurationError(f"{_label(0, first)}: n_in is missing; give n_in=..., or the network input_type=InputType.recurrent(...)")
    return start


def _label(index: int, layer: Layer) -> str:
    return f"layers[{index}] ({layer.tag()})"
