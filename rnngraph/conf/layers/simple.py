"""Layers without weights that act on each value, or on each row of values, by itself."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.dropout import DropoutField
from rnngraph.conf.fields import NoDropout
from rnngraph.conf.layers.base import PlainLayer, SameWidth


class ActivationLayer(SameWidth, PlainLayer):
    """activation(x), of vectors or of each step; shapes stay."""

    positional: ClassVar[tuple[str, ...]] = ("activation",)
    type: Literal["ActivationLayer"] = "ActivationLayer"
    dropout: NoDropout = Field(default=None, description="regularisation by noise")


class DropoutLayer(SameWidth):
    """Noise on what flows in training, nothing otherwise; shapes stay."""

    positional: ClassVar[tuple[str, ...]] = ("dropout",)
    type: Literal["DropoutLayer"] = "DropoutLayer"
    dropout: DropoutField = Field(kw_only=False, description="the kind of noise")
