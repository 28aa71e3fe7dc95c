"""Chunks of different lengths, fed together: each run takes the streams that have steps left, and nothing is padded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from rnngraph.runtime.columns import Chunks
from rnngraph.runtime.engine import Array, Engine
from rnngraph.runtime.rows import BLOCK

CELLS = 1 << 12
"""The most steps of all rows together in one run: what onnxruntime computes in between then stays small, and in the cache."""


def run_chunks(engine: Engine, chunks: Chunks, states: dict[str, Array]) -> dict[str, Array]:
    """The outputs, one behind the other [..., S] as the inputs; ``states`` [n, ...] are changed to what they are afterwards.

    The streams are ordered by length. Between one length and the next those that are as long or longer are run, as one piece: in pieces or
    whole gives the same bits, and so does a stream alone or beside others. StreamingError: onnxruntime failed.
    """
    order = np.argsort(-chunks.lengths, kind="stable")
    lengths, starts = chunks.lengths[order], (np.cumsum(chunks.lengths) - chunks.lengths)[order]
    outputs = _outputs(engine, chunks)
    for rows, start, stop in _runs(lengths, engine.manifest.batch, engine.manifest.steps):
        who = order[rows]
        where = starts[rows, None] + np.arange(start, stop)
        _run(engine, chunks, states, outputs, who, where)
    return outputs


def _runs(lengths: Array, batch: int | None, steps: int | None) -> Iterator[tuple[slice, int, int]]:
    """Rows, first and last step of each run, for ``lengths`` that fall."""
    size = batch or BLOCK
    for first in range(0, len(lengths), size):
        block = lengths[first : first + size]
        for begin, end in pairwise([0, *np.unique(block).tolist()]):
            rows = slice(first, first + int(np.count_nonzero(block >= end)))
            piece = steps or max(1, CELLS // (rows.stop - first))
            for start in range(begin, end, piece):
                yield rows, start, min(end, start + piece)


def _run(engine: Engine, chunks: Chunks, states: dict[str, Array], outputs: dict[str, Array], who: Array, where: Array) -> None:
    """Feed the streams ``who`` the steps that stand at ``where`` [n, T]; states and outputs are written in place."""
    manifest, count = engine.manifest, len(who)
    fill = (manifest.batch or count) - count  # rows that only a fixed batch asks for: the first one once more
    who, where = (np.concatenate([a, a[:1].repeat(fill, 0)]) if fill else a for a in (who, where))
    feeds: dict[str, Array] = {name: array[who] for name, array in states.items()}
    for port in manifest.ports("input"):
        array = chunks.arrays[port.name]
        feeds[port.name] = array[who] if port.time_axis is None else np.ascontiguousarray(np.moveaxis(array[..., where], -2, 0))
        if port.ids is not None and port.time_axis is None:
            feeds[port.name] = feeds[port.name][:, None]
    for port in manifest.ports("mask"):
        feeds[port.name] = np.ones(where.shape, port.data_type)
    results = engine.run(feeds)
    who, where = who[:count], where[:count]
    for state in manifest.states:
        states[state.input][who] = results[state.output][:count]
    for port in manifest.ports("output"):
        y = results[port.name][:count]
        if port.time_axis is None:
            outputs[port.name][who] = y
        else:
            outputs[port.name][..., where] = np.moveaxis(y, 0, -2)


def _outputs(engine: Engine, chunks: Chunks) -> dict[str, Array]:
    """Memory for all outputs: [..., S] where there is a time axis, else [n, ...]."""
    made: dict[str, Array] = {}
    for port in engine.manifest.ports("output"):
        shape = [d for k, d in enumerate(port.shape) if k not in (0, port.time_axis) and isinstance(d, int)]
        count = len(chunks.lengths), int(chunks.lengths.sum())
        made[port.name] = np.empty([count[0], *shape] if port.time_axis is None else [*shape, count[1]], port.data_type)
    return made
