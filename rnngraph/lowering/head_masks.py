"""Which steps of an output exist, by the masks of the inputs: the rule of the loss, for arrays outside of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnngraph.conf import (
    DuplicateToTimeSeriesVertex,
    GraphVertex,
    NetworkConfiguration,
    ReverseTimeSeriesVertex,
    StackVertex,
    UnstackVertex,
)
from rnngraph.conf.layers.windowed import StepWindows
from rnngraph.conf.ports import Link

Mask = np.ndarray | None
Masks = Mapping[str, Mask]


def head_masks(config: NetworkConfiguration, masks: Masks) -> list[Mask]:
    """For each output with a time axis the mask [N, T] by which labels without one of their own count; None where all do.

    ``masks`` are those of the inputs, [N, T] by name. As :func:`rnngraph.lowering.lower` has it in a training graph.
    """
    if all(mask is None for mask in masks.values()):
        return [None] * len(config.heads)
    found: dict[str, tuple[Mask, ...]] = {entry.name: (masks.get(entry.name),) for entry in config.entries}
    timed = {stage_name for stage_name, gives in config.flows.items() if gives.has_time}
    for link in config.links:
        given = [found[source] for source in link.inputs]
        found[link.name] = tuple(mask if link.name in timed else None for mask in _behind(link, given, masks))
    return [found[config.layer_names[head.index]][0] for head in config.heads]


def _behind(link: Link, given: Sequence[tuple[Mask, ...]], masks: Masks) -> tuple[Mask, ...]:
    """The masks behind a layer or vertex, of each of the stacked parts."""
    content: Any = link.content
    if isinstance(content, StackVertex):
        return tuple(mask for parts in given for mask in parts)
    if isinstance(content, UnstackVertex):
        return (given[0][content.index],)
    if isinstance(content, GraphVertex):
        return tuple(_of_vertex(content, parts, masks) for parts in zip(*given, strict=True))
    if isinstance(content, StepWindows):
        return tuple(None if mask is None else _reduced(content, mask) for mask in given[0])
    return given[0]


def _reduced(layer: StepWindows, mask: np.ndarray) -> np.ndarray:
    """The mask of a series that became shorter; the mask itself where it did not."""
    shorter: np.ndarray = layer.reduced(mask)
    return mask if shorter.shape == mask.shape else shorter


def _of_vertex(vertex: GraphVertex, given: Sequence[Mask], masks: Masks) -> Mask:
    if isinstance(vertex, DuplicateToTimeSeriesVertex):
        return masks.get(vertex.input)
    if isinstance(vertex, ReverseTimeSeriesVertex):
        own = None if vertex.input is None else masks.get(vertex.input)
        if own is not None and given[0] is not None and own.shape != given[0].shape:  # the series became shorter
            own = given[0]
        return own if own is not None or given[0] is None else given[0][:, ::-1]
    real = [mask for mask in given if mask is not None]
    return np.maximum.reduce(real) if len(real) == len(given) else None
