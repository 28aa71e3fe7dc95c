"""A model file of DL4J's as a network."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnngraph.conf import ComputationGraphConfiguration, InputType, MultiLayerConfiguration
from rnngraph.conf.parameters import updater_of
from rnngraph.dl4j.archive import HEADERS, Archive
from rnngraph.dl4j.arrays import read_array, read_header
from rnngraph.dl4j.configuration import HALF, configuration, document
from rnngraph.dl4j.document import Node, parse
from rnngraph.dl4j.entries import CONFIGURATION, JAVA_UPDATERS, PARAMETERS, UPDATERS
from rnngraph.dl4j.errors import ImportNote
from rnngraph.dl4j.graphs import open_inputs
from rnngraph.dl4j.legacy import filters_as_today, states_as_written
from rnngraph.dl4j.legacy.states import MOMENTUM, SQUARES
from rnngraph.dl4j.normalizers import normalizer_of_model
from rnngraph.dl4j.table import from_table, shapes
from rnngraph.dl4j.vector import Shapes, taken_apart, updater_count, updater_tables
from rnngraph.dl4j.whole import HALVES, WHERE
from rnngraph.errors import ModelFileError
from rnngraph.lowering import buffer_shapes, parameter_shapes
from rnngraph.names import shown
from rnngraph.paths import file_path

if TYPE_CHECKING:
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork

Configuration = MultiLayerConfiguration | ComputationGraphConfiguration
Tables = Mapping[str, Mapping[str, NDArray[Any]]]
OWN = "training.json"
"""What rnngraph's own files have."""
JAVA_NOTE = "what updaters keep stands there as Java objects, which are not read; they begin anew, as in a network that was never trained"
BYTES = (2, 8)
"""The smallest and the largest number of bytes of a parameter."""


def load(
    path: str | os.PathLike[str], input_type: InputType | None = None, input_types: Mapping[str, InputType] | None = None
) -> MultiLayerNetwork | ComputationGraph:
    """The network or graph in a file that DL4J's ``ModelSerializer`` wrote (0.5 to 1.0.0-M2.1), ready to train, to export, to stream.

    It computes what it computed in DL4J, see ``read_configuration``, and goes on training where DL4J stopped: what updaters keep and
    the counts of iterations and epochs come along, and its normalizer as ``normalizer``. ``input_type``, or ``input_types`` of
    a graph, are as there; where the widths of inputs that are merged are told nowhere, the first arrays tell them.

    Raises UnsupportedError, which names layer and class, for what this version of rnngraph does not have; ModelFileError for a file that
    is missing, damaged, of two models, or no model of DL4J's. Nothing in the file is executed, and no more is read than the network needs.
    Warns with an ImportNote where the network takes its arrays otherwise than in DL4J, or goes on otherwise.
    """
    from rnngraph.graph_network import ComputationGraph

    with opened(path, "dl4j.load") as archive:
        root = document(archive.text(CONFIGURATION))
        config = _configuration(root, input_type, input_types or {})
        config, vector = _parameters(archive, config, root)
        layout = shapes(config)
        tables = _updater_tables(archive, config, layout, root)
        iteration, epoch = (count_of(root, key) for key in ("iterationCount", "epochCount"))
        found = filters_as_today(taken_apart(vector, layout), root)
        network: MultiLayerNetwork | ComputationGraph = _network(config, found, archive.where(PARAMETERS))
        _restore_updaters(network, {name: filters_as_today(table, root) for name, table in tables.items()}, archive.where(UPDATERS))
        network.iteration, network.epoch = iteration, epoch
        guessed = open_inputs(root, input_types or {}) if isinstance(network, ComputationGraph) else ()
        network.normalizer = normalizer_of_model(archive, config, guessed)
        if isinstance(network, ComputationGraph):
            network._learn_widths(guessed)
    return network


def opened(path: str | os.PathLike[str], verb: str) -> Archive:
    """The model file at ``path``. ModelFileError for what is no path, no such file, or a file of rnngraph's own."""
    archive = Archive(file_path(path, verb, "model.zip"))
    if OWN not in archive or PARAMETERS in archive:
        return archive
    with archive:
        kind = parse(archive.text(OWN), archive.where(OWN)).text("network", "MultiLayerNetwork")
    raise ModelFileError(
        f"{archive.path}: a file of rnngraph's own, not a model of DL4J's; read it by rg.{shown(kind)[1:-1]}.load(path). "
        "A network becomes a model of DL4J's by dl4j.save(net, path)"
    )


def _configuration(root: Node, input_type: InputType | None, input_types: Mapping[str, InputType]) -> Configuration:
    try:
        return configuration(root, input_type, input_types)
    except ModelFileError as error:
        if input_type is not None or "input_type=" not in str(error):
            raise
        raise ModelFileError(f"{error}. DL4J's JSON does not tell it: dl4j.load(path, input_type=rg.InputType...)") from error


def _parameters(archive: Archive, config: Configuration, root: Node) -> tuple[Configuration, NDArray[Any]]:
    """The vector of all parameters, and ``config`` with its data type, whatever the JSON says. No more is read than the configuration's."""
    count = sum(math.prod(shape) for shape in {**parameter_shapes(config), **buffer_shapes(config)}.values())
    what = "parameters, but the configuration describes"
    vector = _vector(archive, PARAMETERS, count, what) if count else np.zeros(0, config.data_type)
    if (
        count
        and root.text("dataType", "FLOAT") not in HALVES
        and read_header(archive.head(PARAMETERS), archive.where(PARAMETERS)).data_type in HALVES
    ):
        warnings.warn(ImportNote(f"{archive.where(PARAMETERS)}: {HALF}"), stacklevel=3)
    data_type = "float64" if vector.dtype == np.float64 else "float32"
    return config if data_type == config.data_type else config.replaced(data_type=data_type), vector


def _updater_tables(archive: Archive, config: Configuration, shapes: Shapes, root: Node) -> Tables:
    """What the updaters keep, by name; nothing where the file has none, or one that only Java can read, which is told."""
    if UPDATERS in archive:
        count = updater_count(config, shapes)
        state = _vector(archive, UPDATERS, count, "numbers, but the configuration's updaters keep")
        return states_as_written(updater_tables(state, config, shapes), state, shapes, root)
    if JAVA_UPDATERS in archive:
        warnings.warn(ImportNote(f"{archive.where(JAVA_UPDATERS)}: {JAVA_NOTE}"), stacklevel=3)
    return {}


def count_of(root: Node, key: str) -> int:
    """A count of the network of a document; versions that keep it by layer have the same in each, and older ones none."""
    holder = next((node for node in (root, *root.nodes("confs")[:1]) if node.has(key)), None)
    count = 0 if holder is None else holder.count(key)
    if not 0 <= count < 2**63:
        raise ModelFileError(f"{WHERE}: {key} is {count}; expected a number of at least 0, as DL4J writes it: save the model again")
    return count


def _vector(archive: Archive, name: str, count: int, what: str) -> NDArray[Any]:
    """The vector in entry ``name``, which has to be of ``count`` numbers, ``what`` they are: its header tells before it is read."""
    where = archive.where(name)
    header = read_header(archive.head(name), where)
    size, found = archive.size(name), math.prod(header.shape)
    if found != count:
        raise ModelFileError(f"{where}: {found} {what} {count}; they are of two models")
    if not count * BYTES[0] <= size <= count * BYTES[1] + HEADERS:
        raise ModelFileError(
            f"{where}: {size} bytes, which cannot be {count} numbers as its header tells; the file is altered: copy it again"
        )
    array = read_array(archive.read(name, count * BYTES[1] + HEADERS), where)
    if array.dtype.kind != "f" or max(array.shape, default=1) != array.size:
        raise ModelFileError(f"{where}: {array.dtype}{list(array.shape)}; expected a vector of floats: save the model again")
    return array.ravel()


def _network(config: Configuration, found: dict[str, NDArray[Any]], where: str) -> Any:
    """The network with the arrays of ``found``; nothing is drawn, so that an initialiser which cannot draw them does not matter."""
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork

    with np.errstate(over="ignore"):  # a deviation that is too large becomes infinite, which is told
        arrays, statistics = from_table(SimpleNamespace(config=config), found), buffer_shapes(config)
    for name, array in arrays.items():
        problem = _misfit(array, squares=name in statistics and name.endswith(".var"))
        if problem:
            raise ModelFileError(f"{where}: {name} {problem}: the training diverged, or the file is altered; load an earlier checkpoint")
    kept = {name: array for name, array in arrays.items() if name in statistics}
    cls: Any = ComputationGraph if isinstance(config, ComputationGraphConfiguration) else MultiLayerNetwork
    return cls._holding(config, arrays, kept)


def _restore_updaters(network: Any, tables: Tables, where: str) -> None:
    import torch

    for name, found in tables.items():
        for key, array in from_table(network, found).items():
            problem = _misfit(array, squares=name in SQUARES and updater_of(network.config, key).tag() != MOMENTUM)
            if problem:
                raise ModelFileError(
                    f"{where}: {name} of {key} {problem}: the training diverged, or the file is altered; load an earlier checkpoint"
                )
            state = torch.tensor(array, dtype=getattr(torch, network.config.data_type))
            network.updater_state.setdefault(key, {})[name] = state


def _misfit(array: NDArray[Any], squares: bool) -> str:
    """What is wrong with the numbers of an array, in words: the first that is not finite, or that is negative among ``squares``."""
    wrong = ~np.isfinite(array) | (squares & (array < 0))
    if not wrong.any():
        return ""
    position = np.argwhere(wrong)[0]
    expected = "a finite number of at least 0" if squares else "a finite number"
    return f"is {array[tuple(position)]} at {position.tolist()}, where {expected} is expected"
