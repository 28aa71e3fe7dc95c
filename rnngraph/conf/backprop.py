"""How far back in time gradients reach."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rnngraph.conf.family import Family
from rnngraph.conf.fields import Count
from rnngraph.errors import ConfigurationError


class Backprop(Family):
    """Base of the two ways."""

    noun: ClassVar[str] = "a way of backpropagation"


class StandardBackprop(Backprop):
    """Through whole sequences."""

    type: Literal["StandardBackprop"] = "StandardBackprop"


class TruncatedBPTT(Backprop):
    """Through segments of ``length`` steps: one update for each, the states carried over (Williams and Peng 1990).

    Gradients end at the start of their segment; the states that it begins with are those that the parameters of then gave. The last
    segment of a minibatch may be shorter, and each minibatch begins from the initial state. With ``backward_length`` (DL4J:
    ``tBPTTBackwardLength``) only the last steps of a segment give a gradient to recurrent layers and to what stands in front of them;
    layers behind the last recurrent one learn from all steps.

    Raises ConfigurationError for a length below 1, and for a ``backward_length`` above ``length``.
    """

    positional: ClassVar[tuple[str, ...]] = ("length", "backward_length")
    type: Literal["TruncatedBPTT"] = "TruncatedBPTT"
    length: Count = Field(default=20, kw_only=False, description="steps of a segment")
    backward_length: Count | None = Field(
        default=None, kw_only=False, description="steps at a segment's end that recurrent layers learn from; left out: all"
    )

    @model_validator(mode="after")
    def _within_a_segment(self) -> Self:
        if self.backward_length is not None and self.backward_length > self.length:
            raise ConfigurationError(
                f"TruncatedBPTT: backward_length={self.backward_length} is above length={self.length}, but a gradient ends where its "
                "segment begins; give a longer length, or leave backward_length out"
            )
        return self
