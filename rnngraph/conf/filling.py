"""Filling: from the layers as written to the layers as they stand in their network.

1. What the network takes: ``input_type``, or what the first layer's ``n_in`` says.
2. From front to back, each layer gets its place (:class:`Place`) and fills itself; what it gives is what the next one gets.
3. The output layer is checked: it stands last, and its loss fits its outputs and its activation.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.conf.backprop import Backprop, TruncatedBPTT
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Layer, Place, Settings, WeightLayer
from rnngraph.conf.layers.output import loss_of
from rnngraph.conf.losses import misfit, weights_misfit
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
    problem = weights_misfit(chosen[0], filled[-1].n_out) if (chosen := loss_of(filled[-1])) else None
    if problem:
        raise ConfigurationError(f"{_label(len(filled) - 1, filled[-1])}: {problem}")
    return filled, start


def check_output(layers: Sequence[Layer]) -> None:
    """Raise ConfigurationError for an output layer whose loss does not fit its activation."""
    last = layers[-1]
    chosen = loss_of(last)
    problem = misfit(*chosen, last.n_out, has_weights=isinstance(last, WeightLayer)) if chosen else None
    if problem:
        raise ConfigurationError(f"{_label(len(layers) - 1, last)}: {problem}; validate_output_layer=False turns this check off")


def check_backprop(layers: Sequence[Layer], backprop: Backprop) -> None:
    """Raise ConfigurationError for a layer that truncated BPTT cannot train."""
    for index, layer in enumerate(layers):
        reason = layer.whole_sequences or (None if layer.causal else "it runs backwards in time and needs the whole sequence")
        if reason and isinstance(backprop, TruncatedBPTT):
            raise ConfigurationError(
                f"layers[{index}] ({layer.title}): backprop=TruncatedBPTT(length={backprop.length}) cannot train it: {reason}; "
                "use backprop=StandardBackprop()"
            )


def _starting_type(first: Layer) -> InputType:
    try:
        start = first.starting_type()
    except ConfigurationError as error:
        raise ConfigurationError(f"{_label(0, first)}: {error}") from None
    if start is None:
        raise ConfigurationError(f"{_label(0, first)}: n_in is missing; give n_in=..., or the network input_type=InputType.recurrent(...)")
    return start


def _label(index: int, layer: Layer) -> str:
    return f"layers[{index}] ({layer.tag()})"
