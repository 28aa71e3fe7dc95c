"""How far back in time gradients reach."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.family import Family
from rnngraph.conf.fields import Count


class Backprop(Family):
    """Base of the two ways."""

    noun: ClassVar[str] = "a way of backpropagation"


class StandardBackprop(Backprop):
    """Through whole sequences."""

    type: Literal["StandardBackprop"] = "StandardBackprop"


class TruncatedBPTT(Backprop):
    """Through segments of ``length`` steps, one update each, the state carried over. ``fit`` refuses it in this version."""

    positional: ClassVar[tuple[str, ...]] = ("length",)
    type: Literal["TruncatedBPTT"] = "TruncatedBPTT"
    length: Count = Field(default=20, kw_only=False, description="steps of a segment")
