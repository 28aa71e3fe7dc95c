"""The network that a path leads to: a saved file, or the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnngraph.errors import ModelFileError
from rnngraph.runs.folder import RunFolder

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


def load_network(path: Path) -> Network:
    """The network that a file holds, of whichever class it is."""
    from rnngraph.conf import MultiLayerConfiguration
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.serialization import read_network

    in_a_row = isinstance(read_network(path).config, MultiLayerConfiguration)
    return MultiLayerNetwork.load(path) if in_a_row else ComputationGraph.load(path)
