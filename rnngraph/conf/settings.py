"""What all configurations of networks share: the settings that layers inherit, and the ways in and out as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypedDict

from pydantic import BeforeValidator, Field

from rnngraph.conf import documents
from rnngraph.conf.activations import Activation, ActivationName
from rnngraph.conf.backprop import Backprop, StandardBackprop
from rnngraph.conf.base import Configured
from rnngraph.conf.constraints import Constraint, Constraints
from rnngraph.conf.dropout import DropoutField, Noise
from rnngraph.conf.family import Member
from rnngraph.conf.fields import NonNegative, Positive, Seed
from rnngraph.conf.gradients import GradientNormalization
from rnngraph.conf.initializers import Distribution, InitializerName
from rnngraph.conf.masks import MaskMode
from rnngraph.conf.names import spell
from rnngraph.conf.schema import json_schema
from rnngraph.conf.updaters import Sgd, Updater
from rnngraph.conf.weight_noise import ParameterNoise, WeightNoiseField

if TYPE_CHECKING:
    from rnngraph.conf.input_types import InputType
    from rnngraph.conf.ports import Entry, Head, Link

DATA_TYPES = ("float32", "float64")
DATA_TYPE_ALIASES = {"float": "float32", "double": "float64"}
DataType = Annotated[Literal["float32", "float64"], BeforeValidator(lambda v: spell(v, DATA_TYPES, DATA_TYPE_ALIASES))]


class Shared(TypedDict, total=False):
    """The arguments of :class:`NetworkConfiguration` as a caller may give them, which is wider than what is there afterwards."""

    seed: int
    updater: Updater
    weight_init: str | Distribution
    activation: str | Activation | None
    bias_updater: Updater | None
    l1: float
    l2: float
    l1_bias: float
    l2_bias: float
    weight_decay: float
    weight_decay_bias: float
    weight_decay_apply_lr: bool
    weight_decay_bias_apply_lr: bool
    gradient_normalization: str
    gradient_normalization_threshold: float
    constraints: Constraint | Sequence[Constraint] | None
    dropout: Noise | None
    weight_noise: ParameterNoise | None
    backprop: Backprop
    data_type: str
    mask_mode: str
    mini_batch: bool
    validate_output_layer: bool


class NetworkConfiguration(Configured):
    """What networks of layers in a row and graphs share."""

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
    backprop: Member[Backprop] = Field(default=StandardBackprop(), description="how far back in time gradients reach")
    data_type: DataType = Field(default="float32", description="of parameters and arithmetic")
    mask_mode: MaskMode = Field(default="hold", description="what layers do at masked steps")
    mini_batch: bool = Field(default=True, description="whether score and gradients are divided by the number of examples")
    validate_output_layer: bool = Field(default=True, description="whether a loss that does not fit its activation is refused")

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]  # as pydantic's own
        """The fields, without what was computed from them."""
        return ((name, getattr(self, name)) for name in type(self).model_fields)

    if TYPE_CHECKING:

        @property
        def layers(self) -> Sequence[Any]:
            """What computes, in order: filled layers, in a graph vertices too."""

        @property
        def layer_names(self) -> tuple[str, ...]:
            """What each of ``layers`` is called in the names of its parameters."""

        @property
        def entries(self) -> tuple[Entry, ...]:
            """What comes in, in order."""

        @property
        def heads(self) -> tuple[Head, ...]:
            """What goes out, in order."""

        @property
        def links(self) -> tuple[Link, ...]:
            """Each of ``layers`` with what comes into it."""

        @property
        def flows(self) -> dict[str, InputType]:
            """What each of ``layers`` gives, by name."""

        @property
        def clocks(self) -> dict[str, str]:
            """For each input with a time axis one of those that have to be as long, the same for all of them."""

        def layer_label(self, index: int) -> str:
            """One of ``layers`` in messages."""

    def to_json(self) -> str:
        """As JSON, with every setting written out but initial states of zero, so that later defaults change nothing."""
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


NetworkConfiguration.known_fields.pop("NetworkConfiguration")  # a base, which nobody writes
