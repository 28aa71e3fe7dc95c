"""Listeners: what is told about a fit while it goes on."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rnngraph.checks import is_count
from rnngraph.errors import ConfigurationError
from rnngraph.names import shown, squeezed
from rnngraph.spelling import Spelled, spelled

if TYPE_CHECKING:
    from rnngraph.base_network import Network

_LOGGER = logging.getLogger("rnngraph")


class TrainingListener:
    """Base of listeners: each method is called at its point of a fit, and does nothing here. An error in one ends the fit.

    ``network.stop_fit(reason)`` in one ends the fit too, after the update or epoch that is told. What a listener has to know when a run
    goes on that was killed, it gives as ``memory()``: a :class:`CheckpointListener` keeps it.

    A class with DL4J's spelling of a method, ``iterationDone``, is refused by a ConfigurationError: it would never be called.
    """

    _last: ClassVar[bool] = False
    """Whether it is told after the others."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Refuse methods that are nearly those that are called."""
        super().__init_subclass__(**keywords)
        called = {squeezed(name): name for name in vars(TrainingListener) if not name.startswith("_")}
        for name in vars(cls):
            ours = called.get(squeezed(name), name)
            if ours != name and not name.startswith("_"):
                raise ConfigurationError(f"{cls.__name__}.{name} would never be called; write def {ours}(...)")

    def on_fit_start(self, network: Any, epochs: int) -> None:
        """Before the first of ``epochs`` epochs."""

    def on_epoch_start(self, network: Any, epoch: int) -> None:
        """Before an epoch; ``epoch`` counts from 0 over all fits of the network."""

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        """After an update; ``iteration`` counts from 0 over all fits, ``score`` is of the minibatch before the update."""

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        """After an epoch: the score of its last minibatch, and that of the validation data where there are any."""

    def on_fit_end(self, network: Any) -> None:
        """After the last epoch, and also where a listener, Ctrl-C or an error ends the fit. The listener that was told first comes last."""

    def memory(self) -> Mapping[str, Any]:
        """What it has to know when the run goes on in another process: values that JSON has, and at the top numpy arrays."""
        return {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take a memory back, before ``on_fit_start``."""


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


class ScoreIterationListener(TrainingListener, Spelled):
    """Reports "Score at iteration K is S" for every ``every``-th iteration, from iteration 0 on.

    ``out`` is called with the text. Without it the text goes to the logger "rnngraph" (level INFO), or to stderr where that logger would
    not show it: where the program has not configured logging, or for warnings only.

    Raises ConfigurationError for ``every`` below 1.
    """

    @spelled
    def __init__(self, every: int = 1, out: Callable[[str], object] | None = None) -> None:
        self.every, self._out = checked_every(self, every), checked_out(self, out)

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Report the score where it is this iteration's turn."""
        if iteration % self.every == 0:
            self._out(f"Score at iteration {iteration} is {float(score)}")


class CollectScoresListener(TrainingListener, Spelled):
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


def checked_every(listener: TrainingListener, every: int, what: str = "iterations", name: str = "every") -> int:
    """ConfigurationError for a number of ``what`` that is not at least 1."""
    if not is_count(every):
        raise ConfigurationError(f"{type(listener).__name__}: {name} is {shown(every)}; expected a number of {what} of at least 1")
    return int(every)


def checked_positive(listener: TrainingListener, value: float, name: str, what: str = "", or_0: bool = False) -> float:
    """ConfigurationError for anything but a finite number above 0, of ``what``; ``or_0``: 0 is accepted too."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (0 < value < math.inf or (or_0 and value == 0)):
        expected = f"a number{f' of {what}' if what else ''} {'from 0 on' if or_0 else 'above 0'}"
        raise ConfigurationError(f"{type(listener).__name__}: {name} is {shown(value)}; expected {expected}")
    return float(value)


def checked_out(listener: TrainingListener, out: Callable[[str], object] | None) -> Callable[[str], object]:
    """What takes the texts of ``listener``, by default :func:`_log`. ConfigurationError for what cannot."""
    if out is not None and not callable(out):
        raise ConfigurationError(f"{type(listener).__name__}: out is {shown(out)}; expected a callable that takes a text, such as print")
    return _log if out is None else out


def _log(text: str) -> None:
    """To the logger, or to stderr where it would not be seen there."""
    if _LOGGER.hasHandlers() and _LOGGER.isEnabledFor(logging.INFO):
        _LOGGER.info(text)
    else:
        sys.stderr.write(f"{text}\n")
