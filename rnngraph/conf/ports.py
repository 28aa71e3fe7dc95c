"""What comes into a network and what goes out, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnngraph.conf.input_types import InputType
from rnngraph.conf.preprocessors import PreProcessor


@dataclass(frozen=True)
class Entry:
    """One input: its name, its type as configured, and what flows in (images as a video's frames where a layer behind needs time).

    ``ids`` is how many ids there are where it takes ids: [N, T] in a time series, else [N, 1]; None where it takes features. ``mask_name``
    is the graph's name of its mask.
    """

    name: str
    input_type: InputType
    flow: InputType
    ids: int | None = None
    mask_name: str = "features_mask"

    @property
    def has_time(self) -> bool:
        """Whether it takes [N, F, T], or video [N, C, H, W, T]; else there is no time axis."""
        return self.flow.has_time


@dataclass(frozen=True)
class Head:
    """One output: its name, the index and the layer that gives it, what flows out, and the graph's names of its labels and their mask."""

    name: str
    index: int
    layer: Any
    gives: InputType
    labels_name: str = "labels"
    labels_mask_name: str = "labels_mask"

    @property
    def width(self) -> int:
        """How many values it gives, per example or step."""
        return self.gives.size

    @property
    def has_time(self) -> bool:
        """Whether it gives [N, n_out, T]; else [N, n_out]."""
        return self.gives.has_time


@dataclass(frozen=True)
class Link:
    """A layer or vertex of a network: its index and name, the names of what comes in, and the preprocessor in front of it."""

    index: int
    name: str
    content: Any
    inputs: tuple[str, ...]
    preprocessor: PreProcessor | None = None
