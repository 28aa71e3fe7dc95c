"""The progress bar of a fit: epoch, score, and how long it will still take."""

from __future__ import annotations

import atexit
import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar as Bar
from rich.table import Table
from rich.text import Text

from rnngraph.training.listeners import TrainingListener

if TYPE_CHECKING:
    from rnngraph.base_network import Network

_REFRESH_SECONDS = 0.1
_LINE_SECONDS = 10.0
_BAR_WIDTH = 24


class ProgressBar(TrainingListener):
    """Shows the epoch, the last score, the validation score where there is one, and the time left.

    On a terminal it is one line that is redrawn ten times a second at most; elsewhere one plain line at the end of an epoch, every ten
    seconds at most, and one at the end. ``per_epoch`` is how many iterations an epoch has; left out, that is known after the first epoch,
    and before that no time left is shown. ``begun`` is how many of the first epoch's are done already, where a fit goes on with it.

    The end of a fit, of whatever kind, gives the terminal back. Where a fit may fail before it begins to tell its listeners, use it as a
    context manager too: ``with ProgressBar() as bar: net.fit(data, epochs=10, listeners=[bar])``.

    ``console`` is by default one for stdout; ``clock`` gives seconds.
    """

    def __init__(
        self,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        per_epoch: int | None = None,
        begun: int = 0,
    ) -> None:
        self._console, self._clock, self._expected, self._done_before = console, clock, per_epoch, begun
        self._live: Live | None = None
        self._running = False
        self._reset(0)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _reset(self, epochs: int) -> None:
        self._epochs, self._epoch, self._done, self._going_on = epochs, 0, 0, False
        self._begun = 0, 0  # epochs that began before this fit, of which it saw so many iterations
        self._per_epoch = self._expected
        self._score, self._validation = math.nan, math.nan
        self._started = self._shown = self._clock()

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Begin to show."""
        self.stop()
        self._reset(epochs)
        # stdout may be another one than when this object was made; a file is none whatever the environment says about colours.
        console = self._console or Console(force_terminal=None if sys.stdout.isatty() else False)
        self._out, self._running = console, True
        if console.is_terminal and not console.is_dumb_terminal:
            # Redrawn by the fit itself: a thread of rich's would draw while the fit computes, and outlive it where stop is never called.
            self._live = Live(self, console=console, auto_refresh=False)
            atexit.register(self.stop)
            self._live.start()

    def on_epoch_start(self, network: Network, epoch: int) -> None:
        """Count the epoch, from 1 in each fit; one that goes on where a run was stopped counts, but does not tell how long epochs are."""
        self._epoch += 1
        self._going_on = bool(getattr(network, "_position", None))
        self._redraw()

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Count the iteration, and redraw where it is time."""
        self._done += 1
        self._score = score
        if self._live is not None and self._clock() - self._shown >= _REFRESH_SECONDS:
            self._redraw()

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Learn how long an epoch is."""
        if self._going_on:
            self._begun = 1, self._done
        else:
            self._per_epoch = math.ceil((self._done - self._begun[1]) / (self._epoch - self._begun[0]))
        self._score = score
        self._validation = math.nan if validation_score is None else validation_score
        if self._live is not None:
            self._redraw()
        elif self._epoch < self._epochs and self._clock() - self._shown >= _LINE_SECONDS:
            self._shown = self._clock()
            self._out.out(self.text(), highlight=False)

    def on_fit_end(self, network: Network) -> None:
        """Stop showing."""
        self.stop()

    def stop(self) -> None:
        """Show the last state and give the terminal back; does nothing between fits."""
        atexit.unregister(self.stop)
        was_running, self._running = self._running, False
        live, self._live = self._live, None
        if live is not None:
            live.transient = not self._epoch  # nothing was trained, so nothing stays
            live.stop()
        elif was_running and self._epoch:
            self._out.out(self.text(), highlight=False)

    def seconds_left(self) -> float | None:
        """How long the rest takes at the pace so far; None where it is not known how long an epoch is."""
        if self._per_epoch is None or not self._done:
            return None
        rest = max(0, self._total() - self._done)
        return (self._clock() - self._started) / self._done * rest

    def _total(self) -> int:
        """How many iterations the fit has; it is known how long an epoch is."""
        return (self._per_epoch or 0) * self._epochs - self._done_before

    def text(self) -> str:
        """``epoch 3/10  score 0.1234  validation 0.2345  0:00:12 left``, at the end ``took 0:00:17``."""
        parts = [f"epoch {self._epoch}/{self._epochs}"]
        parts += [f"score {self._score:.4g}"] * (not math.isnan(self._score))
        parts += [f"validation {self._validation:.4g}"] * (not math.isnan(self._validation))
        left = self.seconds_left()
        if not self._running:
            parts.append(f"took {_clock_time(round(self._clock() - self._started))}")
        elif left is not None:
            parts.append(f"{_clock_time(math.ceil(left))} left")
        return "  ".join(parts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._epoch:
            return
        text = self.text()
        width = min(_BAR_WIDTH, options.max_width - len(text) - 2)  # on a narrow terminal the numbers matter more
        cells: list[Bar | Text] = [Text(text, no_wrap=True, overflow="ellipsis")]
        if width > 0:
            total = None if self._per_epoch is None else self._total()
            cells.insert(0, Bar(total=total, completed=self._done, width=width, pulse=total is None))
        line = Table.grid(padding=(0, 2))
        line.add_row(*cells)
        yield line

    def _redraw(self) -> None:
        if self._live is not None:
            self._shown = self._clock()
            self._live.refresh()


def _clock_time(seconds: int) -> str:
    """H:MM:SS."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
