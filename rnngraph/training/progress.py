"""The progress bar of a fit: epoch, score, rate, and how long it will still take."""

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
from rnngraph.training.pace import Pace, clock_time, rate

if TYPE_CHECKING:
    from rnngraph.base_network import Network

_REFRESH_SECONDS = 0.1
_LINE_SECONDS = 10.0
_BAR_WIDTH = 24
_FIRST_TO_LAST = ("epoch", "time", "score", "validation", "rate")
"""What a narrow terminal shows first."""


class ProgressBar(TrainingListener):
    """Shows the epoch, the last score, the validation score where there is one, examples a second, and the time left.

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
        self._console, self._clock, self._expected = console, clock, (per_epoch, begun)
        self._live: Live | None = None
        self._running = False
        self._reset(0)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _reset(self, epochs: int) -> None:
        self._pace = Pace(self._clock, epochs, *self._expected)
        self._score, self._validation, self._examples = math.nan, math.nan, 0.0
        self._shown = self._clock()

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
        """Count the epoch, from 1 in each fit."""
        self._pace.begin_epoch(going_on=bool(getattr(network, "_position", None)))
        self._redraw()

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Count the iteration, and redraw where it is time."""
        self._pace.done += 1
        self._score = score
        if self._live is not None and self._clock() - self._shown >= _REFRESH_SECONDS:
            self._count_examples(network)
            self._redraw()

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Learn how long an epoch is."""
        self._pace.end_epoch()
        self._count_examples(network)
        self._score = score
        self._validation = math.nan if validation_score is None else validation_score
        if self._live is not None:
            self._redraw()
        elif self._pace.epoch < self._pace.epochs and self._clock() - self._shown >= _LINE_SECONDS:
            self._shown = self._clock()
            self._out.out(self.text(), highlight=False)

    def on_fit_end(self, network: Network) -> None:
        """Stop showing, and tell which listener ended the fit."""
        self._count_examples(network)
        was_running = self._running
        self.stop()
        reason = getattr(network, "stopped_by", None)
        if was_running and reason is not None:
            self._out.out(reason, highlight=False)

    def stop(self) -> None:
        """Show the last state and give the terminal back; does nothing between fits."""
        atexit.unregister(self.stop)
        was_running, self._running = self._running, False
        live, self._live = self._live, None
        if live is not None:
            live.transient = not self._pace.epoch  # nothing was trained, so nothing stays
            live.stop()
        elif was_running and self._pace.epoch:
            self._out.out(self.text(), highlight=False)

    def seconds_left(self) -> float | None:
        """How long the rest takes at the pace so far; None where it is not known how long an epoch is."""
        return self._pace.seconds_left()

    def text(self, width: int | None = None) -> str:
        """``epoch 3/10  score 0.1234  validation 0.2345  1,234 examples/s  0:00:12 left``, at the end ``took 0:00:17``.

        Where only ``width`` columns are there, what matters more takes them.
        """
        parts = self._parts()
        if width is None:
            return "  ".join(parts.values())
        kept: list[str] = []
        for name in (one for one in _FIRST_TO_LAST if one in parts):
            if sum(len(parts[one]) + 2 for one in kept) + len(parts[name]) <= width or not kept:
                kept.append(name)
        return "  ".join(part for name, part in parts.items() if name in kept)

    def _parts(self) -> dict[str, str]:
        """What there is to tell, in its order."""
        pace, seconds = self._pace, self._pace.seconds()
        parts = {"epoch": f"epoch {pace.epoch}/{pace.epochs}"}
        if not math.isnan(self._score):
            parts["score"] = f"score {self._score:.4g}"
        if not math.isnan(self._validation):
            parts["validation"] = f"validation {self._validation:.4g}"
        if self._examples and seconds:
            parts["rate"] = f"{rate(self._examples / seconds)} examples/s"
        left = pace.seconds_left()
        if not self._running:
            parts["time"] = f"took {clock_time(round(seconds))}"
        elif left is not None:
            parts["time"] = f"{clock_time(math.ceil(left))} left"
        return parts

    def _count_examples(self, network: Network) -> None:
        """How many the fit has trained, where it tells."""
        current = getattr(network, "_current", None)
        self._examples = 0.0 if current is None else current.examples

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._pace.epoch:
            return
        text = self.text(options.max_width)
        width = min(_BAR_WIDTH, options.max_width - len(text) - 2)  # on a narrow terminal the numbers matter more
        cells: list[Bar | Text] = [Text(text, no_wrap=True, overflow="ellipsis")]
        if width > 0:
            total = self._pace.total
            cells.insert(0, Bar(total=total, completed=self._pace.done, width=width, pulse=total is None))
        line = Table.grid(padding=(0, 2))
        line.add_row(*cells)
        yield line

    def _redraw(self) -> None:
        if self._live is not None:
            self._shown = self._clock()
            self._live.refresh()
