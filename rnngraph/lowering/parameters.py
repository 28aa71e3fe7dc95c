"""The parameters and buffers of a network: names, shapes and initial values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnngraph.conf import NetworkConfiguration
from rnngraph.errors import ConfigurationError
from rnngraph.lowering import (  # noqa: F401  (they enter their layers into the registry)
    bidirectional,
    convolution,
    dense,
    embedding,
    last_time_step,
    normalization,
    output,
    pooling,
    recurrent,
    simple,
    subsampling,
    wrappers,
)
from rnngraph.lowering.registry import Buffer, Parameter, buffers_of, parameters_of


def _parameters(config: NetworkConfiguration) -> Iterator[tuple[int, Parameter]]:
    for index, layer in enumerate(config.layers):
        for parameter in parameters_of(layer):
            yield index, parameter


def parameter_shapes(config: NetworkConfiguration) -> dict[str, tuple[int, ...]]:
    """The shapes of all parameters by name (``0.W``), in order of layers; torch's layout, gates i, f, g, o, peepholes i, f, o."""
    return {f"{config.layer_names[index]}.{p.key}": p.shape for index, p in _parameters(config)}


def _buffers(config: NetworkConfiguration) -> Iterator[tuple[int, Buffer]]:
    for index, layer in enumerate(config.layers):
        for buffer in buffers_of(layer):
            yield index, buffer


def buffer_shapes(config: NetworkConfiguration) -> dict[str, tuple[int, ...]]:
    """The shapes of all buffers by name (``2.mean``), in order of layers."""
    return {f"{config.layer_names[index]}.{b.key}": b.shape for index, b in _buffers(config)}


def given_starts(config: NetworkConfiguration) -> set[str]:
    """The names of the buffers that are initial states which were given, and no running statistics."""
    return {f"{config.layer_names[index]}.{b.key}" for index, b in _buffers(config) if b.fixed}


def initial_buffers(config: NetworkConfiguration) -> dict[str, np.ndarray]:
    """The buffers before training, float64."""
    return {f"{config.layer_names[index]}.{b.key}": np.full(b.shape, b.initial) for index, b in _buffers(config)}


def initial_parameters(config: NetworkConfiguration) -> dict[str, np.ndarray]:
    """Fresh parameters, float64.

    Each layer draws from a generator of its own, seeded by (seed, layer index): changing one layer leaves the others' draws.
    """
    generators: dict[int, np.random.Generator] = {}
    drawn: dict[str, np.ndarray] = {}
    for index, parameter in _parameters(config):
        generator = generators.setdefault(index, np.random.default_rng([config.seed, index]))
        try:
            drawn[f"{config.layer_names[index]}.{parameter.key}"] = np.asarray(parameter.draw(generator), dtype=np.float64)
        except ConfigurationError as error:
            raise ConfigurationError(f"{config.layer_label(index)}, {parameter.key}: {error}") from None
    return drawn
