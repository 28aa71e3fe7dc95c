"""Feeding a network, or the session of a file, with arrays by name: what :func:`~rnngraph.runtime.verify.verify` compares."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle, islice
from typing import Any, Protocol

import numpy as np

from rnngraph.errors import InputError
from rnngraph.runtime.alike import check_alike
from rnngraph.runtime.engine import Array
from rnngraph.runtime.manifest import FullPort, Manifest
from rnngraph.runtime.snapshot import StateSnapshot

CHUNKS = (1, 2, 5, 3)
"""The lengths of chunks, over and over."""
_STEPS = 20
"""The least length of the sequence that is cut; of several that may differ in length the others have two more."""

Arrays = Mapping[str, Array]
"""Inputs and masks of a file by name, or states."""


class Network(Protocol):
    """What a file is compared with: a MultiLayerNetwork, of a graph's file a ComputationGraph, or a session of another file."""

    @property
    def output(self) -> Any:
        """The method for whole sequences."""

    @property
    def rnn_time_step(self) -> Any:
        """The method for the next steps, which keeps the state."""

    def snapshot(self) -> StateSnapshot:
        """The state."""

    def restore(self, snapshot: Any, /) -> None:
        """Go back to a state."""


@dataclass(frozen=True)
class Driven:
    """A network under the names of the ports of a file that computes the same."""

    net: Network
    manifest: Manifest

    def output(self, given: Arrays) -> dict[str, Array]:
        """The outputs for whole sequences."""
        return self._call(self.net.output, given)

    def feed(self, given: Arrays, start: Arrays, lengths: Sequence[int] | None) -> dict[str, Array]:
        """The outputs in pieces of these lengths, over and over (None: whole), from the states ``start``, and the states at the end."""
        before = self.net.snapshot()
        try:
            self.net.restore(StateSnapshot(start))
            outputs = [self._call(self.net.rnn_time_step, piece) for piece in _pieces(self.manifest, given, lengths)]
            states = self.net.snapshot().states
        finally:
            self.net.restore(before)
        joined = {
            p.name: outputs[-1][p.name] if p.time_axis is None else np.concatenate([one[p.name] for one in outputs], p.time_axis)
            for p in self.manifest.ports("output")
        }
        return {**joined, **states}

    def _call(self, verb: Any, given: Arrays) -> dict[str, Array]:
        inputs, outputs = self.manifest.ports("input"), self.manifest.ports("output")
        arrays = [given[p.name] for p in inputs]
        masks = [None if p.mask is None else given[p.mask] for p in inputs]
        if not self.manifest.is_graph:
            return {outputs[0].name: np.asarray(verb(arrays[0], masks[0]))}
        results = verb(arrays, features_masks=masks if any(m is not None for m in masks) else None)
        return {p.name: np.asarray(y) for p, y in zip(outputs, results, strict=True)}


def as_driven(net: Network, manifest: Manifest, path: str) -> Driven:
    """``net`` as what the file ``path`` is compared with. InputError where it is none of the file's form."""
    told: Manifest | None = getattr(net, "manifest", None)
    graph = "features_masks" in inspect.signature(net.output).parameters if told is None else told.is_graph
    if graph != manifest.is_graph:
        wanted = "a graph: give the ComputationGraph" if manifest.is_graph else "a network of layers in a row: give the MultiLayerNetwork"
        raise InputError(f"net: {path} is the file of {wanted} that it was exported from, not {type(net).__name__}")
    check_alike(net, manifest, path)
    return Driven(net, manifest)


def repeated(manifest: Manifest, given: Arrays) -> dict[str, Array]:
    """The arrays with each series over and over until it is long enough to be cut."""
    series, order = _series(manifest), _order(manifest)
    made = dict(given)
    for name, symbol in series.items():
        array = given[name]
        times = -(-(_STEPS + 2 * bool(order[symbol])) // array.shape[-1])
        made[name] = np.tile(array, (*[1] * (array.ndim - 1), times))
    return made


def real_steps(manifest: Manifest, name: str, given: Arrays) -> Array | None:
    """Where the result ``name`` is specified: outputs with a time axis at steps that no mask leaves out, all else everywhere.

    A shorter output has a mask of its own, of which the file does not tell: it is compared everywhere.
    """
    port = next((p for p in manifest.ports("output") if p.name == name), None)
    if port is None or port.time_axis is None:
        return None
    masks = [given[p.mask] for p in manifest.ports("input") if p.mask is not None and p.steps == port.steps]
    if not masks:
        return None
    real: Array = np.expand_dims(np.minimum.reduce(masks), tuple(range(1, port.time_axis))) != 0
    return real


def _pieces(manifest: Manifest, given: Arrays, lengths: Sequence[int] | None) -> Iterator[dict[str, Array]]:
    """The series in pieces, with all else whole in each; ids [N, T] as [N, 1, T], the form in which one step has a time axis too.

    The first series is cut into ``lengths``; one that may differ in length begins elsewhere in the same lengths, and has its rest in the
    last piece.
    """
    series, order = _series(manifest), _order(manifest)
    ids = {p.name for p in manifest.ports("input") if p.ids is not None and p.time_axis is not None}
    totals = {series[name]: given[name].shape[-1] for name in series}
    first = totals[next(iter(order))]
    calls = 1 if lengths is None else next(k for k, end in enumerate(accumulate(cycle(lengths)), 1) if end >= first)
    ends = {
        symbol: [*islice(accumulate(islice(cycle(lengths or [1]), order[symbol], None)), calls - 1), totals[symbol]] for symbol in order
    }
    for k in range(calls):
        piece = dict(given)
        for name, symbol in series.items():
            part = given[name][..., ends[symbol][k - 1] if k else 0 : ends[symbol][k]]
            piece[name] = part[:, None] if name in ids else part
        yield piece


def _series(manifest: Manifest) -> dict[str, str]:
    """The inputs and masks with a time axis, each with the name of its length; where steps are fixed there is one length."""
    ports: list[FullPort] = [*manifest.ports("input"), *manifest.ports("mask")]
    return {p.name: p.steps if manifest.steps is None else "T" for p in ports if p.steps is not None}


def _order(manifest: Manifest) -> dict[str, int]:
    """The names of lengths with their numbers, in the order of the inputs."""
    return {symbol: k for k, symbol in enumerate(dict.fromkeys(_series(manifest).values()))}
