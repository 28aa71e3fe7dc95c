"""EarlyStopping: ends a fit that no longer gets better, and gives the best network back."""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.errors import ConfigurationError, ModelFileError, TrainingError
from rnngraph.files import clear_leftovers
from rnngraph.names import shown
from rnngraph.paths import file_path
from rnngraph.saving import put_back, saved
from rnngraph.serialization import packed_network, unpacked_network, write_network
from rnngraph.spelling import Spelled, spelled
from rnngraph.training.listeners import TrainingListener, checked_every, checked_positive

if TYPE_CHECKING:
    from rnngraph.base_network import Network

METRICS = ("accuracy", "precision", "recall", "f1")
"""Methods of Evaluation that can be watched."""
_BEST = Path("the best network")


@dataclass
class _Known:
    """What a run that goes on has to know, but for the best network.

    ``told`` is the number of epochs whose end was seen; ``total`` and ``count`` are of the scores of the epoch under way.
    """

    best: float | None = None
    best_epoch: int | None = None
    reference: float | None = None
    waited: int = 0
    seconds: float = 0.0
    told: int | None = None
    total: float = 0.0
    count: int = 0


class EarlyStopping(TrainingListener, Spelled):
    """Ends the fit where it has no improvement for ``patience`` epochs, reaches ``target``, or has taken ``max_minutes``.

    What is watched after each epoch is ``monitor``: "validation", the score of the validation data; "score", the mean of the epoch's
    scores; "accuracy", "precision", "recall" or "f1" of the validation data; or a function of the network. Of a score the smaller is
    better, of the four the larger; of a function say so by ``larger_is_better``. An improvement is one by more than ``min_improvement`` on
    the last one.

    With ``restore_best`` the network is, at the end of the fit, as it was after its best epoch, updater state and counters included; not
    where Ctrl-C or an error ended it, so that it can go on. ``save_best`` is a file to which each best network is written.

    ``best_score``, ``best_epoch`` (from 0) and ``waited`` tell how it stands, ``network.stopped_by`` why it ended the fit. A checkpoint of
    a CheckpointListener holds all that, the best network and the time that it took too, so that a run that is resumed ends as an unbroken
    one. Settings may then be others: with more ``patience`` a run that had ended goes on.

    Raises ConfigurationError for numbers out of range, for another monitor, and at the start of a fit that lacks validation data. Source:
    DL4J's EarlyStoppingConfiguration.
    """

    @spelled
    def __init__(
        self,
        patience: int | None = None,
        min_improvement: float = 0.0,
        target: float | None = None,
        max_minutes: float | None = None,
        monitor: str | Callable[[Any], float] = "validation",
        larger_is_better: bool | None = None,
        restore_best: bool = True,
        save_best: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience = None if patience is None else checked_every(self, patience, "epochs", "patience")
        self.max_minutes = None if max_minutes is None else checked_positive(self, max_minutes, "max_minutes", "minutes")
        self.min_improvement = checked_positive(self, min_improvement, "min_improvement", or_0=True)
        if target is not None and not _is_finite(target):
            raise ConfigurationError(f"EarlyStopping: target is {shown(target)}; expected a finite number")
        if not callable(monitor) and monitor not in ("validation", "score", *METRICS):
            expected = '"validation", "score", ' + ", ".join(f'"{name}"' for name in METRICS)
            raise ConfigurationError(f"EarlyStopping: monitor is {shown(monitor)}; expected {expected}, or a function of the network")
        self.target, self.monitor = target, monitor
        self.larger_is_better = _yes_or_no("larger_is_better", monitor in METRICS if larger_is_better is None else larger_is_better)
        self.restore_best = _yes_or_no("restore_best", restore_best)
        self.save_best = None if save_best is None else file_path(save_best, "EarlyStopping: save_best", written=True)
        if not restore_best and (patience, target, max_minutes, save_best) == (None,) * 4:
            raise ConfigurationError("EarlyStopping: there is nothing to do; give patience, target, max_minutes or save_best")
        self._clock = clock
        self._known, self._best = _Known(), b""
        self._of: Callable[[], Network | None] = lambda: None
        self._recalled = self._gave_back = False
        self._started: float | None = None

    # How it stands

    @property
    def best_score(self) -> float | None:
        """The best value so far, None before the first epoch ends."""
        return self._known.best

    @property
    def best_epoch(self) -> int | None:
        """The epoch after which it was, from 0."""
        return self._known.best_epoch

    @property
    def waited(self) -> int:
        """How many epochs have passed since the last improvement."""
        return self._known.waited

    def memory(self) -> Mapping[str, Any]:
        """How it stands, and the best network as the bytes of its file."""
        told: dict[str, Any] = asdict(replace(self._known, seconds=self._seconds()))
        return told | ({"network": np.frombuffer(self._best, np.uint8)} if self._best else {})

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._known = _Known(**{field.name: memory[field.name] for field in fields(_Known)})
        self._best, self._recalled = memory["network"].tobytes() if "network" in memory else b"", True

    # What a fit tells

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Begin anew, unless the fit goes on with the run that is known; end it where that had ended."""
        current = network._current
        if current is not None and current.validation is None and (self.monitor == "validation" or self.monitor in METRICS):
            raise ConfigurationError(
                f'EarlyStopping: monitor is "{self.monitor}", but the fit has no validation data; '
                'give fit(..., validation=...), or monitor="score"'
            )
        goes_on = current is not None and current.resumed and (self._recalled or self._of() is network)
        if not goes_on:
            self._known, self._best, self._gave_back = _Known(), b"", False
        self._recalled, self._of, self._started = False, weakref.ref(network), self._clock()
        if self.save_best is not None:
            clear_leftovers(self.save_best.parent, self.save_best.name.__eq__)
        if self._known.told is not None and network.epoch > self._known.told:  # Ctrl-C came between the epoch and its being told
            self._judge(network, None)
        self._known.told = network.epoch
        self._end_where_due(network)
        if self._gave_back and network.stopped_by is None:  # the best network goes on, with other settings
            self._known.waited, self._gave_back = 0, False

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Count the score, and look at the time."""
        self._known.total += score
        self._known.count += 1
        if self.max_minutes is not None and self._seconds() >= 60 * self.max_minutes:
            self._end_where_due(network)

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Judge the epoch, and end the fit where it is time."""
        self._judge(network, validation_score)
        self._end_where_due(network)

    def on_fit_end(self, network: Network) -> None:
        """Give the best network back, where the fit came to its end."""
        self._known.seconds, self._started = self._seconds(), None
        current = network._current
        if self.restore_best and self._best and current is not None and current.ended and not network.interrupted:
            put_back(network, unpacked_network(self._best, _BEST))
            self._gave_back = True

    # How it judges

    def _seconds(self) -> float:
        """How long the run has taken, in this process and before."""
        return self._known.seconds + (0.0 if self._started is None else self._clock() - self._started)

    def _judge(self, network: Network, validation_score: float | None) -> None:
        """Take the value after an epoch. Nothing is changed where that fails, so that it is done again by a fit that goes on."""
        from rnngraph.training.update import whole

        value = self._value(network, validation_score)
        known = replace(self._known, told=network.epoch, total=0.0, count=0)
        if value is None:
            self._known = known
            return
        best = self._best
        if known.best is None or self._gain(known.best, value) > 0:
            known.best, known.best_epoch = value, network.epoch - 1
            best = packed_network(saved(network), _BEST) if self.restore_best else b""
            self._save_best(network)
        if known.reference is None or self._gain(known.reference, value) > self.min_improvement:
            known.reference, known.waited = value, 0
        else:
            known.waited += 1
        with whole():
            self._known, self._best = known, best

    def _value(self, network: Network, validation_score: float | None) -> float | None:
        """What is watched, None for an epoch without an update. TrainingError where it is not finite."""
        value: Any = validation_score
        if self.monitor == "score":
            if not self._known.count:
                return None
            value = self._known.total / self._known.count
        elif callable(self.monitor):
            value = self.monitor(network)
        elif self.monitor != "validation" or validation_score is None:
            value = self._validated(network)
        if not _is_finite(value):
            raise TrainingError(f"EarlyStopping: {self._name()} is {shown(value)} after {network.epoch} epochs; expected a finite number")
        return float(value)

    def _validated(self, network: Any) -> float:
        """The score of the validation data, or what an Evaluation says of them."""
        from rnngraph.training.objective import score_all

        data = network._current.validation
        if self.monitor == "validation":
            return score_all(network, data, "validation")
        return float(getattr(network.evaluate(data), str(self.monitor))())

    def _save_best(self, network: Network) -> None:
        """Write the network, where it was asked for."""
        if self.save_best is None:
            return
        try:
            write_network(self.save_best, saved(network))
        except ModelFileError as error:
            raise TrainingError(
                f"EarlyStopping: save_best: {error}. The network is as after {network.iteration} iterations: see to that (on a full disk "
                "make room), and go on with fit(..., resume=True)"
            ) from error

    def _gain(self, before: float, now: float) -> float:
        """How much better ``now`` is."""
        return now - before if self.larger_is_better else before - now

    def _name(self) -> str:
        """What is watched, in words."""
        if callable(self.monitor):
            return getattr(self.monitor, "__name__", "the monitor")
        known = {"validation": "the validation score", "score": "the mean score of the epoch"}
        return known.get(self.monitor, f"{self.monitor} of the validation data")

    def _end_where_due(self, network: Network) -> None:
        """End the fit, and say why."""
        known, minutes = self._known, self.max_minutes
        best = "" if known.best is None or known.best_epoch is None else f"{known.best:.6g}, was after {known.best_epoch + 1} epochs"
        if known.best is not None and self.target is not None and self._gain(self.target, known.best) >= 0:
            network.stop_fit(f"EarlyStopping: {self._name()} has reached {self.target:g}; the best, {best}")
        elif self.patience is not None and known.waited >= self.patience:
            network.stop_fit(f"EarlyStopping: no improvement of {self._name()} for {known.waited} epochs; the best, {best}")
        elif minutes is not None and self._seconds() >= 60 * minutes:
            network.stop_fit(f"EarlyStopping: the {minutes:g} minutes are over" + (f"; the best, {best}" if best else ""))


def _yes_or_no(name: str, value: object) -> bool:
    """ConfigurationError for anything but True and False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"EarlyStopping: {name} is {shown(value)}; expected True or False")
    return value


def _is_finite(value: object) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and math.isfinite(value)
