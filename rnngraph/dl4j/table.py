"""Our arrays under DL4J's keys, in its shapes and column orders, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnngraph.conf import NetworkConfiguration
from rnngraph.dl4j.layouts import Part, parts
from rnngraph.errors import InputError
from rnngraph.lowering import buffer_shapes, given_starts, parameter_shapes

Array = NDArray[Any]


class Network(Protocol):
    """What has layers: a network, whose running statistics are shown too."""

    @property
    def config(self) -> NetworkConfiguration:
        """The layers."""


def table(network: Network, mapping: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """``mapping``, which is keyed like ``network.parameters()`` (parameters, gradients), as DL4J's ``paramTable()`` shows it in M2.1.

    Keys are ``0_W``, ``0_RW``, ``0_b``, in a Bidirectional ``0_fW`` and ``0_bW``, in a GravesBidirectionalLSTM ``0_WF`` and ``0_WB``, in a
    graph ``encoder_W`` and so on.
    Weights are [n_in, n_out]; the columns of an LSTM are candidate, forget, output, input gate, and of RW in a GravesLSTM also the
    peepholes f, o, i. A mapping that has not all parameters gives a table of those that it has. Where it holds the network's own parameters
    the running statistics of batch normalisation are among them, ``2_mean`` and ``2_log10stdev``, as in DL4J; they stand in
    ``network.buffers()``, and a mapping may bring others along under the same names.

    Raises InputError for a key that the network does not have, and for one of two arrays that DL4J keeps as one.
    """
    given, found = {key: np.asarray(value) for key, value in mapping.items()}, dict[str, Array]()
    given = {**_statistics(network, given), **given}
    places = list(_places(network))
    _check_known(given, {f"{index}.{key}" for index, part in places for key in part.ours}, "parameter")
    for index, part in places:
        names = [f"{index}.{key}" for key in part.ours]
        there = [name in given for name in names]
        if all(there):
            found[f"{index}_{part.key}"] = np.ascontiguousarray(part.there(*(given[name] for name in names)))
        elif any(there):
            lacking = ", ".join(name for name in names if name not in given)
            raise InputError(f"DL4J keeps {' and '.join(names)} as one array, {index}_{part.key}, but {lacking} is missing; give both")
    return found


def shapes(config: NetworkConfiguration) -> dict[str, tuple[int, ...]]:
    """DL4J's shapes of all parameters, running statistics among them, from ours: no array is made."""
    ours = {**parameter_shapes(config), **buffer_shapes(config)}
    found: dict[str, tuple[int, ...]] = {}
    for index, part in _places(SimpleNamespace(config=config)):
        names = [f"{index}.{key}" for key in part.ours]
        if all(name in ours for name in names):
            found[f"{index}_{part.key}"] = part.shape(*(ours[name] for name in names))
    return found


def _statistics(network: Any, given: Mapping[str, Array]) -> dict[str, Array]:
    """The network's running statistics, where ``given`` are its own parameters; a mapping of gradients has none."""
    kept: dict[str, Array] = network.buffers() if hasattr(network, "buffers") else {}
    kept = {name: array for name, array in kept.items() if name not in given_starts(network.config)}
    own = network.parameters() if kept else {}
    return kept if all(key in given and np.array_equal(given[key], value) for key, value in own.items()) else {}


def from_table(network: Network, table: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The inverse of :func:`table`: DL4J's arrays keyed and laid out like ``network.parameters()``.

    Vectors may be [1, n], as DL4J wrote them before M2.1. Raises InputError for a key that the network does not have, and for arrays of
    another rank or that cannot be taken apart.
    """
    given, found = {key: np.asarray(value) for key, value in table.items()}, dict[str, Array]()
    places = {f"{index}_{part.key}": (index, part) for index, part in _places(network)}
    _check_known(given, set(places), "array")
    for key, (index, part) in places.items():
        if key in given:
            arrays = _taken_apart(key, part, given[key])
            found.update((f"{index}.{ours}", np.ascontiguousarray(a)) for ours, a in zip(part.ours, arrays, strict=True))
    return found


def _taken_apart(key: str, part: Part, array: Array) -> tuple[Array, ...]:
    shape = list(array.shape)
    if part.rank == 1 and array.ndim == 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != part.rank:
        raise InputError(f"{key} has the shape {shape}, rank {len(shape)}; expected rank {part.rank}, as in DL4J's paramTable()")
    try:
        return part.back(array)
    except ValueError as error:
        raise InputError(f"{key} has the shape {shape}, which DL4J's layers do not have ({error}); give it as in paramTable()") from error


def _places(network: Network) -> Iterator[tuple[str, Part]]:
    for name, layer in zip(network.config.layer_names, network.config.layers, strict=True):
        for part in parts(layer):
            yield name, part


def _check_known(given: Mapping[str, Array], known: set[str], what: str) -> None:
    unknown = sorted(given.keys() - known)
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise InputError(f"there is no {what} {unknown[0]!r} that both DL4J and this network have; those are {names}")
