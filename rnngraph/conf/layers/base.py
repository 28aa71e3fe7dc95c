"""What all layers share: where a layer stands in its network, and how it is filled from there.

A layer as the user writes it leaves out what the network or the layer before knows; :meth:`Layer.filled` completes it. A new layer is a
subclass with a field ``type`` (see ``rnngraph.conf.family``) that says what it takes and gives; it touches no other layer.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pydantic import Field

from rnngraph.conf.activations import Activation, ActivationName
from rnngraph.conf.constraints import Constraints, check_dimensions
from rnngraph.conf.dropout import DropoutField
from rnngraph.conf.family import Family, Member
from rnngraph.conf.fields import Count, Inherited, NonNegative, Positive, Real, inherited
from rnngraph.conf.gradients import GradientNormalization
from rnngraph.conf.initializers import InitializerName
from rnngraph.conf.input_types import ConvolutionalFlatInput, ConvolutionalInput, FeedForwardInput, InputType, RecurrentInput
from rnngraph.conf.masks import MaskMode
from rnngraph.conf.preprocessors import (
    CnnToFeedForwardPreProcessor,
    CnnToRnnPreProcessor,
    FeedForwardToCnnPreProcessor,
    FeedForwardToRnnPreProcessor,
    PreProcessor,
    RnnToFeedForwardPreProcessor,
    described,
)
from rnngraph.conf.updaters import Updater
from rnngraph.conf.weight_noise import WeightNoiseField
from rnngraph.errors import ConfigurationError


class Settings(Protocol):
    """The network's settings that layers inherit; those of :data:`INHERITED` are there too."""

    @property
    def activation(self) -> str | Activation | None:
        """None leaves the choice to each layer."""


PENALTIES = ("l1", "l2", "l1_bias", "l2_bias", "weight_decay", "weight_decay_bias")
INHERITED = (
    "weight_init",
    *PENALTIES,
    "weight_decay_apply_lr",
    "weight_decay_bias_apply_lr",
    "updater",
    "bias_updater",
    "gradient_normalization",
    "gradient_normalization_threshold",
    "constraints",
    "dropout",
    "weight_noise",
    "mask_mode",
)
"""The settings that a layer takes over as they are; ``activation`` has a default of the layer's own besides."""
RIVALS = {"l2": "weight_decay", "weight_decay": "l2", "l2_bias": "weight_decay_bias", "weight_decay_bias": "l2_bias"}
"""Two ways to make weights small: a layer that has the one of its own does not inherit the other, as in DL4J."""


BIASES = frozenset({"b", "bR"})
"""The keys of parameters that are biases in every layer. All others are weights, but for gamma and beta of a batch normalisation, and
for what a layer says by ``is_bias``."""


@dataclass(frozen=True)
class Place:
    """Where a layer stands: what comes in, and the filled layers before it."""

    flow: InputType
    before: tuple[Layer, ...] = ()

    @property
    def source(self) -> str:
        """Who gives what comes in, for messages."""
        return self.label(len(self.before) - 1) if self.before else "input_type"

    @property
    def width(self) -> int:
        """What comes into the network, per example or step."""
        return self.before[0].n_in if self.before else self.flow.size

    @property
    def last_recurrent(self) -> int | None:
        """Index of the last recurrent layer before; where vectors come in, it ended the time axis."""
        return max((k for k, layer in enumerate(self.before) if layer.is_recurrent), default=None)

    @property
    def remedy(self) -> str:
        """How a network of which no layer ended the time axis gets one."""
        return f"give input_type=InputType.recurrent({self.width})"

    def label(self, index: int) -> str:
        """Layer ``index`` in messages."""
        return f"layers[{index}] ({self.before[index].tag()})"


class Layer(Family):
    """Base of the layers."""

    noun: ClassVar[str] = "a layer"
    reads_ids: ClassVar[bool] = False
    """Whether it takes integers below ``n_in`` in the place of features."""
    is_recurrent: ClassVar[bool] = False
    """Whether it has a state that is carried from step to step."""
    has_loss: ClassVar[bool] = False
    """Whether it ends a network and compares with labels."""

    name: str | None = Field(default=None, min_length=1, description="what people call the layer")

    if TYPE_CHECKING:

        @property
        def n_in(self) -> int:
            """Values that come in, per example or step. None before the layer is part of a configuration, where it was left out."""

        @property
        def n_out(self) -> int:
            """Values that go out, per example or step."""

        @property
        def mask_mode(self) -> str:
            """hold, reset or ignore."""

    @property
    def causal(self) -> bool:
        """Whether no output needs a later step: what streaming and truncated BPTT ask for."""
        return True

    @property
    def whole_sequences(self) -> str:
        """Why truncated BPTT cannot train it where it is not causal or ends the time axis."""
        if not self.causal:
            return "it runs backwards in time and needs the whole sequence"
        return "it gives one vector for the whole sequence, of which a segment's loss sees a part"

    @property
    def title(self) -> str:
        """What it is, for people; a wrapper with what it holds."""
        return self.tag()

    @property
    def needs_time(self) -> bool:
        """Whether it takes time series only, so that images which come into its network are frames of a video; a wrapper as its layer."""
        inner = getattr(self, "layer", None)
        return isinstance(inner, Layer) and inner.needs_time

    def preprocessor(self, flow: InputType) -> PreProcessor | None:
        """What has to stand in front of it where ``flow`` comes from before; None where it takes that as it is. A wrapper as its layer."""
        inner = getattr(self, "layer", None)
        return inner.preprocessor(flow) if isinstance(inner, Layer) else None

    @abstractmethod
    def starting_type(self) -> InputType | None:
        """What a network takes that begins with this layer, as far as the layer tells."""

    @abstractmethod
    def filled(self, place: Place, settings: Settings) -> Self:
        """The layer with all that ``place`` and ``settings`` decide. Filling again changes nothing.

        Raises ConfigurationError, which the network completes by the layer's index, where the layer cannot stand there.
        """

    @abstractmethod
    def output_type(self, flow: InputType) -> InputType:
        """What the filled layer gives when it gets ``flow``."""


class SingleLayer(Layer):
    """Base of the layers that hold no other layer: ``n_in`` values in, ``n_out`` values out."""

    takes_time: ClassVar[bool | None] = None
    """True: takes time series only. False: vectors only. None: both, and acts on each step."""

    n_in: Inherited[Count] = inherited("values that come in at each step; inferred where left out")
    n_out: Inherited[Count] = inherited("values that go out at each step")
    mask_mode: Inherited[MaskMode] = inherited("what happens at masked steps; the network's where left out")

    def starting_type(self) -> InputType | None:
        """Follows from ``n_in``."""
        if self._lacks("n_in"):
            return None
        return InputType.recurrent(self.n_in) if self.takes_time else InputType.feed_forward(self.n_in)

    @property
    def needs_time(self) -> bool:
        """Where it takes time series only."""
        return bool(self.takes_time)

    def preprocessor(self, flow: InputType) -> PreProcessor | None:
        """Where it takes time series, what makes one of ``flow``; else what makes vectors."""
        return to_series(flow) if self.takes_time else to_vectors(flow, self.takes_time is None)

    def filled(self, place: Place, settings: Settings) -> Self:
        """Takes ``n_in`` from the place and what is left out from the settings."""
        self._check_flow(place)
        width = self._width(place.flow)
        if not self._lacks("n_in") and self.n_in != width:
            raise ConfigurationError(f"n_in={self.n_in}, but {place.source} gives {width} values; leave n_in out, or make the two equal")
        changes: dict[str, Any] = {f: self._inherited(f, settings) for f in INHERITED if f in type(self).model_fields and self._lacks(f)}
        return self.replaced(**changes, n_in=width)

    def _inherited(self, field: str, settings: Settings) -> Any:
        """What the layer takes for ``field``, which it lacks."""
        rival = getattr(self, RIVALS[field]) if field in RIVALS else None
        return 0.0 if rival else getattr(settings, field)

    def output_type(self, flow: InputType) -> InputType:
        """``flow`` in the layer's own width."""
        return flow.replaced(size=self.n_out)

    def _check_flow(self, place: Place) -> None:
        """ConfigurationError where what comes in is of the wrong kind."""
        if self.takes_time is not None and self.takes_time != place.flow.has_time:
            takes, gives = ("a time series", "one vector per example") if self.takes_time else ("one vector per example", "a time series")
            raise ConfigurationError(f"takes {takes}, but {place.source} gives {gives}; {self.remedy(place)}")
        if isinstance(place.flow, ConvolutionalInput):
            raise ConfigurationError(
                f"takes no images, but the preprocessor in front of it gives {described(place.flow)}; leave that out, "
                "what is needed is inserted"
            )

    def _width(self, flow: InputType) -> int:
        """What ``n_in`` counts of what comes in."""
        return flow.size

    def _lacks(self, field: str) -> bool:
        """Whether ``field`` was left out; the type checker sees the filled layer, where nothing is."""
        return getattr(self, field) is None

    def remedy(self, place: Place) -> str:
        """What to do where the layer gets vectors for time series or the reverse."""
        end = place.last_recurrent
        if place.before and place.before[0].reads_ids:
            return "begin with EmbeddingSequenceLayer"
        return place.remedy if end is None else f"move it in front of {place.label(end)}"


class PlainLayer(SingleLayer):
    """Base of the single layers that end in an activation."""

    default_activation: ClassVar[str] = "sigmoid"
    """Where neither the layer nor the network has one."""

    activation: Inherited[ActivationName] = inherited("activation function; the network's where left out")
    dropout: DropoutField | None = Field(default=None, description="noise on what comes in, in training; the network's where left out")

    def filled(self, place: Place, settings: Settings) -> Self:
        """Takes the network's activation too, where the layer has none."""
        out = super().filled(place, settings)
        return out.replaced(activation=self.activation or settings.activation or self.default_activation)


class SameWidth(SingleLayer):
    """Base of the layers without a width of their own: as many values go out as come in, and the kind of what flows stays.

    Those that take vectors and time series alike take images as they are, and count their channels.
    """

    n_out: Inherited[Count] = inherited("equal to n_in; inferred where left out")

    def preprocessor(self, flow: InputType) -> PreProcessor | None:
        """None where it takes anything."""
        return None if self.takes_time is None else super().preprocessor(flow)

    def output_type(self, flow: InputType) -> InputType:
        """``flow`` as it is."""
        return flow

    def _check_flow(self, place: Place) -> None:
        if self.takes_time is not None:
            super()._check_flow(place)

    def _width(self, flow: InputType) -> int:
        return flow.channels if isinstance(flow, ConvolutionalInput) else flow.size

    def filled(self, place: Place, settings: Settings) -> Self:
        """As wide as what comes in."""
        out = super().filled(place, settings)
        if not self._lacks("n_out") and self.n_out != out.n_in:
            raise ConfigurationError(f"n_out={self.n_out}, but {out.n_in} values come in and the layer changes no width; leave n_out out")
        return out.replaced(n_out=out.n_in)


class TrainedLayer(SingleLayer):
    """Base of the layers with parameters."""

    updater: Inherited[Member[Updater]] = inherited("turns gradients into steps; the network's where left out")
    gradient_normalization: Inherited[GradientNormalization] = inherited(
        "what is done to gradients before the updater; the network's where left out"
    )
    gradient_normalization_threshold: Inherited[Positive] = inherited("from where on gradients are clipped; the network's where left out")

    def updater_of(self, key: str) -> Updater:
        """The updater of the filled layer's parameter ``key``, as W."""
        return self.updater


class WeightLayer(PlainLayer, TrainedLayer):
    """Base of the layers with weights of their own."""

    weight_rank: ClassVar[int] = 2
    """How many dimensions Deeplearning4j's array of the weights has; biases have 2, [1, n]."""

    n_out: Count = Field(description="values that go out at each step: the layer's width")
    weight_init: Inherited[InitializerName] = inherited("initialiser of the weights; the network's where left out")
    bias_init: Real = Field(default=0.0, description="start value of the biases")
    l1: Inherited[NonNegative] = inherited("L1 coefficient of the weights; the network's where left out")
    l2: Inherited[NonNegative] = inherited("L2 coefficient of the weights; the network's where left out")
    l1_bias: Inherited[NonNegative] = inherited("L1 coefficient of the biases; the network's where left out")
    l2_bias: Inherited[NonNegative] = inherited("L2 coefficient of the biases; the network's where left out")
    weight_decay: Inherited[NonNegative] = inherited("decay of the weights behind the updater; the network's where left out")
    weight_decay_bias: Inherited[NonNegative] = inherited("decay of the biases behind the updater; the network's where left out")
    weight_decay_apply_lr: Inherited[bool] = inherited("whether weight_decay is times the learning rate; the network's where left out")
    weight_decay_bias_apply_lr: Inherited[bool] = inherited("the same of weight_decay_bias; the network's where left out")
    bias_updater: Member[Updater] | None = Field(default=None, description="updater of the biases; the network's where left out")
    constraints: Constraints | None = Field(default=None, description="what parameters are brought back to; the network's where left out")
    weight_noise: WeightNoiseField | None = Field(default=None, description="noise on weights, in training; the network's where left out")

    def filled(self, place: Place, settings: Settings) -> Self:
        """Sees to it, besides, that parameters have the dimensions that constraints name."""
        out = super().filled(place, settings)
        constraints: Any = out.constraints  # a tuple, once the layer is made
        check_dimensions(constraints or (), self.weight_rank)
        return out

    def updater_of(self, key: str) -> Updater:
        """Biases may have one of their own."""
        return self.bias_updater if self.bias_updater is not None and self.is_bias(key) else self.updater

    def is_bias(self, key: str) -> bool:
        """Whether the parameter ``key``, as W, is treated as a bias: by updaters, penalties and constraints."""
        return key in BIASES


def to_series(flow: InputType) -> PreProcessor | None:
    """What makes a time series of ``flow``, as DL4J inserts it; None where it is one, or nothing can."""
    if isinstance(flow, ConvolutionalInput) and flow.has_time:
        return CnnToRnnPreProcessor.of(flow.frame)
    if isinstance(flow, (FeedForwardInput, ConvolutionalFlatInput)) and flow.has_time:
        return FeedForwardToRnnPreProcessor()
    return None


def to_vectors(flow: InputType, at_each_step: bool) -> PreProcessor | None:
    """What makes vectors of ``flow``, of a time series only where the layer acts ``at_each_step``; None where they are, or nothing can."""
    if isinstance(flow, ConvolutionalInput):
        return CnnToFeedForwardPreProcessor.of(flow.frame)
    return RnnToFeedForwardPreProcessor() if isinstance(flow, RecurrentInput) and at_each_step else None


def to_images(flow: InputType) -> PreProcessor | None:
    """What makes images of flat ones; None for all else: DL4J inserts nothing behind vectors and time series either."""
    return FeedForwardToCnnPreProcessor.of(flow.frame) if isinstance(flow, ConvolutionalFlatInput) else None
