"""The registry of layers: which function lowers a layer, and which parameters and buffers it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.conf.vertices import GraphVertex
from rnngraph.errors import ConfigurationError

if TYPE_CHECKING:
    from rnngraph.ir.graph import Value
    from rnngraph.lowering.context import Context

Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a layer: its key (``W``), its shape, and how its initial value is drawn (float64)."""

    key: str
    shape: tuple[int, ...]
    draw: Draw


@dataclass(frozen=True)
class Buffer:
    """What a layer keeps beside the parameters: its key, its shape, the number or numbers with which it begins.

    Running statistics, which training moves, or with ``fixed`` what it leaves alone: initial states that were given.
    """

    key: str
    shape: tuple[int, ...]
    initial: float | tuple[float, ...] = 0.0
    fixed: bool = False


Lower = Callable[[Any, "Context", "Value"], "Value"]
Parameters = Callable[[Any], tuple[Parameter, ...]]
Buffers = Callable[[Any], tuple[Buffer, ...]]


@dataclass(frozen=True)
class Family:
    """What lowering knows of one class of layers."""

    lower: Lower
    parameters: Parameters
    buffers: Buffers


_FAMILIES: dict[type, Family] = {}


def register(*classes: type, parameters: Parameters, buffers: Buffers = lambda layer: ()) -> Callable[[Lower], Lower]:
    """Enter the decorated function as the lowering of ``classes``.

    ``parameters(layer)`` lists what they train, ``buffers(layer)`` what they keep besides.
    """

    def enter(function: Lower) -> Lower:
        for cls in classes:
            _FAMILIES[cls] = Family(function, parameters, buffers)
        return function

    return enter


def family(layer: object) -> Family:
    """The family of ``layer``, found by its class; ConfigurationError where the class has none."""
    found = _FAMILIES.get(type(layer))
    if found is None:
        known = ", ".join(sorted(c.__name__ for c in _FAMILIES))
        raise ConfigurationError(f"layer {type(layer).__name__} has no lowering; layers that have one: {known}")
    return found


def parameters_of(layer: object) -> tuple[Parameter, ...]:
    """The parameters of a layer; a vertex of a graph has none."""
    return () if isinstance(layer, GraphVertex) else family(layer).parameters(layer)


def buffers_of(layer: object) -> tuple[Buffer, ...]:
    """The buffers of a layer; a vertex of a graph has none."""
    return () if isinstance(layer, GraphVertex) else family(layer).buffers(layer)
