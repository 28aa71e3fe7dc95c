"""The one place where arrays reach onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from threading import Lock
from typing import Any

import numpy.typing as npt

from rnngraph.errors import InputError, ModelFileError, StreamingError
from rnngraph.names import shown
from rnngraph.runtime.device import CudaOptions, Device, device_of, graph_run
from rnngraph.runtime.manifest import Manifest, checked_path, open_model, open_session, read_manifest
from rnngraph.spelling import Spelled

Array = npt.NDArray[Any]


class Engine:
    """An exported file, opened on a device, without a state of its own.

    onnxruntime ends the process where N or T is 0, and broadcasts a state of one row over a batch in silence: what is fed is checked here
    against the manifest, once more for all callers.

    tf32, cuda_graph: as of StreamingSession. Errors: as :func:`~rnngraph.runtime.manifest.read_manifest`; MissingDependencyError where the
    device does not work, ModelFileError where it cannot have the file.
    """

    def __init__(
        self, path: str | os.PathLike[str], device: Device = "cpu", threads: int = 1, tf32: bool = False, cuda_graph: bool = False
    ) -> None:
        cuda = _cuda_options(device, tf32, cuda_graph)
        if device in ("cuda", "auto"):  # what the file is decides whether CUDA may have it
            self.manifest = read_manifest(path)
            session = open_session(checked_path(path), _device_for(self.manifest, path, device, cuda), threads, cuda=cuda)
        else:
            session, self.manifest = open_model(path, device, threads)
        self.path = os.fspath(path)
        self.device = device_of(session)
        self.session = session
        self._outputs = [p.name for p in self.manifest.outputs]
        self._graphs = count(1) if cuda.graph and self.device == "cuda" else None
        self.unrecorded: Any = None if self._graphs is None else graph_run(-1)
        """The options of a run that no CUDA graph stands for."""
        self.alone: AbstractContextManager[Any] = nullcontext() if self._graphs is None else Lock()
        """Held by whatever reaches the GPU where graphs are recorded: what another thread did meanwhile would go into one, or spoil it."""

    def recorded(self) -> Any:
        """The options of a run that is recorded, and so is always made with the same memory; None where nothing is recorded."""
        return None if self._graphs is None else graph_run(next(self._graphs))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name, in arrays of the caller's own, for one array per input.

        InputError: an input is missing, unknown, or has another type or shape than the manifest says. StreamingError: onnxruntime failed.
        """
        check_feeds(self.manifest, feeds)
        try:
            with self.alone:
                results = self.session.run(self._outputs, dict(feeds), self.unrecorded)
        except Exception as error:
            raise failed(error) from error
        return dict(zip(self._outputs, results, strict=True))


class Opened(Spelled):
    """Base of what runs a file: what it is, and where."""

    _engine: Engine

    @property
    def path(self) -> str:
        """The file, as it was given."""
        return self._engine.path

    @property
    def manifest(self) -> Manifest:
        """What the file takes, gives and holds."""
        return self._engine.manifest

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return self._engine.device


def _cuda_options(device: str, tf32: bool, cuda_graph: bool) -> CudaOptions:
    """What was asked of CUDA. InputError: a value that is none, or the CPU is asked for as well."""
    for name, value in (("tf32", tf32), ("cuda_graph", cuda_graph)):
        if not isinstance(value, bool):
            raise InputError(f"{name}={shown(value)}: expected True or False")
        if value and device == "cpu":
            raise InputError(
                f"{name}=True is for CUDA, and device='cpu' was asked for; give device='cuda' (or 'auto'), or leave {name} out"
            )
    return CudaOptions(tf32, cuda_graph)


def _device_for(manifest: Manifest, path: object, device: Device, cuda: CudaOptions) -> Device:
    """The device to open the file on; the CPU for one that was written for it. ModelFileError where CUDA or its graphs cannot have it."""
    if cuda.graph and (manifest.steps != 1 or manifest.batch is None):
        free = "any number of rows" if manifest.steps == 1 else "any number of steps"
        raise ModelFileError(
            f"cuda_graph=True: {path} takes {free}, and a CUDA graph is recorded for one shape; export it with steps=1 and a batch, "
            "as batch=1, or leave cuda_graph out"
        )
    if manifest.target != "cpu":
        return device
    if device == "cuda":
        raise ModelFileError(
            f"{path} was exported with target='cpu': under CUDA its recurrent layers would run on the CPU in silence, with copies "
            "at every step; export it with target='portable', or use device='cpu'"
        )
    return "cpu"


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
