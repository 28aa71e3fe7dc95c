"""CheckpointListener: saves a run while it goes on, so that one that was killed can be resumed."""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnngraph.errors import ConfigurationError, ModelFileError, TrainingError, TrainingWarning
from rnngraph.files import clear_leftovers
from rnngraph.names import shown
from rnngraph.saving import network_of, saved
from rnngraph.serialization import SavedNetwork, read_network, write_network
from rnngraph.spelling import Spelled, spelled
from rnngraph.training.listeners import TrainingListener, checked_every, checked_positive

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork

_NAME = re.compile(r"checkpoint_(\d{6,})_iteration_\d+_epoch_\d+\.rnng")


class CheckpointListener(TrainingListener, Spelled):
    """Saves the network, and what all listeners remember, into ``folder``: ``checkpoint_000012_iteration_4560_epoch_3.rnng``.

    That is after every ``every_n_iterations``-th iteration, every ``every_n_epochs``-th epoch, when ``every_minutes`` have passed since the
    last one, and at the end of the fit unless an error ended it; without any of the three after each epoch. ``keep_last`` of those that it
    wrote stay, and of the older ones every ``keep_every``-th by their number; left out, all do. What it did not write it never deletes, but
    for temporary files of checkpoints whose writing was killed.

    It is told of everything after other listeners. A checkpoint is there whole or not at all. One that cannot be written, on a full disk,
    ends the fit by a TrainingError: those before it are as they were, the network as after the last whole update, and a
    ``fit(..., resume=True)`` of it goes on.

    Raises ConfigurationError for numbers out of range.
    """

    _last = True

    @spelled
    def __init__(
        self,
        folder: str | os.PathLike[str],
        every_n_iterations: int | None = None,
        every_n_epochs: int | None = None,
        every_minutes: float | None = None,
        keep_last: int | None = None,
        keep_every: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = _folder(folder)
        self.every_n_iterations = self._checked(every_n_iterations, "iterations", "every_n_iterations")
        self.every_n_epochs = self._checked(every_n_epochs, "epochs", "every_n_epochs")
        self.every_minutes = None if every_minutes is None else checked_positive(self, every_minutes, "every_minutes", "minutes")
        if (every_n_iterations, every_n_epochs, every_minutes) == (None,) * 3:
            self.every_n_epochs = 1
        self.keep_last = self._checked(keep_last, "checkpoints", "keep_last")
        self.keep_every = self._checked(keep_every, "checkpoints", "keep_every")
        if keep_last is None and keep_every is not None:
            raise ConfigurationError(f"CheckpointListener: keep_every is {shown(keep_every)}, but all are kept; give keep_last too")
        self._clock = clock
        self._written: list[str] = []

    def _checked(self, count: int | None, what: str, name: str) -> int | None:
        """ConfigurationError for a number of ``what`` below 1."""
        return None if count is None else checked_every(self, count, what, name)

    # Finding them again

    @staticmethod
    def checkpoints(folder: str | os.PathLike[str]) -> list[Path]:
        """The checkpoints in ``folder``, the oldest first; whether they can be read is not looked at. Empty where there is no folder."""
        return [path for _, path in sorted(_numbered(_folder(folder)))]

    @staticmethod
    def last_checkpoint(folder: str | os.PathLike[str]) -> Path | None:
        """The newest checkpoint that can be read, None where there is none at all.

        A TrainingWarning names each newer one that cannot be read; ModelFileError where none can.
        """
        found = _newest(_folder(folder))
        return None if found is None else found[0]

    @staticmethod
    def resume(folder: str | os.PathLike[str]) -> MultiLayerNetwork | ComputationGraph | None:
        """The network of :meth:`last_checkpoint`, None where there is none; ``fit(..., resume=True)`` goes on with its run.

        Listeners of that fit remember what they knew then, each what the one of its class (and, of several, in its place) did.
        """
        found = _newest(_folder(folder))
        return None if found is None else network_of(found[1])

    # Writing them

    def memory(self) -> Mapping[str, Any]:
        """Which checkpoints are its own."""
        return {"folder": str(self.folder.resolve()), "written": list(self._written)}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Know its own again, where they lie where they were written."""
        own = memory["written"] if memory["folder"] == str(self.folder.resolve()) else []
        self._written = [name for name in own if _NAME.fullmatch(name)]

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Make the folder ready."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            clear_leftovers(self.folder, lambda name: _NAME.fullmatch(name) is not None)
        except OSError as error:
            raise ModelFileError(
                f"CheckpointListener: {self.folder}: the folder cannot be made ready ({error.strerror or error}); give another"
            ) from error
        self._number = max((number for number, _ in _numbered(self.folder)), default=0)
        self._at, self._since = _place(network), self._clock()

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Save where it is time."""
        if (self.every_n_iterations is not None and network.iteration % self.every_n_iterations == 0) or (
            self.every_minutes is not None and self._clock() - self._since >= 60 * self.every_minutes
        ):
            self._save(network)

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Save where it is this epoch's turn."""
        if self.every_n_epochs is not None and network.epoch % self.every_n_epochs == 0:
            self._save(network)

    def on_fit_end(self, network: Network) -> None:
        """Save what was trained since the last checkpoint."""
        if network._current is not None and network._current.ended and self._at != _place(network):
            self._save(network)

    def _save(self, network: Network) -> None:
        """Write a checkpoint, then delete those that need not stay."""
        name = f"checkpoint_{self._number + 1:06d}_iteration_{network.iteration}_epoch_{network.epoch}.rnng"
        self._written.append(name)  # which the checkpoint itself has to know
        try:
            write_network(self.folder / name, saved(network, {} if network._current is None else network._current.memories()))
        except BaseException as error:
            self._written.pop()
            if isinstance(error, ModelFileError):
                raise TrainingError(
                    f"CheckpointListener: {error}. The checkpoints before it are as they were, and the network is as after "
                    f"{network.iteration} iterations: see to that (on a full disk make room), and go on with fit(..., resume=True)"
                ) from error
            raise
        self._number += 1
        self._at, self._since = _place(network), self._clock()
        for old in self._written[: -self.keep_last] if self.keep_last is not None else ():
            if self.keep_every is None or int(old.split("_")[1]) % self.keep_every:
                self._delete(old)

    def _delete(self, name: str) -> None:
        """Delete one of its own; a TrainingWarning where that is refused."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(f"{self.folder / name}: cannot be deleted ({error.strerror or error}); it stays", TrainingWarning, stacklevel=2)
        self._written.remove(name)


def _folder(folder: str | os.PathLike[str]) -> Path:
    """ConfigurationError for what is no path, or another file's."""
    if not isinstance(folder, (str, os.PathLike)):
        raise ConfigurationError(f'CheckpointListener: folder is {shown(folder)}; expected the name of a folder, such as "checkpoints"')
    if Path(folder).exists() and not Path(folder).is_dir():
        raise ConfigurationError(f"CheckpointListener: {os.fspath(folder)} is a file; expected the name of a folder")
    return Path(folder)


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    """The checkpoints in ``folder`` with their numbers."""
    for path in folder.glob("checkpoint_*.rnng"):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            yield int(name[1]), path


def _newest(folder: Path) -> tuple[Path, SavedNetwork] | None:
    """The newest checkpoint that can be read, and what it holds."""
    found = sorted(_numbered(folder))
    for _, path in reversed(found):
        try:
            return path, read_network(path)
        except ModelFileError as error:
            warnings.warn(f"{error}. The checkpoint before it is looked at", TrainingWarning, stacklevel=3)
    if found:
        raise ModelFileError(f"{folder}: none of its {len(found)} checkpoints can be read; move them away to begin anew")
    return None


def _place(network: Network) -> tuple[int, ...]:
    """Where a network stands."""
    at = network._position
    return network.iteration, network.epoch, at.batches, at.segments
