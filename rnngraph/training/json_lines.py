"""JsonLinesListener: the course of training as a file for programs, one JSON object a line."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnngraph.checks import is_count
from rnngraph.errors import TrainingError
from rnngraph.files import atomic_write
from rnngraph.paths import file_path
from rnngraph.spelling import Spelled, spelled
from rnngraph.training.listeners import TrainingListener, checked_every
from rnngraph.training.rates import learning_rate

if TYPE_CHECKING:
    from rnngraph.base_network import Network


class JsonLinesListener(TrainingListener, Spelled):
    """Appends to ``path`` a line for the beginning of a run, for every ``every``-th iteration and for each epoch, in this form:

    - ``{"event": "fit", "iteration": 0, "epoch": 0, "epochs": 30}``: what is done before, and how many epochs are to come;
    - ``{"event": "iteration", "iteration": 0, "epoch": 0, "score": 1.5, "seconds": 0.1, "examples_per_second": 320.0, "learning_rate":
      0.01}``: iteration and epoch count from 0, the rate is since the line before, the learning rate that of the network's updater;
    - ``{"event": "epoch", "epoch": 0, "iteration": 9, "score": 1.2, "validation_score": null, "seconds": 1.0, ...}``: ``iteration`` is how
      many are done.

    ``seconds`` are since the run began, without what lay between its parts. A line is written at once, so that a kill loses the last one at
    most. A run that goes on (``fit(..., resume=True)``) goes on in the file: what the last run has beyond the network's iteration or epoch
    is cut off, since it will be trained again. A new run, also of a resumed network that had not begun, appends a line "fit", and nothing
    before that is lost: a reader takes what stands after the last one.

    Raises ModelFileError for a path that cannot be a file's, TrainingError where writing fails, on a full disk: the network is then as
    after the last whole update.
    """

    @spelled
    def __init__(self, path: str | os.PathLike[str], every: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = file_path(path, "JsonLinesListener", "training.jsonl", written=True)
        self.every, self._clock = checked_every(self, every), clock
        self._file: FileIO | None = None

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Cut off what will be trained again, or begin a new run."""
        current = network._current
        begun = bool(network.iteration or network.epoch or network._position)
        try:
            seconds = self._cut(network) if current is not None and current.resumed and begun else None
            self._file = self.path.open("ab", buffering=0)  # a line is there at once, or in part where the disk is full
            if seconds is None and not _ends_a_line(self.path):
                self._file.write(b"\n")
        except OSError as error:
            raise self._failed(network, error) from error
        self._started = self._clock() - (seconds or 0.0)
        self._since = self._clock(), 0.0
        if seconds is None:
            self._write(network, event="fit", iteration=network.iteration, epoch=network.epoch, epochs=epochs)

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Write the line where it is this iteration's turn."""
        if iteration % self.every == 0:
            rates = {"examples_per_second": self._rate(network), "learning_rate": learning_rate(network.config, iteration, epoch)}
            self._write(network, event="iteration", iteration=iteration, epoch=epoch, score=score, seconds=self._seconds(), **rates)

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Write the line."""
        scores = {"score": score, "validation_score": validation_score}
        self._write(network, event="epoch", epoch=epoch, iteration=network.iteration, **scores, seconds=self._seconds())

    def on_fit_end(self, network: Network) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _seconds(self) -> float:
        return round(self._clock() - self._started, 6)

    def _rate(self, network: Network) -> float | None:
        """Examples a second since the line before, None where the clock is too coarse to tell."""
        examples = 0.0 if network._current is None else network._current.examples
        (then, before), self._since = self._since, (self._clock(), examples)
        seconds = self._since[0] - then
        return round((examples - before) / seconds, 3) if seconds > 0 else None

    def _write(self, network: Network, **fields: Any) -> None:
        """One line, at once."""
        assert self._file is not None
        line = json.dumps(fields).encode() + b"\n"
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._failed(network, error) from error

    def _failed(self, network: Network, error: OSError) -> TrainingError:
        return TrainingError(
            f"JsonLinesListener: {self.path}: cannot be written ({error.strerror or error}). The network is as after {network.iteration} "
            "iterations: make room, or give another path, and go on with fit(..., resume=True)"
        )

    def _cut(self, network: Network) -> float | None:
        """Cut the last run off where the network stands, and give how many seconds it took until there; None where there is none."""
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        parsed = [_parsed(line) for line in lines]
        begun = max((k for k, one in enumerate(parsed) if one.get("event") == "fit"), default=None)
        if begun is None:
            return None
        kept = [k for k in range(begun + 1, len(lines)) if _is_before(parsed[k], network.iteration, network.epoch)]
        if len(kept) < len(lines) - begun - 1:
            with atomic_write(self.path) as file:
                file.writelines([*lines[: begun + 1], *(lines[k] for k in kept)])
        times = (parsed[k].get("seconds") for k in reversed(kept))
        return float(next((seconds for seconds in times if isinstance(seconds, (int, float))), 0.0))


def _ends_a_line(path: Path) -> bool:
    """Whether what is appended begins a line."""
    with path.open("rb") as file:
        return file.seek(0, os.SEEK_END) == 0 or (file.seek(-1, os.SEEK_END), file.read())[1] == b"\n"


def _parsed(line: bytes) -> dict[str, Any]:
    """The object of a line, empty where it is none: torn by a kill, or written by something else."""
    try:
        value = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


def _is_before(line: dict[str, Any], iteration: int, epoch: int) -> bool:
    """Whether what a line tells comes before the network's next iteration and epoch; what another program wrote stays, a torn line not."""
    event = line.get("event")
    if event not in ("epoch", "iteration") or not is_count(line.get(event), 0):
        return bool(line)
    return bool(line[event] < (epoch if event == "epoch" else iteration))
