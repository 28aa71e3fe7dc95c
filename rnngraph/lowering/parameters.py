"""The parameters of a network: names, shapes and initial values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnngraph.conf import MultiLayerConfiguration
from rnngraph.lowering import (  # noqa: F401  (they enter their layers into the registry)
    bidirectional,
    dense,
    last_time_step,
    output,
    recurrent,
    wrappers,
)
from rnngraph.lowering.registry import Parameter, family


def _parameters(config: MultiLayerConfiguration) -> Iterator[tuple[int, Parameter]]:
    for index, layer in enumerate(config.layers):
        for parameter in family(layer).parameters(layer):
            yield index, parameter


def parameter_shapes(config: MultiLayerConfiguration) -> dict[str, tuple[int, ...]]:
    """The shapes of all parameters by name (``0.W``), in order of layers; torch's layout, gates i, f, g, o, peepholes i, f, o."""
    return {f"{index}.{p.key}": p.shape for index, p in _parameters(config)}


def initial_parameters(config: MultiLayerConfiguration) -> dict[str, np.ndarray]:
    """Fresh parameters, float64.

    Each layer draws from a generator of its own, seeded by (seed, layer index): changing one layer leaves the others' draws.
    """
    generators: dict[int, np.random.Generator] = {}
    drawn: dict[str, np.ndarray] = {}
    for index, parameter in _parameters(config):
        generator = generators.setdefault(index, np.random.default_rng([config.seed, index]))
        drawn[f"{index}.{parameter.key}"] = np.asarray(parameter.draw(generator), dtype=np.float64)
    return drawn
