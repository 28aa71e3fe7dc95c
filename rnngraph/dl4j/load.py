"""A model file of DL4J's as a network."""

from __future__ import annotations

import math
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnngraph.conf import InputType, MultiLayerConfiguration
from rnngraph.dl4j.archive import HEADERS, Archive
from rnngraph.dl4j.arrays import read_array
from rnngraph.dl4j.configuration import read_configuration
from rnngraph.dl4j.document import parse
from rnngraph.dl4j.normalizers import normalizer_of_model
from rnngraph.dl4j.table import from_table, table
from rnngraph.dl4j.vector import Shapes, taken_apart, updater_tables
from rnngraph.errors import InputError, ModelFileError
from rnngraph.lowering import buffer_shapes, parameter_shapes

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork

CONFIGURATION, PARAMETERS, UPDATERS = "configuration.json", "coefficients.bin", "updaterState.bin"
BYTES = (2, 8)
"""The smallest and the largest number of bytes of a parameter."""


def load(path: str | os.PathLike[str], input_type: InputType | None = None) -> MultiLayerNetwork:
    """The network in a file that DL4J's ``ModelSerializer`` wrote (1.0.0-beta4 to M2.1), ready to train, to export and to stream.

    It computes what it computed in DL4J, see :func:`read_configuration`, and goes on training where DL4J stopped: what updaters keep and
    the counts of iterations and epochs come along, and its normalizer as ``normalizer``. ``input_type`` is as there.

    Raises UnsupportedError, which names layer and class, for what this version of rnngraph does not have; ModelFileError for a file that
    is missing, damaged, of two models, or no model of DL4J's. Nothing in the file is executed, and no more is read than the network needs.
    """
    with Archive(path) as archive:
        text = archive.text(CONFIGURATION)
        config = _configuration(text, input_type)
        count = sum(math.prod(shape) for shape in {**parameter_shapes(config), **buffer_shapes(config)}.values())
        vector = _vector(archive, PARAMETERS, count) if count else np.zeros(0, config.data_type)
        if len(vector) != count:
            raise ModelFileError(
                f"{archive.where(PARAMETERS)}: {len(vector)} parameters, but the configuration describes {count}; they are of two models"
            )
        if vector.dtype == np.float64:  # the parameters tell, not the JSON
            config = config.replaced(data_type="float64")
        shapes = _shapes(config)
        network = _network(config, taken_apart(vector, shapes), archive)
        if UPDATERS in archive:
            state = _vector(archive, UPDATERS, 3 * count, least=0)
            _restore_updaters(network, updater_tables(state, config, shapes, archive.where(UPDATERS)))
        root = parse(text, archive.where(CONFIGURATION))
        network.iteration, network.epoch = (root.count(key) if root.has(key) else 0 for key in ("iterationCount", "epochCount"))
        network.normalizer = normalizer_of_model(archive)
    return network


def _configuration(text: str, input_type: InputType | None) -> MultiLayerConfiguration:
    try:
        return read_configuration(text, input_type)
    except ModelFileError as error:
        if input_type is not None or "input_type=" not in str(error):
            raise
        raise ModelFileError(f"{error}. DL4J's JSON does not tell it: dl4j.load(path, input_type=rg.InputType...)") from error


def _vector(archive: Archive, name: str, count: int, least: int | None = None) -> NDArray[Any]:
    """The vector of at most ``count`` numbers in entry ``name``, whose size is looked at first."""
    size, least = archive.size(name), count if least is None else least
    if not least * BYTES[0] <= size <= count * BYTES[1] + HEADERS:
        raise ModelFileError(
            f"{archive.where(name)}: {size} bytes, which cannot be the numbers of the configuration's {count}; they are of two models"
        )
    array = read_array(archive.read(name, count * BYTES[1] + HEADERS), archive.where(name))
    if array.dtype.kind != "f" or max(array.shape, default=1) != array.size:
        raise ModelFileError(f"{archive.where(name)}: {array.dtype}{list(array.shape)}; expected a vector of floats: save the model again")
    return array.ravel()


def _shapes(config: MultiLayerConfiguration) -> Shapes:
    """DL4J's shapes of all parameters, running statistics among them, from a table of arrays that take no memory."""
    shapes = {**parameter_shapes(config), **buffer_shapes(config)}
    empty = {name: np.broadcast_to(np.float32(1), shape) for name, shape in shapes.items()}
    return {key: array.shape for key, array in table(SimpleNamespace(config=config), empty).items()}


def _network(config: MultiLayerConfiguration, found: dict[str, NDArray[Any]], archive: Archive) -> MultiLayerNetwork:
    from rnngraph.network import MultiLayerNetwork

    network = MultiLayerNetwork(config)
    try:
        arrays, statistics = from_table(network, found), buffer_shapes(config)
        network.set_parameters({name: array for name, array in arrays.items() if name not in statistics})
        network.set_buffers({name: arrays[name] for name in statistics})
    except InputError as error:
        raise ModelFileError(f"{archive.where(PARAMETERS)}: {error}") from error
    return network


def _restore_updaters(network: MultiLayerNetwork, tables: dict[str, dict[str, NDArray[Any]]]) -> None:
    import torch

    for name, found in tables.items():
        for key, array in from_table(network, found).items():
            state = torch.tensor(array, dtype=getattr(torch, network.config.data_type))
            network.updater_state.setdefault(key, {})[name] = state
