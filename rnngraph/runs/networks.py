"""The network that a path leads to: a saved file, or the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnngraph.errors import ModelFileError
from rnngraph.runs.folder import RunFolder
from rnngraph.runs.record import Record

if TYPE_CHECKING:
    from rnngraph.base_network import Network


def network_file(path: Path) -> Path:
    """The file of the network at ``path``: itself, or of a run's folder its ``net.rnng``. ModelFileError where that is not there."""
    if not path.is_dir():
        return path
    folder = RunFolder(path)
    if folder.network.is_file():
        return folder.network
    if folder.has_checkpoints():
        raise ModelFileError(
            f"{path}: the run was stopped before it saved its network; go on with it: rnngraph train --out {path} --resume"
        )
    raise ModelFileError(
        f"{path} is a folder without {folder.network.name}; give a saved network, or the folder of a run of rnngraph train"
    )


def record_beside(path: Path) -> Record | None:
    """The record of the run that a file lies in, None where it lies elsewhere."""
    record = RunFolder(path.parent).record
    return Record.read(record) if record.is_file() else None


def labels_beside(path: Path) -> tuple[str, ...] | None:
    """The names of classes that the run of the network ``path`` was given."""
    record = record_beside(path) if path == RunFolder(path.parent).network else None
    return None if record is None else record.plan.class_labels


def load_network(path: Path) -> Network:
    """The network that a file holds, of whichever class it is."""
    from rnngraph.saving import network_of
    from rnngraph.serialization import read_network

    return network_of(read_network(path))
