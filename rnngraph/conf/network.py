"""MultiLayerConfiguration: a network as a stack of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self, Unpack

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rnngraph.conf.explain import shown
from rnngraph.conf.family import Member
from rnngraph.conf.fields import Inherited, inherited, plain
from rnngraph.conf.filling import Stage, check_backprop, check_output, fill, flowing, stages
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers import Layer
from rnngraph.conf.layers.base import INHERITED
from rnngraph.conf.ports import Entry, Head, Link
from rnngraph.conf.preprocessors import PreProcessor
from rnngraph.conf.settings import NetworkConfiguration, Shared
from rnngraph.errors import ConfigurationError


def _several(value: object) -> object:
    if isinstance(value, Layer):
        raise ValueError("expected a list of layers; put the layer in brackets")
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise ValueError("expected a list of layers")
    if not value:
        raise ValueError("expected at least one layer")
    return value


def _numbered(value: object) -> object:
    """Preprocessors under the number of their layer; JSON has numbers as text there."""
    if value is None:
        return {}
    if isinstance(value, PreProcessor) or not isinstance(value, Mapping):
        raise ValueError("expected preprocessors by the index of the layer behind them, as {3: CnnToRnnPreProcessor(...)}")
    out: dict[int, Any] = {}
    for key, preprocessor in value.items():
        number = int(key) if isinstance(key, str) and key.isdecimal() else plain(key)
        if not isinstance(number, int) or isinstance(number, bool):
            raise ValueError(f"the key {key!r} is no index of a layer; expected whole numbers, as in {{3: CnnToRnnPreProcessor(...)}}")
        out[number] = preprocessor
    return dict(sorted(out.items()))


Layers = Annotated[Sequence[Member[Layer]], BeforeValidator(_several), AfterValidator(tuple), Field(min_length=1)]
Preprocessors = Annotated[dict[int, Member[PreProcessor]], BeforeValidator(_numbered)]


class MultiLayerConfiguration(NetworkConfiguration):
    """A stack of layers and what they share.

    After construction ``layers`` is a tuple of filled layers (``n_in`` is known, what a layer left out is the network's), ``input_type`` is
    known, and ``preprocessors`` has those by hand and those that were inserted. Nothing changes afterwards; equal configurations describe
    equal networks. Raises ConfigurationError that names layer index and field.
    """

    layers: Layers = Field(description="the layers from input to output")
    input_type: Inherited[Member[InputType]] = inherited("what comes in; inferred from the first layer where left out")
    preprocessors: Preprocessors = Field(default={}, description="preprocessors by the index of the layer behind them")
    if TYPE_CHECKING:
        # What a caller may give is wider than what is there afterwards.
        def __init__(
            self,
            *,
            layers: Sequence[Layer],
            input_type: InputType | None = None,
            preprocessors: Mapping[int, PreProcessor] | None = None,
            **shared: Unpack[Shared],
        ) -> None: ...

    @model_validator(mode="after")
    def _fill(self) -> Self:
        layers, input_type, preprocessors = fill(self.layers, self.input_type, self.preprocessors, self)
        if self.validate_output_layer:
            check_output(layers)
        check_backprop(stages(layers, input_type, preprocessors), self.backprop)
        # Still under construction: nobody else has seen it.
        self.__dict__.update(layers=layers, input_type=input_type, preprocessors=preprocessors)
        return self

    def replaced(self, **changes: Any) -> Self:
        """A copy with some settings changed. What the layers have inherited cannot be changed without them: they keep what they have."""
        inherited = [name for name in (*INHERITED, "activation") if name in changes]
        if inherited and "layers" not in changes:
            raise ConfigurationError(
                f"{inherited[0]}={shown(changes[inherited[0]])}: the layers have inherited {inherited[0]} already and would not change; "
                "give layers=[...] too, or make a new configuration"
            )
        if "preprocessors" not in changes:  # those by hand stay, those that were inserted are found anew
            by_hand = {k: s.preprocessor for k, s in enumerate(self.stages) if s.preprocessor is not None and not s.inserted}
            changes = {**changes, "preprocessors": by_hand}
        return super().replaced(**changes)

    def __hash__(self) -> int:
        return hash((self.seed, self.layers, self.data_type))

    @property
    def n_in(self) -> int:
        """Features that the network takes, per example or step."""
        return self.input_type.size

    @property
    def n_out(self) -> int:
        """Values that the network gives, per example or step."""
        return self.layers[-1].n_out

    @property
    def ids(self) -> int | None:
        """How many ids there are, where the network takes ids: [N, T] in a time series, else [N, 1]; None where it takes features."""
        return self.layers[0].n_in if self.layers[0].reads_ids else None

    @property
    def starts_in_time_series(self) -> bool:
        """Whether it takes [N, n_in, T], or video [N, C, H, W, T]; else there is no time axis."""
        return self.flow.has_time

    @property
    def ends_in_time_series(self) -> bool:
        """Whether it gives [N, n_out, T]; else [N, n_out]."""
        return self.stages[-1].gives.has_time

    @property
    def flow(self) -> InputType:
        """What comes in: ``input_type``, images as a video's frames where a layer needs time."""
        return flowing(self.input_type, self.layers, self.preprocessors)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Each layer with its preprocessor, and what flows around them."""
        return tuple(stages(self.layers, self.input_type, self.preprocessors))

    @cached_property
    def layer_names(self) -> tuple[str, ...]:
        """The numbers of the layers."""
        return tuple(map(str, range(len(self.layers))))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The one input, x."""
        return (Entry("x", self.input_type, self.flow, self.ids),)

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The one output, y."""
        return (Head("y", len(self.layers) - 1, self.layers[-1], self.stages[-1].gives),)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The layers, each behind the one before."""
        names = ("x", *self.layer_names)
        return tuple(Link(k, str(k), s.layer, (names[k],), s.preprocessor) for k, s in enumerate(self.stages))

    @cached_property
    def flows(self) -> dict[str, InputType]:
        """What each layer gives."""
        return {str(k): stage.gives for k, stage in enumerate(self.stages)}

    @cached_property
    def clocks(self) -> dict[str, str]:
        """The one input's own, where it has a time axis."""
        return {"x": "x"} if self.starts_in_time_series else {}

    def layer_label(self, index: int) -> str:
        """A layer in messages: ``layers[3] (LSTM)``."""
        return f"layers[{index}] ({self.layers[index].tag()})"
