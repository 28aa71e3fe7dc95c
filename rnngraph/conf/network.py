"""MultiLayerConfiguration: a network as a stack of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rnngraph.conf import documents
from rnngraph.conf.activations import Activation, ActivationName
from rnngraph.conf.backprop import Backprop, StandardBackprop
from rnngraph.conf.base import Configured
from rnngraph.conf.constraints import Constraint, Constraints
from rnngraph.conf.dropout import DropoutField, Noise
from rnngraph.conf.explain import shown
from rnngraph.conf.family import Member
from rnngraph.conf.fields import Inherited, NonNegative, Positive, Seed, inherited, plain
from rnngraph.conf.filling import Stage, check_backprop, check_output, fill, flowing, stages
from rnngraph.conf.gradients import GradientNormalization
from rnngraph.conf.initializers import Distribution, InitializerName
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers import Layer
from rnngraph.conf.layers.base import INHERITED
from rnngraph.conf.masks import MaskMode
from rnngraph.conf.names import spell
from rnngraph.conf.preprocessors import PreProcessor
from rnngraph.conf.schema import json_schema
from rnngraph.conf.updaters import Sgd, Updater
from rnngraph.conf.weight_noise import ParameterNoise, WeightNoiseField
from rnngraph.errors import ConfigurationError

DATA_TYPES = ("float32", "float64")
DATA_TYPE_ALIASES = {"float": "float32", "double": "float64"}
DataType = Annotated[Literal["float32", "float64"], BeforeValidator(lambda v: spell(v, DATA_TYPES, DATA_TYPE_ALIASES))]


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


class MultiLayerConfiguration(Configured):
    """A stack of layers and what they share.

    After construction ``layers`` is a tuple of filled layers (``n_in`` is known, what a layer left out is the network's), ``input_type`` is
    known, and ``preprocessors`` has those by hand and those that were inserted. Nothing changes afterwards; equal configurations describe
    equal networks. Raises ConfigurationError that names layer index and field.
    """

    seed: Seed = Field(default=0, description="start of all random numbers")
    updater: Member[Updater] = Field(default=Sgd(), description="turns gradients into steps")
    weight_init: InitializerName = Field(default="xavier", description="initialiser of weights")
    activation: ActivationName | None = Field(
        default=None, description="of layers that have none; left out: tanh in recurrent layers, else sigmoid"
    )
    bias_updater: Member[Updater] | None = Field(default=None, description="updater of biases; the updater where left out")
    l1: NonNegative = Field(default=0.0, description="L1 coefficient of weights")
    l2: NonNegative = Field(default=0.0, description="L2 coefficient of weights")
    l1_bias: NonNegative = Field(default=0.0, description="L1 coefficient of biases")
    l2_bias: NonNegative = Field(default=0.0, description="L2 coefficient of biases")
    weight_decay: NonNegative = Field(default=0.0, description="decay of weights, behind the updater")
    weight_decay_bias: NonNegative = Field(default=0.0, description="decay of biases, behind the updater")
    weight_decay_apply_lr: bool = Field(default=True, description="whether weight_decay is times the learning rate")
    weight_decay_bias_apply_lr: bool = Field(default=True, description="whether weight_decay_bias is times the learning rate")
    gradient_normalization: GradientNormalization = Field(default="none", description="what is done to gradients before the updater")
    gradient_normalization_threshold: Positive = Field(default=1.0, description="from where on gradients are clipped")
    constraints: Constraints | None = Field(default=None, description="what parameters are brought back to after each update")
    dropout: DropoutField | None = Field(default=None, description="noise on what comes into each layer, in training")
    weight_noise: WeightNoiseField | None = Field(default=None, description="noise on weights, in training")
    layers: Layers = Field(description="the layers from input to output")
    input_type: Inherited[Member[InputType]] = inherited("what comes in; inferred from the first layer where left out")
    preprocessors: Preprocessors = Field(default={}, description="preprocessors by the index of the layer behind them")
    backprop: Member[Backprop] = Field(default=StandardBackprop(), description="how far back in time gradients reach")
    data_type: DataType = Field(default="float32", description="of parameters and arithmetic")
    mask_mode: MaskMode = Field(default="hold", description="what layers do at masked steps")
    mini_batch: bool = Field(default=True, description="whether score and gradients are divided by the number of examples")
    validate_output_layer: bool = Field(default=True, description="whether a loss that does not fit its activation is refused")

    if TYPE_CHECKING:
        # What a caller may give is wider than what is there afterwards.
        def __init__(
            self,
            *,
            layers: Sequence[Layer],
            seed: int = 0,
            updater: Updater = ...,
            weight_init: str | Distribution = "xavier",
            activation: str | Activation | None = None,
            bias_updater: Updater | None = None,
            l1: float = 0.0,
            l2: float = 0.0,
            l1_bias: float = 0.0,
            l2_bias: float = 0.0,
            weight_decay: float = 0.0,
            weight_decay_bias: float = 0.0,
            weight_decay_apply_lr: bool = True,
            weight_decay_bias_apply_lr: bool = True,
            gradient_normalization: str = "none",
            gradient_normalization_threshold: float = 1.0,
            constraints: Constraint | Sequence[Constraint] | None = None,
            dropout: Noise | None = None,
            weight_noise: ParameterNoise | None = None,
            input_type: InputType | None = None,
            preprocessors: Mapping[int, PreProcessor] | None = None,
            backprop: Backprop = ...,
            data_type: str = "float32",
            mask_mode: str = "hold",
            mini_batch: bool = True,
            validate_output_layer: bool = True,
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

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Each layer with its preprocessor, and what flows around them."""
        return tuple(stages(self.layers, self.input_type, self.preprocessors))

    def to_json(self) -> str:
        """As JSON, with every setting written out, so that later defaults change nothing."""
        return documents.to_json(self.model_dump(mode="json"))

    def to_yaml(self) -> str:
        """As YAML, with every setting written out."""
        return documents.to_yaml(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From :meth:`to_json`'s text, or one by hand. Raises ConfigurationError that tells the position."""
        return cls(**documents.from_json(text))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """From :meth:`to_yaml`'s text, or one by hand. Raises ConfigurationError that tells the position."""
        return cls(**documents.from_yaml(text))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON schema (draft 2020-12) of :meth:`to_json`'s text, and of what a person writes by hand with names in their usual spelling."""
        return json_schema(cls)
