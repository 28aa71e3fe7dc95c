"""The one place where arrays reach onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rnngraph.errors import InputError, ModelFileError, StreamingError
from rnngraph.runtime.device import Device, Session, device_of, shared_value
from rnngraph.runtime.manifest import Manifest, Port, checked_path, open_model, open_session

Array = npt.NDArray[Any]


class Engine:
    """An exported file, opened on a device, without a state of its own.

    onnxruntime ends the process where N or T is 0, and broadcasts a state of one row over a batch in silence: what is fed is checked here
    against the manifest, once more for all callers.

    Errors: as :func:`~rnngraph.runtime.manifest.read_manifest`; MissingDependencyError where the device does not work.
    """

    def __init__(self, path: str | os.PathLike[str], device: Device = "cpu", threads: int = 1) -> None:
        session, self.manifest = open_model(path, device, threads)
        self.path = os.fspath(path)
        if self.manifest.target == "cpu" and device_of(session) == "cuda":
            session = self._off_cuda(device, threads)
        self.device = device_of(session)
        self.session = session
        self._outputs = [p.name for p in self.manifest.outputs]

    def _off_cuda(self, device: Device, threads: int) -> Session:
        """A session on the CPU for a file that was written for it; an error if CUDA was insisted on."""
        if device == "cuda":
            raise ModelFileError(
                f"{self.path} was exported with target='cpu': under CUDA its recurrent layers would run on the CPU in silence, with copies "
                "at every step; export it with target='portable', or use device='cpu'"
            )
        return open_session(checked_path(self.path), "cpu", threads)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name, in arrays of the caller's own, for one array per input.

        InputError: an input is missing, unknown, or has another type or shape than the manifest says. StreamingError: onnxruntime failed.
        """
        check_feeds(self.manifest, feeds)
        try:
            results = self.session.run(self._outputs, dict(feeds))
        except Exception as error:
            raise failed(error) from error
        return dict(zip(self._outputs, results, strict=True))


def failed(error: Exception) -> StreamingError:
    """What to raise where a run of onnxruntime raised ``error``."""
    return StreamingError(f"onnxruntime failed, the state is as it was before the call: {error}")


def check_feeds(manifest: Manifest, feeds: Mapping[str, Array]) -> None:
    """InputError unless ``feeds`` has each input of the file, in the shape and type that the manifest says, with nothing empty."""
    names = [p.name for p in manifest.inputs]
    if set(feeds) != set(names):
        raise InputError(f"the file takes {', '.join(names)}; given: {', '.join(feeds)}")
    sizes: dict[str, int] = {}
    for port in manifest.inputs:
        array = feeds[port.name]
        if array.dtype != port.data_type:
            raise InputError(f"{port.name} has the type {array.dtype}, expected {port.data_type}")
        if array.ndim != len(port.shape) or not all(_fits(d, n, sizes) for d, n in zip(port.shape, array.shape, strict=True)):
            known = f", with {', '.join(f'{k} = {v}' for k, v in sizes.items())}" if sizes else ""
            raise InputError(
                f"{port.name} has the shape {list(array.shape)}, expected [{', '.join(map(str, port.shape))}]{known}, "
                "and no axis of length 0"
            )


def _fits(wanted: int | str, given: int, sizes: dict[str, int]) -> bool:
    """Whether an axis fits; a free size must be the same wherever it stands."""
    return given > 0 and given == (wanted if isinstance(wanted, int) else sizes.setdefault(wanted, given))


class Stepper:
    """Steps of ``rows`` streams on the CPU without an allocation but the result's.

    Two bindings are used in turn, each reading the states that the other wrote: a state is never written while it is read, and a step
    that fails leaves it as it was. Inputs and outputs are numpy arrays whose memory onnxruntime uses directly. (Under CUDA it would copy
    the inputs when they are bound, and never see what is written later.)
    """

    def __init__(self, engine: Engine, rows: int) -> None:
        manifest = engine.manifest
        arrays = {p.name: _buffer(p, rows) for p in (*manifest.inputs, *manifest.outputs) if p.role != "next_state"}
        first = {s.input: arrays[s.input] for s in manifest.states}
        second = {name: np.zeros_like(array) for name, array in first.items()}
        self.rows = rows
        self._states = (first, second)
        self._turn = 0
        self._whole = arrays[manifest.port("input").name]
        self._x = _without(self._whole, manifest.time.input_axis)
        self._shape, self._whole_shape, self._dtype = self._x.shape, self._whole.shape, self._x.dtype
        self._flags = bytearray(self._whole.size)
        self._finite = np.frombuffer(self._flags, dtype=np.bool_).reshape(self._whole.shape)
        self._mask = arrays[manifest.mask.input] if manifest.mask.input else None
        self._all_real = True
        if self._mask is not None:
            self._mask[...] = 1
        self._whole_y = arrays[manifest.port("output").name]
        self._y = _without(self._whole_y, manifest.time.output_axis)
        self._bindings = [
            _bind(engine, {**arrays, **read, **{s.output: write[s.input] for s in manifest.states}})
            for read, write in ((first, second), (second, first))
        ]
        self._handles = [b._iobinding for b in self._bindings]
        # Without its public wrapper, which takes half a microsecond to check that the binding is of this session.
        self._run = engine.session._sess.run_with_iobinding

    def states(self) -> dict[str, Array]:
        """Copies of the states now, by the names of the inputs."""
        return {name: array.copy() for name, array in self._states[self._turn].items()}

    def load(self, states: Mapping[str, Array]) -> None:
        """Go on from ``states``."""
        for name, array in self._states[self._turn].items():
            array[...] = states[name]

    def take(self, x: object) -> Array | None:
        """Take x [N, F] or [N, F, 1] for the next step, all steps real.

        Gives the buffer that will hold the output, with a time axis if x has one. None, and nothing is taken, where x has to be looked at
        more closely.
        """
        if type(x) is not np.ndarray or x.dtype != self._dtype or not self._all_real:
            return None
        if x.shape == self._shape:
            self._x[...] = x
            y = self._y
        elif x.shape == self._whole_shape:
            self._whole[...] = x
            y = self._whole_y
        else:
            return None
        np.isfinite(self._whole, self._finite)
        return None if 0 in self._flags else y

    def put(self, x: Array, mask: Array | None, *, time: bool) -> Array:
        """Take x [N, F, 1] and a mask [N, 1] (None: ones), both checked; gives the buffer of the output as :meth:`take`."""
        self._whole[...] = x
        if self._mask is not None:
            self._mask[...] = 1 if mask is None else mask
            self._all_real = bool(self._mask.all())
        return self._whole_y if time else self._y

    def step(self) -> None:
        """Run what was taken."""
        try:
            self._run(self._handles[self._turn], None)
        except Exception as error:
            raise failed(error) from error
        self._turn ^= 1


def _buffer(port: Port, rows: int) -> Array:
    """An array for one step of ``rows`` rows."""
    sizes = {"N": rows, "T": 1}
    return np.zeros([d if isinstance(d, int) else sizes[d] for d in port.shape], port.data_type)


def _without(array: Array, axis: int | None) -> Array:
    """A view of ``array``, which holds one step, without its time axis."""
    return array if axis is None else array.squeeze(axis)


def _bind(engine: Engine, arrays: Mapping[str, Array]) -> Any:
    """Bind all inputs and outputs of the file to ``arrays``; the binding keeps their memory alive."""
    binding = engine.session.io_binding()
    try:
        for port in engine.manifest.inputs:
            binding.bind_ortvalue_input(port.name, shared_value(arrays[port.name]))
        for port in engine.manifest.outputs:
            binding.bind_ortvalue_output(port.name, shared_value(arrays[port.name]))
    except Exception as error:
        raise failed(error) from error
    return binding
