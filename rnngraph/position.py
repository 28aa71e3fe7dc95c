"""Where a fit stands inside an epoch: what a run that goes on has to know besides parameters, updater state and counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Position:
    """``batches`` minibatches of the epoch are done, the last update or minibatch had the ``score``.

    Of the next minibatch ``segments`` are done (with truncated BPTT), which has ``steps`` time steps; ``states`` is what they carry over,
    [N, ...] by name. All three are empty between two minibatches.
    """

    batches: int = 0
    score: float = 0.0
    segments: int = 0
    steps: int = 0
    states: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything of the epoch is done."""
        return bool(self.batches or self.segments)

    @property
    def rows(self) -> int | None:
        """N of the minibatch that is under way, None where nothing is carried."""
        return next((len(state) for state in self.states.values()), None)
