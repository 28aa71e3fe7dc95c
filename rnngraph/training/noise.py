"""Noise of training: drawn anew for each update, and the same whenever that update is made again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rnngraph.ir.graph import Graph
from rnngraph.ir.types import evaluate
from rnngraph.streams import Use, stream


def draw(graph: Graph, sizes: dict[str, int], seed: int, iteration: int, epoch: int = 0) -> dict[str, Tensor]:
    """The graph's noise inputs and rates by name, from the numbers of symbols (N, T) and the counts of finished updates and epochs.

    Each layer draws from a generator of its own, seeded by (seed, iteration, layer): a fit that was resumed draws what an unbroken one
    does, and a layer's noise does not depend on the others. TrainingError for a rate that its schedule takes out of its range.
    """
    generators: dict[int | None, np.random.Generator] = {}
    feeds: dict[str, Tensor] = {}
    for port in graph.inputs:
        if port.rate is not None:
            value = np.array(port.rate.value_at(iteration, epoch), dtype=graph.data_type)
            feeds[port.name] = torch.from_numpy(value)
        if port.law is not None:
            generator = generators.setdefault(port.layer, stream(seed, Use.NOISE, iteration, port.layer or 0))
            shape = tuple(evaluate(d, sizes) for d in port.value.shape)
            feeds[port.name] = torch.from_numpy(port.law.draw(shape, generator, graph.data_type))
    return feeds
