"""A network as a model file that DL4J reads."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnngraph.conf.parameters import updater_of
from rnngraph.dl4j.entries import CONFIGURATION, NO_PARAMETERS, NORMALIZER, PARAMETERS, UPDATERS
from rnngraph.dl4j.normalizers import normalizer_bytes
from rnngraph.dl4j.table import shapes, table
from rnngraph.dl4j.vector import STATES, Shapes, joined, updater_vector
from rnngraph.dl4j.writing.arrays import vector_bytes
from rnngraph.dl4j.writing.configuration import configuration_json
from rnngraph.dl4j.writing.differences import warn_of_differences
from rnngraph.errors import InputError, ModelFileError
from rnngraph.files import atomic_write
from rnngraph.names import shown
from rnngraph.paths import file_path

if TYPE_CHECKING:
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork

STAMP = (1980, 1, 1, 0, 0, 0)
"""The time of all entries, so that the same network gives the same bytes."""


def save(network: MultiLayerNetwork | ComputationGraph, path: str | os.PathLike[str]) -> None:
    """Write ``network`` as DL4J 1.0.0-M2.1's ``ModelSerializer`` does, which restores it and goes on from there.

    Parameters, running statistics, what updaters keep, the counts and the normalizer go along; :func:`load` reads them back as
    they were, but for the variances of a batch normalisation with ``use_log_std``, whose logarithms are rounded. Settings that DL4J has and
    rnngraph does not are DL4J's defaults.

    Raises NotInDL4JError, which names layer and element, for what DL4J lacks, ModelFileError for a path that cannot be written; what stood
    there is then as it was. What DL4J reads and does otherwise is told by a DL4JWarning.
    """
    from rnngraph.base_network import Network

    if not isinstance(network, Network):
        raise InputError(f"dl4j.save: expected a network, not {shown(network)}; give the network first, then the path")
    where = file_path(path, "dl4j.save", "model.zip", written=True)
    entries = _entries(network)
    warn_of_differences(network.config)
    try:
        with atomic_write(where) as file, zipfile.ZipFile(file, "w") as archive:
            for name, content in entries.items():
                archive.writestr(zipfile.ZipInfo(name, STAMP), content, zipfile.ZIP_DEFLATED)
    except OSError as error:  # which names the temporary file
        raise ModelFileError(f"{where}: cannot be written ({error.strerror or error}); what stood there is as it was") from error


def _entries(network: MultiLayerNetwork | ComputationGraph) -> dict[str, bytes]:
    """The file's entries by name, in DL4J's order."""
    config = network.config
    found = {CONFIGURATION: configuration_json(config, network.iteration, network.epoch).encode()}
    known = shapes(config)
    vector = joined(table(network, {**network.parameters(), **network.buffers()}), known)
    found.update({PARAMETERS: vector_bytes(vector)} if len(vector) else {NO_PARAMETERS: b""})
    state = _updater_vector(network, known)
    if len(state):
        found[UPDATERS] = vector_bytes(state)
    if network.normalizer is not None:
        found[NORMALIZER] = normalizer_bytes(network.normalizer)
    return found


def _updater_vector(network: MultiLayerNetwork | ComputationGraph, known: Shapes) -> NDArray[Any]:
    """What the updaters keep, or begin with."""
    from rnngraph.training.updaters import RULES

    tables: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in network.parameters().items():
        updater = updater_of(network.config, name)
        kept = network.updater_state.get(name, {})
        for state in STATES[updater.tag()]:
            start = RULES[updater.tag()].start(updater)
            tables.setdefault(state, {})[name] = kept[state].cpu().numpy() if state in kept else np.full_like(array, start)
    return updater_vector({state: table(network, arrays) for state, arrays in tables.items()}, network.config, known)
