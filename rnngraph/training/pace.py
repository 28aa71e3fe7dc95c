"""How far a fit is, and how long the rest takes at the pace so far."""

from __future__ import annotations

import math
from collections.abc import Callable


class Pace:
    """Counts the epochs and iterations of one fit of ``epochs`` epochs, from when it is made.

    ``per_epoch`` is how many iterations an epoch has; None: that is learned from the epochs that end. ``begun`` of the first epoch's were
    done before. ``clock`` gives seconds.
    """

    def __init__(self, clock: Callable[[], float], epochs: int, per_epoch: int | None = None, begun: int = 0) -> None:
        self._clock, self._started = clock, clock()
        self.epochs, self.per_epoch, self._done_before = epochs, per_epoch, begun
        self.epoch = 0
        """The number of the epoch under way, from 1."""
        self.done = 0
        """How many iterations are done in this fit."""
        self._going_on = False
        self._other = 0, 0  # epochs that began before this fit, of which it saw so many iterations

    def begin_epoch(self, going_on: bool) -> None:
        """Count the epoch; one that goes on where a run was stopped counts, but does not tell how long epochs are."""
        self.epoch += 1
        self._going_on = going_on

    def end_epoch(self) -> None:
        """Learn how long an epoch is."""
        if self._going_on:
            self._other = 1, self.done
        else:
            self.per_epoch = math.ceil((self.done - self._other[1]) / (self.epoch - self._other[0]))

    @property
    def total(self) -> int | None:
        """How many iterations the fit has; None while it is not known how long an epoch is."""
        return None if self.per_epoch is None else self.per_epoch * self.epochs - self._done_before

    def seconds(self) -> float:
        """How long it has taken so far."""
        return self._clock() - self._started

    def seconds_left(self, total: int | None = None) -> float | None:
        """How long the rest takes, of ``total`` iterations where that is given; None where it is not known how much that is."""
        total = self.total if total is None else total
        if total is None or not self.done:
            return None
        return self.seconds() / self.done * max(0, total - self.done)


def clock_time(seconds: int) -> str:
    """H:MM:SS."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def rate(per_second: float) -> str:
    """``12,345`` or, below 10, ``2.5``."""
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.2g}"
