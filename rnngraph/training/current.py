"""The fit that is under way: what it goes over, and what its listeners ask of it."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from rnngraph.conf import TruncatedBPTT
from rnngraph.data.indexed import IndexedExamples
from rnngraph.data.iteration import Data, known_sets
from rnngraph.data.minibatches import MiniBatches
from rnngraph.data.rows import Rows
from rnngraph.training.tbptt import Segment, segment_count

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.memories import Memories
    from rnngraph.training.listeners import TrainingListener


@dataclass
class CurrentFit:
    """A fit of ``network`` that is under way, as ``network._current``.

    ``epochs`` are to go; ``resumed``: it goes on with a run that was stopped. ``examples`` and ``steps`` [N · T of each minibatch, padding
    included] are trained so far; with truncated BPTT each update adds its share. ``ended`` at its end, unless an error was that.
    """

    network: Network
    data: Data
    epochs: int
    resumed: bool
    validation: Data | None
    listeners: Sequence[TrainingListener] = ()
    examples: float = 0.0
    steps: float = 0.0
    ended: bool = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Within, the network knows of it."""
        self.network.interrupted, self.network.stopped_by, self.network._current = False, None, self
        try:
            yield
        finally:
            self.network._current = None

    def count(self, segment: Segment) -> None:
        """Count an update."""
        assert segment.tensors is not None
        examples = segment.tensors.sizes["N"] * segment.share
        self.examples += examples
        self.steps += examples * segment.steps

    @property
    def has_time(self) -> bool:
        """Whether the network takes time series."""
        return any(entry.has_time for entry in self.network.config.entries)

    # How long it is

    @cached_property
    def per_epoch(self) -> int | None:
        """How many updates an epoch has, where that is known before it ends."""
        known = self._updates()
        if known is not None or isinstance(self.network.config.backprop, TruncatedBPTT):
            return known
        try:
            return operator.length_hint(self.data) or None
        except Exception:  # of a loader's own making; a bar that cannot tell the time left is no reason to end a fit
            return None

    @cached_property
    def begun(self) -> int:
        """How many updates of the first epoch were done before, as far as that is known; asked before the first update."""
        at = self.network._position
        known = self._updates(at.batches)
        return at.batches if known is None else known + at.segments

    def _updates(self, batches: int | None = None) -> int | None:
        """How many updates the first ``batches`` minibatches make, left out all; None where they cannot be looked at before use."""
        config, data = self.network.config, self.data
        if isinstance(data, MiniBatches) and not isinstance(data.dataset, IndexedExamples):
            return (len(data) if batches is None else batches) * segment_count(config, data.dataset)
        if isinstance(data, (Rows, list, tuple)):
            return sum(segment_count(config, one) for _, one in islice(known_sets(data), batches))
        return None

    # What its listeners remember

    def memories(self) -> Memories:
        """What all listeners have to remember, by class and number."""
        told = ((name, listener.memory()) for name, listener in self._named())
        return {name: memory for name, memory in told if memory}

    def recall(self) -> None:
        """Give a loaded network's memories to the listeners that they are of, where the fit goes on with its run."""
        memories: dict[str, Any] = dict(self.network._memories) if self.resumed else {}
        self.network._memories = {}
        for name, listener in self._named():
            if name in memories:
                listener.recall(memories[name])

    def _named(self) -> Iterator[tuple[str, TrainingListener]]:
        """The listeners as ``EarlyStopping:0``."""
        seen: Counter[str] = Counter()
        for listener in self.listeners:
            kind = type(listener).__name__
            yield f"{kind}:{seen[kind]}", listener
            seen[kind] += 1
