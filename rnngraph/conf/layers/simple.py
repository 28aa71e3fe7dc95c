"""Layers without weights that act on each value, or on each row of values, by itself."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.activations import ActivationName
from rnngraph.conf.dropout import DropoutField
from rnngraph.conf.fields import Inherited
from rnngraph.conf.layers.base import PlainLayer, SameWidth


class ActivationLayer(SameWidth, PlainLayer):
    """activation(x), of vectors or of each step; shapes stay."""

    positional: ClassVar[tuple[str, ...]] = ("activation",)
    type: Literal["ActivationLayer"] = "ActivationLayer"
    activation: Inherited[ActivationName] = Field(  # type: ignore[assignment]
        default=None, kw_only=False, description="activation function; the network's where left out"
    )


class DropoutLayer(SameWidth):
    """Noise on what flows in training, nothing otherwise; shapes stay."""

    positional: ClassVar[tuple[str, ...]] = ("dropout",)
    type: Literal["DropoutLayer"] = "DropoutLayer"
    dropout: DropoutField = Field(kw_only=False, description="the kind of noise")
