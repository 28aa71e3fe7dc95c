"""The one place where arrays reach onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from rnngraph.errors import InputError, ModelFileError, StreamingError
from rnngraph.runtime.device import Device, Session, device_of
from rnngraph.runtime.manifest import Manifest, checked_path, open_model, open_session

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
