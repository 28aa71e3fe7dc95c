"""Embeddings: the first layer of a network that takes ids, each of which has a vector."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rnngraph.conf.activations import ActivationName
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Place, Settings, WeightLayer
from rnngraph.errors import ConfigurationError


class _Embedding(WeightLayer):
    """What both share. ``n_in`` is the number of ids."""

    reads_ids: ClassVar[bool] = True

    activation: ActivationName = Field(default="identity", description="activation function of the vectors")
    has_bias: bool = Field(default=False, description="whether there is a b, added to each vector")

    @model_validator(mode="after")
    def _no_noise_on_ids(self) -> Self:
        if self.dropout is not None:
            raise ConfigurationError(
                f"{self.tag()}: dropout={self.dropout!r}: it takes ids, which noise would make other ids; "
                "give it to the layer behind, whose input the vectors are"
            )
        return self

    def _inherited(self, field: str, settings: Settings) -> Any:
        """The network's dropout does not reach ids."""
        return None if field == "dropout" else super()._inherited(field, settings)

    def starting_type(self) -> InputType | None:
        """One id per example or per step, of ``n_in``."""
        if self._lacks("n_in"):
            raise ConfigurationError("n_in is missing, the number of ids; give n_in=... (ids go from 0 to n_in - 1)")
        return super().starting_type()

    def filled(self, place: Place, settings: Settings) -> Self:
        """As any layer, but in front only."""
        if place.before:
            raise ConfigurationError(
                f"reads ids, which only the network's input can be, but {place.source} gives numbers; make it the first layer"
            )
        return super().filled(place, settings)


class EmbeddingLayer(_Embedding):
    """activation(W[id] + b): one id per example, [N, 1] or [N] -> [N, n_out]; W [n_in, n_out] as in torch's ``nn.Embedding``."""

    takes_time: ClassVar[bool | None] = False
    type: Literal["EmbeddingLayer"] = "EmbeddingLayer"

    def remedy(self, place: Place) -> str:
        """The other embedding."""
        return f"use EmbeddingSequenceLayer, or input_type=InputType.feed_forward({place.width})"


class EmbeddingSequenceLayer(_Embedding):
    """activation(W[id] + b): one id per step, [N, T] or [N, 1, T] -> [N, n_out, T]; W [n_in, n_out] as in torch's ``nn.Embedding``."""

    takes_time: ClassVar[bool | None] = True
    type: Literal["EmbeddingSequenceLayer"] = "EmbeddingSequenceLayer"

    def remedy(self, place: Place) -> str:
        """The other embedding."""
        return f"use EmbeddingLayer, or input_type=InputType.recurrent({place.width})"
