"""What callers give a session, checked against the manifest: one array, or one for each input of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnngraph.checks import as_features, as_mask, as_numeric, check_finite
from rnngraph.errors import InputError
from rnngraph.ids import as_ids, id_array
from rnngraph.images import as_images
from rnngraph.runtime.engine import Array
from rnngraph.runtime.manifest import FullPort, Manifest
from rnngraph.several import is_single_step, one_for_each


@dataclass(frozen=True)
class Fed:
    """Inputs and masks by name as the file takes them, of ``rows`` rows.

    ``single``: one step was given, without a time axis. ``steps``: how many each series has; None where there is none, or they differ.
    """

    arrays: Mapping[str, Array]
    rows: int
    single: bool
    steps: int | None


class Inputs:
    """The inputs of the file ``path``."""

    def __init__(self, manifest: Manifest, path: str) -> None:
        self._manifest = manifest
        self._path = path
        self._ports = manifest.ports("input")
        self._masks = {p.name: p for p in manifest.ports("mask")}
        self.axes = {p.name: p.time_axis for p in (*self._ports, *self._masks.values())}
        """Where the steps of each input and mask stand."""

    def checked(self, x: object, features_mask: object, features_masks: object, *, step: bool) -> Fed:
        """What is fed for x and its mask; of a graph x has an array for each input, and masks are given by ``features_masks``.

        InputError for what does not fit the file.
        """
        given, masks = self._given(x, features_mask, features_masks)
        arrays: dict[str, Array] = {}
        for port, value, mask in zip(self._ports, given, masks, strict=True):
            arrays[port.name], own = self._one(port, value, mask, step)
            if port.mask is not None:
                array = arrays[port.name]
                arrays[port.mask] = np.ones((array.shape[0], array.shape[-1]), self._masks[port.mask].data_type) if own is None else own
        series = ((p.name, x, p.ids is not None) for p, x in zip(self._ports, given, strict=True) if p.time_axis is not None)
        single = step and is_single_step(series)
        return Fed(arrays, len(arrays[self._ports[0].name]), single, self._agree(arrays))

    def _given(self, x: object, features_mask: object, features_masks: object) -> tuple[Sequence[Any], Sequence[Any]]:
        """One array, and a mask or None, for each input."""
        if not self._manifest.is_graph:
            if features_masks is not None:
                raise InputError(
                    f"features_masks was given, but {self._path} is a network of layers in a row, which has one input: give features_mask"
                )
            return [x], [features_mask]
        names = [p.name for p in self._ports]
        if features_mask is not None:
            raise InputError(
                f"features_mask was given, but {self._path} is a graph: give features_masks, a list of one mask or None for each of the "
                f"inputs {', '.join(map(repr, names))}, or a mapping from their names"
            )
        masks = {} if features_masks is None else features_masks
        return one_for_each(x, names, "x", self._path), one_for_each(masks, names, "features_masks", self._path, partly=True)

    def _one(self, port: FullPort, x: Any, mask: Any, step: bool) -> tuple[Array, Array | None]:
        """x as [N, F, T] (ids [N, T]) and its mask as [N, T]."""
        graph = self._manifest.is_graph
        name, mask_name = (f"input {port.name!r}", f"features_masks[{port.name!r}]") if graph else ("x", "features_mask")
        array = _shaped(port, x, name, step, graph)
        if port.time_axis is not None and array.shape[-1] < port.least_steps:
            raise InputError(
                f"{name} has {array.shape[-1]} time steps, but the windows over time of {self._path} need {port.least_steps} at least; "
                "pad it, and mask what was added"
            )
        self._check_batch(array, name)
        own = None if mask is None else self._mask(port, mask, array, mask_name)
        if port.ids is not None:
            return as_ids(array, port.ids, None if port.padding_is_read else own, name, step, port.time_axis is not None), own
        reader = f"a layer behind {port.name!r}" if graph else "layers[0]"
        check_finite(array, own, name, reads_padding=port.padding_is_read, reader=reader)
        return array, own

    def _check_batch(self, array: Array, name: str) -> None:
        batch = self._manifest.batch
        if batch not in (None, len(array)):
            raise InputError(
                f"{name} has {len(array)} rows, but {self._path} was exported for batch={batch}; "
                f"give {batch} rows, or export with batch=None"
            )

    def _mask(self, port: FullPort, mask: Any, array: Array, name: str) -> Array:
        if port.mask is not None:
            return as_mask(mask, len(array), array.shape[-1], name, self._masks[port.mask].data_type)
        if port.time_axis is None and self._manifest.is_graph:
            raise InputError(f"{name} was given, but the input {port.name!r} has no time axis to mask; give None for it")
        owner = f" for {port.name!r}" if self._manifest.is_graph else ""
        raise InputError(
            f"{name} was given, but {self._path} has no mask input{owner}; export it with export_onnx(net, path, features_mask=True)"
        )

    def _agree(self, arrays: Mapping[str, Array]) -> int | None:
        """How many steps each series has, None where there is none or they differ. InputError for inputs that do not fit each other."""
        first, *others = self._ports
        for port in others:
            if len(arrays[port.name]) != len(arrays[first.name]):
                raise InputError(
                    f"input {first.name!r} has {len(arrays[first.name])} rows, input {port.name!r} {len(arrays[port.name])}; "
                    "each row is an example of its own, so every input has as many"
                )
        series = [p for p in self._ports if p.time_axis is not None]
        seen: dict[str | None, FullPort] = {}
        for port in series:
            other, steps = seen.setdefault(port.steps, port), arrays[port.name].shape[-1]
            if steps != arrays[other.name].shape[-1]:
                raise InputError(
                    f"input {other.name!r} has {arrays[other.name].shape[-1]} time steps, input {port.name!r} {steps}; the network needs "
                    "them equally long: pad the shorter and mask what was added"
                )
        lengths = {arrays[p.name].shape[-1]: p.name for p in series}
        if len(lengths) > 1 and self._manifest.steps is not None:
            told = ", ".join(f"input {name!r} has {steps}" for steps, name in lengths.items())
            raise InputError(
                f"{self._path} was exported with steps={self._manifest.steps} and takes as many time steps of each input, but {told}; give "
                "equally many, or export with steps=None"
            )
        return next(iter(lengths)) if len(lengths) == 1 else None


def _shaped(port: FullPort, x: Any, name: str, step: bool, graph: bool) -> Array:
    """x in the shape that the file takes; of ids the values are not looked at."""
    timed = port.time_axis is not None
    if port.ids is not None:
        return id_array(x, name, step, timed)
    if len(port.shape) > 3:
        channels, height, width = map(_size, port.shape[1:4])
        return as_images(x, (height, width, channels), port.data_type, name, step_allowed=step, time=timed)
    if graph and not timed and (array := as_numeric(x, name)).ndim == 3:
        raise InputError(f"{name} has shape {list(array.shape)}; expected [N, {port.shape[1]}]: this input has no time axis")
    return as_features(x, _size(port.shape[1]), port.data_type, name, step_allowed=step, time=timed)


def _size(size: int | str) -> int:
    """A feature count, which is always fixed."""
    assert isinstance(size, int)
    return size
