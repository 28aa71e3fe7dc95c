"""The folder that a run of ``rnngraph train`` leaves: where everything is in it, and that none is lost by the next run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rnngraph.errors import ModelFileError


@dataclass(frozen=True)
class RunFolder:
    """The folder ``path`` and what lies in it."""

    path: Path

    @property
    def network(self) -> Path:
        """The trained network, its normalizer inside."""
        return self.path / "net.rnng"

    @property
    def checkpoints(self) -> Path:
        """The folder of the networks on the way."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """A line of JSON for each iteration and epoch."""
        return self.path / "log.jsonl"

    @property
    def config(self) -> Path:
        """The configuration, as it was given."""
        return self.path / "config.yaml"

    @property
    def record(self) -> Path:
        """What was asked for: which files, how they are read, how long to train."""
        return self.path / "run.json"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's events."""
        return self.path / "tensorboard"

    def _all(self) -> tuple[Path, ...]:
        return (self.network, self.checkpoints, self.log, self.config, self.record, self.tensorboard)

    def has_checkpoints(self) -> bool:
        """Whether a run can go on here."""
        return self.checkpoints.is_dir() and any(self.checkpoints.iterdir())

    def check_free(self, overwrite: bool) -> None:
        """ModelFileError where a file is in the way, or a run, unless that is to be replaced."""
        if self.path.exists() and not self.path.is_dir():
            raise ModelFileError(f"--out {self.path} is a file; give the name of a folder, as run")
        found = [one.name for one in self._all() if one.exists()]
        if found and not self.record.exists():
            raise ModelFileError(f"--out {self.path} has {', '.join(found)} in it, which no run wrote; name another folder")
        if found and not overwrite:
            raise ModelFileError(
                f"--out {self.path}: a run is there ({', '.join(found)}); go on with it by --resume, name another folder, or replace it by "
                "--overwrite"
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the folder, for this process alone. ModelFileError where another trains in it, or where it cannot be made.

        The system ends that with the process, also by a kill. Windows knows no such thing: there nothing is held.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.unwritable(error) from error
        if sys.platform == "win32":
            yield
            return
        import fcntl

        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            with suppress(OSError):  # a drive that knows no locks
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise ModelFileError(
                        f"--out {self.path}: another rnngraph train writes there now; wait for its end, or name another folder"
                    ) from error
            yield
        finally:
            os.close(descriptor)

    def unwritable(self, error: OSError) -> ModelFileError:
        """What to say where the folder cannot be written."""
        return ModelFileError(f"--out {self.path}: cannot be written ({error.strerror or error}); make room, or name another folder")

    def make_empty(self) -> None:
        """Remove an earlier run; what else lies in the folder stays."""
        for folder, ours in ((self.checkpoints, "checkpoint_*.rnng"), (self.tensorboard, "events.out.tfevents.*")):
            for one in folder.glob(ours):
                one.unlink()
            with suppress(OSError):  # it is not there, or something else is in it
                folder.rmdir()
        for file in (self.network, self.log, self.config, self.record):
            file.unlink(missing_ok=True)
