"""Noise of training: drawn anew for each update, and the same whenever that update is made again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rnngraph.ir.graph import Graph
from rnngraph.ir.types import evaluate


def draw(graph: Graph, sizes: dict[str, int], seed: int, iteration: int) -> dict[str, Tensor]:
    """The graph's noise inputs by name, uniform in [0, 1), from the numbers of symbols (N, T).

    Each layer draws from a generator of its own, seeded by (seed, iteration, layer): a fit that was resumed draws what an unbroken one
    does, and a layer's noise does not depend on the others.
    """
    generators: dict[int | None, np.random.Generator] = {}
    drawn: dict[str, Tensor] = {}
    for port in graph.ports("noise"):
        generator = generators.setdefault(port.layer, np.random.default_rng([seed, iteration, port.layer or 0]))
        shape = tuple(evaluate(d, sizes) for d in port.value.shape)
        drawn[port.name] = torch.from_numpy(generator.random(shape, np.dtype(graph.data_type)))
    return drawn
