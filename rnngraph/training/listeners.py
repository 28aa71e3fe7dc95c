"""Listeners: what is told about a fit while it goes on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rnngraph.checks import is_count
from rnngraph.errors import ConfigurationError

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork

_LOGGER = logging.getLogger("rnngraph")


class TrainingListener:
    """Base of listeners: each method is called at its point of a fit, and does nothing here. An error in one ends the fit."""

    def on_fit_start(self, network: MultiLayerNetwork, epochs: int) -> None:
        """Before the first of ``epochs`` epochs."""

    def on_epoch_start(self, network: MultiLayerNetwork, epoch: int) -> None:
        """Before an epoch; ``epoch`` counts from 0 over all fits of the network."""

    def iteration_done(self, network: MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        """After an update; ``iteration`` counts from 0 over all fits, ``score`` is of the minibatch before the update."""

    def on_epoch_end(self, network: MultiLayerNetwork, epoch: int, score: float, validation_score: float | None) -> None:
        """After an epoch: the score of its last minibatch, and that of the validation data where there are any."""

    def on_fit_end(self, network: MultiLayerNetwork) -> None:
        """After the last epoch, and also where Ctrl-C or an error ends the fit."""


class ScoreIterationListener(TrainingListener):
    """Reports "Score at iteration K is S" for every ``every``-th iteration, from iteration 0 on.

    ``out`` is called with the text. Without it the text goes to the logger "rnngraph" (level INFO), or to stderr where the program has not
    configured logging at all and would see nothing.

    Raises ConfigurationError for ``every`` below 1.
    """

    def __init__(self, every: int = 1, out: Callable[[str], object] | None = None) -> None:
        if not is_count(every):
            raise ConfigurationError(f"ScoreIterationListener: every is {every!r}; expected a number of iterations of at least 1")
        if out is not None and not callable(out):
            raise ConfigurationError(f"ScoreIterationListener: out is {out!r}; expected a callable that takes a text, such as print")
        self.every = every
        self._out = _log if out is None else out

    def iteration_done(self, network: MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        """Report the score where it is this iteration's turn."""
        if iteration % self.every == 0:
            self._out(f"Score at iteration {iteration} is {float(score)}")


class CollectScoresListener(TrainingListener):
    """Keeps ``scores``, [(iteration, score), ..] of all updates, and ``epochs``, [(epoch, score, validation score or None), ..]."""

    def __init__(self) -> None:
        self.scores: list[tuple[int, float]] = []
        self.epochs: list[tuple[int, float, float | None]] = []

    def iteration_done(self, network: MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        """Keep the score."""
        self.scores.append((iteration, float(score)))

    def on_epoch_end(self, network: MultiLayerNetwork, epoch: int, score: float, validation_score: float | None) -> None:
        """Keep both scores."""
        self.epochs.append((epoch, float(score), validation_score))


def _log(text: str) -> None:
    """To the logger, or to stderr where nobody listens to any logger."""
    if _LOGGER.hasHandlers():
        _LOGGER.info(text)
    else:
        sys.stderr.write(f"{text}\n")
