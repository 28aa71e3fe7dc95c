"""What comes into a network and what goes out, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnngraph.conf.input_types import InputType


@dataclass(frozen=True)
class Entry:
    """One input: its name, its type as configured, and what flows in (images as a video's frames where a layer behind needs time).

    ``ids`` is how many ids there are where it takes ids: [N, T] in a time series, else [N, 1]; None where it takes features.
    """

    name: str
    input_type: InputType
    flow: InputType
    ids: int | None = None

    @property
    def has_time(self) -> bool:
        """Whether it takes [N, F, T], or video [N, C, H, W, T]; else there is no time axis."""
        return self.flow.has_time


@dataclass(frozen=True)
class Head:
    """One output: its name, the index and the layer that gives it, and what flows out."""

    name: str
    index: int
    layer: Any
    gives: InputType

    @property
    def has_time(self) -> bool:
        """Whether it gives [N, n_out, T]; else [N, n_out]."""
        return self.gives.has_time
