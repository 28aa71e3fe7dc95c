"""What of a .rnng file does not fit its configuration, in words, or None. Reading and writing ask the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.names import shown

if TYPE_CHECKING:
    from rnngraph.conf import NetworkConfiguration
    from rnngraph.state import StateSpec

CARRIED = "carried.safetensors"
"""The part with the states that truncated BPTT carries over."""
POSITION = ("batches", "score", "segments", "steps")
"""The fields of a position in training.json."""
_HEADER_LIMIT = 2**20
"""What safetensors' own header may add to the bytes of the arrays."""


def shapes_of(config: NetworkConfiguration) -> dict[str, tuple[int, ...]]:
    """The shapes of the parameters that the configuration asks for."""
    from rnngraph.lowering import parameter_shapes

    return parameter_shapes(config)


def buffer_shapes_of(config: NetworkConfiguration) -> dict[str, tuple[int, ...]]:
    """The shapes of the buffers that the configuration asks for."""
    from rnngraph.lowering import buffer_shapes

    return buffer_shapes(config)


def _state_specs(config: NetworkConfiguration) -> list[StateSpec]:
    from rnngraph.lowering.states import state_specs

    return state_specs(config)


def misfit_of_counts(training: Mapping[str, Any]) -> str | None:
    """The finished updates and epochs are numbers from 0 on."""
    for key in ("iteration", "epoch"):
        if type(training[key]) is not int or training[key] < 0:
            return f"training.json: {key} is {shown(training[key])}, expected a whole number from 0 on"
    return None


def misfit_of_position(position: Any, carried: Mapping[str, np.ndarray], config: NetworkConfiguration) -> str | None:
    """The position in an epoch, and what is carried to the next segment: the states of the network, with the same N in each."""
    if position is None:
        return f"it has {CARRIED}, but training.json has no position" if carried else None
    if not isinstance(position, Mapping) or sorted(position) != sorted(POSITION):
        return f"training.json: position is {shown(position)}, expected an object with {', '.join(POSITION)}"
    wrong = [key for key in POSITION if key != "score" and (type(position[key]) is not int or position[key] < 0)]
    if type(position["score"]) is not float or not math.isfinite(position["score"]):
        wrong.append("score")
    if wrong:
        kind = "a finite number" if wrong[0] == "score" else "a whole number from 0 on"
        return f"training.json: position: {wrong[0]} is {shown(position[wrong[0]])}, expected {kind}"
    if not position["segments"]:
        return f"it has {CARRIED}, but its position is between two minibatches" if carried else None
    rows = next((len(array) for array in carried.values() if array.ndim), 0)
    shapes = {spec.name: (rows, *spec.shape) for spec in _state_specs(config)}
    return misfit_of_arrays(carried, shapes, config.data_type, finite=False)


def misfit_of_size(shapes: Mapping[str, tuple[int, ...]], data_type: str, size: int) -> str | None:
    """The part with the parameters has to have the bytes that the configuration asks for."""
    needed = sum(math.prod(shape) for shape in shapes.values()) * np.dtype(data_type).itemsize
    if needed <= size <= needed + _HEADER_LIMIT:
        return None
    return f"the configuration asks for {needed} bytes of parameters, parameters.safetensors has {size}; the two are not of one network"


def misfit_of_arrays(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], data_type: str, finite: bool = True
) -> str | None:
    """Names, shapes and types have to be as the configuration asks for, values finite (those of states need not be)."""
    if sorted(arrays) != sorted(shapes):
        return f"it has the arrays {', '.join(sorted(arrays))}; the configuration asks for {', '.join(sorted(shapes))}"
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.dtype(data_type):
            return f"array {name} is {array.dtype}{list(array.shape)}; the configuration asks for {data_type}{list(shape)}"
        if finite and not np.isfinite(array).all():
            position = np.argwhere(~np.isfinite(array))[0].tolist()
            return f"array {name} has values that are not finite, the first at {position}; a file of rnngraph has none"
    return None


def misfit_of_states(flat: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], config: NetworkConfiguration) -> str | None:
    """Each array of an updater is one that it keeps, shaped as its parameter; torch's optimisers have names and shapes of their own."""
    from rnngraph.conf import TorchUpdater
    from rnngraph.conf.parameters import updater_of

    expected: dict[str, tuple[int, ...]] = {}
    ours: dict[str, np.ndarray] = {}
    for key, array in flat.items():
        owner = key.rpartition("/")[0]
        if owner not in shapes:
            return f"updater state {key!r} belongs to no parameter of the configuration ({', '.join(shapes)})"
        updater = updater_of(config, owner)
        if not isinstance(updater, TorchUpdater):
            ours[key] = array
            expected.update((f"{owner}/{state}", shapes[owner]) for state in updater.states)
        elif not np.isfinite(array).all():
            return f"updater state {key!r} has values that are not finite; a file of rnngraph has none"
    return misfit_of_arrays(ours, expected, config.data_type)
