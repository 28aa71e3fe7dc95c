"""Listeners that tell how fast training is, and how long it still takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnngraph.spelling import Spelled, spelled
from rnngraph.training.listeners import TrainingListener, checked_every, checked_out
from rnngraph.training.pace import Pace, clock_time, rate

if TYPE_CHECKING:
    from rnngraph.base_network import Network


class TimeIterationListener(TrainingListener, Spelled):
    """Reports "0:01:30 left after iteration 99, 900 iterations to go" for every ``every``-th iteration.

    ``total`` is the number of iterations at which training ends, counted over all fits of the network as ``iteration`` is. Left out, it is
    worked out from the data and the epochs of the fit; where data do not tell how many there are, it is known after the first epoch, and
    nothing is reported before. ``out`` as of ScoreIterationListener; ``clock`` gives seconds.

    Raises ConfigurationError for numbers below 1.
    """

    @spelled
    def __init__(
        self,
        total: int | None = None,
        every: int = 50,
        out: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = None if total is None else checked_every(self, total, name="total")
        self.every, self._out, self._clock = checked_every(self, every), checked_out(self, out), clock

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Begin to measure."""
        current = network._current
        self._pace = Pace(self._clock, epochs, *((current.per_epoch, current.begun) if current is not None else ()))
        self._begun = network.iteration

    def on_epoch_start(self, network: Network, epoch: int) -> None:
        """Count the epoch."""
        self._pace.begin_epoch(going_on=bool(network._position))

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Report where it is this iteration's turn."""
        self._pace.done += 1
        if (iteration + 1) % self.every:
            return
        total = self._pace.total if self.total is None else self.total - self._begun
        left = self._pace.seconds_left(total)
        if left is not None and total is not None:
            to_go = max(0, total - self._pace.done)
            self._out(f"{clock_time(math.ceil(left))} left after iteration {iteration}, {to_go} iterations to go")

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Learn how long an epoch is."""
        self._pace.end_epoch()


@dataclass(frozen=True)
class Performance:
    """What a PerformanceListener measured since the report before: per second, and milliseconds an iteration.

    ``steps`` are N · T of the minibatches, padding included; None where the network takes no time series.
    """

    iteration: int
    score: float
    milliseconds: float
    iterations: float
    examples: float
    steps: float | None

    def __str__(self) -> str:
        steps = "" if self.steps is None else f", {rate(self.steps)} steps/s"
        speed = f"{rate(self.iterations)} iterations/s, {rate(self.examples)} examples/s{steps}"
        return f"iteration {self.iteration}: {self.milliseconds:.3g} ms an iteration, {speed}, score {self.score:.4g}"


class PerformanceListener(TrainingListener, Spelled):
    """Reports, for every ``every``-th iteration, how fast those since the last report were, and keeps that as ``last``, a Performance.

    Time that other listeners and validation take is counted. ``out`` as of ScoreIterationListener; ``clock`` gives seconds. Raises
    ConfigurationError for ``every`` below 1.
    """

    @spelled
    def __init__(self, every: int = 1, out: Callable[[str], object] | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.every, self._out, self._clock = checked_every(self, every), checked_out(self, out), clock
        self.last: Performance | None = None

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Begin to measure."""
        self._since = self._clock(), network.iteration, 0.0, 0.0

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Report where it is this iteration's turn."""
        current = network._current
        if (iteration + 1) % self.every or current is None:
            return
        now, before = (self._clock(), network.iteration, current.examples, current.steps), self._since
        seconds, iterations, examples, steps = (a - b for a, b in zip(now, before, strict=True))
        if seconds <= 0:  # the clock is too coarse for one iteration
            return
        self._since = now
        stepped = steps / seconds if current.has_time else None
        speed = 1000 * seconds / iterations, iterations / seconds, examples / seconds, stepped
        self.last = Performance(iteration, float(score), *speed)
        self._out(str(self.last))
