"""What a graph's noise inputs are drawn from, and what gives its rates their values: parts of their ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Law(Protocol):
    """What the numbers of a noise input are drawn from."""

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator, data_type: str) -> NDArray[Any]:
        """Numbers of this shape, float32 or float64 as ``data_type`` says."""


class Rate(Protocol):
    """What gives a rate its value before each update; it tells where that lies outside of its range."""

    def value_at(self, iteration: int, epoch: int) -> float:
        """The value for an update; both count from 0. TrainingError for one outside of the range."""


@dataclass(frozen=True)
class Standard:
    """One of the laws that numpy's generator draws in either data type."""

    name: str
    method: Callable[..., NDArray[Any]]

    def __str__(self) -> str:
        return self.name

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator, data_type: str) -> NDArray[Any]:
        """Numbers of this shape."""
        return self.method(generator, shape, np.dtype(data_type))


UNIFORM = Standard("uniform [0, 1)", np.random.Generator.random)
NORMAL = Standard("normal (0, 1)", np.random.Generator.standard_normal)
