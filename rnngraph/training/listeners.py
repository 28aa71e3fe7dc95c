"""Listeners: what is told about a fit while it goes on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnngraph.checks import is_count
from rnngraph.errors import ConfigurationError
from rnngraph.names import shown

if TYPE_CHECKING:
    from rnngraph.base_network import Network

_LOGGER = logging.getLogger("rnngraph")


class TrainingListener:
    """Base of listeners: each method is called at its point of a fit, and does nothing here. An error in one ends the fit."""

    def on_fit_start(self, network: Any, epochs: int) -> None:
        """Before the first of ``epochs`` epochs."""

    def on_epoch_start(self, network: Any, epoch: int) -> None:
        """Before an epoch; ``epoch`` counts from 0 over all fits of the network."""

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        """After an update; ``iteration`` counts from 0 over all fits, ``score`` is of the minibatch before the update."""

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        """After an epoch: the score of its last minibatch, and that of the validation data where there are any."""

    def on_fit_end(self, network: Any) -> None:
        """After the last epoch, and also where Ctrl-C or an error ends the fit."""


def as_listeners(*given: TrainingListener | Sequence[TrainingListener]) -> list[TrainingListener]:
    """The listeners in ``given``, whose elements are listeners or sequences of them. ConfigurationError for anything else."""
    found: list[Any] = []
    for one in given:
        found += one if isinstance(one, (list, tuple)) else [one]
    for listener in found:
        if not isinstance(listener, TrainingListener):
            raise ConfigurationError(f"listeners: {shown(listener)}: expected a TrainingListener, or a list of them; {_remedy(listener)}")
    return found


def _remedy(value: object) -> str:
    """What to write in the place of ``value``, which is no listener."""
    if isinstance(value, type) and issubclass(value, TrainingListener):
        return f"this is the class, write {value.__name__}(...)"
    if callable(value):
        return f"ScoreIterationListener(1, {getattr(value, '__name__', 'print')}) calls it with each score"
    return "write ScoreIterationListener(50), or leave listeners out"


class ScoreIterationListener(TrainingListener):
    """Reports "Score at iteration K is S" for every ``every``-th iteration, from iteration 0 on.

    ``out`` is called with the text. Without it the text goes to the logger "rnngraph" (level INFO), or to stderr where that logger would
    not show it: where the program has not configured logging, or for warnings only.

    Raises ConfigurationError for ``every`` below 1.
    """

    def __init__(self, every: int = 1, out: Callable[[str], object] | None = None) -> None:
        if not is_count(every):
            raise ConfigurationError(f"ScoreIterationListener: every is {shown(every)}; expected a number of iterations of at least 1")
        if out is not None and not callable(out):
            raise ConfigurationError(f"ScoreIterationListener: out is {shown(out)}; expected a callable that takes a text, such as print")
        self.every = every
        self._out = _log if out is None else out

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Report the score where it is this iteration's turn."""
        if iteration % self.every == 0:
            self._out(f"Score at iteration {iteration} is {float(score)}")


class CollectScoresListener(TrainingListener):
    """Keeps ``scores``, [(iteration, score), ..] of all updates, and ``epochs``, [(epoch, score, validation score or None), ..]."""

    def __init__(self) -> None:
        self.scores: list[tuple[int, float]] = []
        self.epochs: list[tuple[int, float, float | None]] = []

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Keep the score."""
        self.scores.append((iteration, float(score)))

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Keep both scores."""
        self.epochs.append((epoch, float(score), validation_score))


def _log(text: str) -> None:
    """To the logger, or to stderr where it would not be seen there."""
    if _LOGGER.hasHandlers() and _LOGGER.isEnabledFor(logging.INFO):
        _LOGGER.info(text)
    else:
        sys.stderr.write(f"{text}\n")
