"""Filling: from the layers as written to the layers as they stand in their network.

1. What the network takes: ``input_type``, or what the first preprocessor or the first layer's ``n_in`` says. Images are frames of a video
   where anything behind needs a time axis.
2. From front to back, each layer gets the preprocessor that was put in front of it by hand, or else the one that it asks for; then its
   place (:class:`Place`), and fills itself. What it gives is what the next one gets.
3. The output layer is checked: it stands last, and its loss fits its outputs and its activation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnngraph.conf.backprop import Backprop, TruncatedBPTT
from rnngraph.conf.input_types import ConvolutionalFlatInput, ConvolutionalInput, InputType
from rnngraph.conf.layers.base import Layer, Place, Settings, WeightLayer
from rnngraph.conf.layers.output import loss_of
from rnngraph.conf.losses import misfit, weights_misfit
from rnngraph.conf.preprocessors import PreProcessor
from rnngraph.errors import ConfigurationError


@dataclass(frozen=True)
class Stage:
    """A layer in its network: what the one before gives, the preprocessor between them, what the layer takes and what it gives."""

    layer: Layer
    given: InputType
    preprocessor: PreProcessor | None
    takes: InputType
    gives: InputType

    @property
    def inserted(self) -> bool:
        """Whether the preprocessor is the one that the layer asks for."""
        return self.preprocessor == self.layer.preprocessor(self.given)


def fill(
    layers: Sequence[Layer], input_type: InputType | None, preprocessors: Mapping[int, PreProcessor], settings: Settings
) -> tuple[tuple[Layer, ...], InputType, dict[int, PreProcessor]]:
    """The filled layers, the input type and all preprocessors. Raises ConfigurationError that names the layer or preprocessor."""
    _check_indices(layers, preprocessors)
    start = input_type or _starting_type(layers, preprocessors)
    flow, filled, between = flowing(start, layers, preprocessors), tuple[Layer, ...](), dict[int, PreProcessor]()
    for index, layer in enumerate(layers):
        if filled and filled[-1].has_loss:
            raise ConfigurationError(
                f"{_label(index - 1, filled[-1])}: an output layer ends the network, "
                f"but {_label(index, layer)} stands behind it; move the output layer to the end"
            )
        preprocessor = preprocessors.get(index) or layer.preprocessor(flow)
        if preprocessor is not None:
            flow, between[index] = _through(index, preprocessor, flow), preprocessor
        try:
            done = layer.filled(Place(flow, filled), settings)
        except ConfigurationError as error:
            raise ConfigurationError(f"{_label(index, layer)}: {error}") from None
        flow, filled = done.output_type(flow), (*filled, done)
    problem = weights_misfit(chosen[0], filled[-1].n_out) if (chosen := loss_of(filled[-1])) else None
    if problem:
        raise ConfigurationError(f"{_label(len(filled) - 1, filled[-1])}: {problem}")
    return filled, start, between


def stages(layers: Sequence[Layer], input_type: InputType, preprocessors: Mapping[int, PreProcessor]) -> Iterator[Stage]:
    """The stages of a filled network."""
    flow = flowing(input_type, layers, preprocessors)
    for index, layer in enumerate(layers):
        preprocessor = preprocessors.get(index)
        takes = flow if preprocessor is None else preprocessor.output_type(flow)
        gives = layer.output_type(takes)
        yield Stage(layer, flow, preprocessor, takes, gives)
        flow = gives


def flowing(start: InputType, layers: Sequence[Layer], preprocessors: Mapping[int, PreProcessor]) -> InputType:
    """What flows into the network: ``start``, images as a video's frames where a layer or preprocessor needs time."""
    if not isinstance(start, (ConvolutionalInput, ConvolutionalFlatInput)):
        return start
    timed = any(layer.needs_time for layer in layers) or any(p.needs_time for p in preprocessors.values())
    return start.replaced(at_each_step=True) if timed else start


def _through(index: int, preprocessor: PreProcessor, flow: InputType) -> InputType:
    try:
        return preprocessor.output_type(flow)
    except ConfigurationError as error:
        raise ConfigurationError(f"preprocessors[{index}] ({preprocessor.tag()}): {error}") from None


def _check_indices(layers: Sequence[Layer], preprocessors: Mapping[int, PreProcessor]) -> None:
    """Raise ConfigurationError for a preprocessor in front of a layer that is not there."""
    for index, preprocessor in preprocessors.items():
        if not 0 <= index < len(layers):
            raise ConfigurationError(
                f"preprocessors[{index}] ({preprocessor.tag()}): there is no layer {index} for it to stand in front of; "
                f"layers go from 0 to {len(layers) - 1}"
            )


def check_output(layers: Sequence[Layer]) -> None:
    """Raise ConfigurationError for an output layer whose loss does not fit its activation."""
    last = layers[-1]
    chosen = loss_of(last)
    problem = misfit(*chosen, last.n_out, has_weights=isinstance(last, WeightLayer)) if chosen else None
    if problem:
        raise ConfigurationError(f"{_label(len(layers) - 1, last)}: {problem}; validate_output_layer=False turns this check off")


def check_backprop(stages: Iterable[Stage], backprop: Backprop) -> None:
    """Raise ConfigurationError for a layer that truncated BPTT cannot train: it ends the time axis, or looks ahead in time."""
    if not isinstance(backprop, TruncatedBPTT):
        return
    for index, stage in enumerate(stages):
        layer = stage.layer
        ends = stage.takes.has_time and not stage.gives.has_time
        reason = layer.whole_sequences if ends or not layer.causal else None
        if reason is not None:
            raise ConfigurationError(
                f"layers[{index}] ({layer.title}): backprop=TruncatedBPTT(length={backprop.length}) cannot train it: {reason}; "
                "use backprop=StandardBackprop()"
            )


def _starting_type(layers: Sequence[Layer], preprocessors: Mapping[int, PreProcessor]) -> InputType:
    first = layers[0]
    if 0 in preprocessors and (start := preprocessors[0].starting_type()) is not None:
        return start
    try:
        start = first.starting_type()
    except ConfigurationError as error:
        raise ConfigurationError(f"{_label(0, first)}: {error}") from None
    if start is None:
        raise ConfigurationError(f"{_label(0, first)}: n_in is missing; give n_in=..., or the network input_type=InputType.recurrent(...)")
    return start


def _label(index: int, layer: Layer) -> str:
    return f"layers[{index}] ({layer.tag()})"
