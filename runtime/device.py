"""Opening a file with onnxruntime on the device that was asked for, and saying what to install where that cannot be."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import io
import os
import sys
from typing import Any, Literal

from rnngraph.errors import InputError, MissingDependencyError

try:
    import onnxruntime as ort
except ImportError as error:
    raise MissingDependencyError(
        f"rnngraph.runtime needs onnxruntime, which cannot be imported ({error}); "
        "run: pip install onnxruntime  (for CUDA: pip install 'onnxruntime-gpu[cuda,cudnn]')"
    ) from error

Session = Any
"""An onnxruntime.InferenceSession, which has no annotations."""

Device = Literal["cpu", "cuda", "auto"]

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_GPU_PACKAGE = "'onnxruntime-gpu[cuda,cudnn]'"
_ON_CPU = "or use device='cpu'"


def create_session(path: str | os.PathLike[str] | bytes, device: Device, threads: int, *, optimise: bool = True) -> Session:
    """A session of the file ``path``, or of a file's bytes, on ``device`` with ``threads`` threads for one operation.

    "auto" is CUDA where that works, else the CPU. InputError: a device or number of threads that is none. MissingDependencyError: CUDA is
    asked for and does not work, with the command that installs what is missing. Errors of onnxruntime pass through.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise InputError(f"device={device!r}: expected 'cpu', 'cuda' or 'auto'")
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError(f"threads={threads!r}: expected a whole number of at least 1")
    if device == "cuda":
        return _create_on_cuda(path, threads, optimise)
    if device == "auto":
        with contextlib.suppress(MissingDependencyError):
            return _create_on_cuda(path, threads, optimise)
    return _create(path, [CPU], threads, optimise)


def device_of(session: Session) -> Literal["cpu", "cuda"]:
    """Where the session came up."""
    return "cuda" if CUDA in session.get_providers() else "cpu"


def shared_value(array: Any) -> Any:
    """An OrtValue that uses the memory of a contiguous numpy array, which has to outlive it."""
    return ort.OrtValue.ortvalue_from_numpy(array)


def onnxruntime_version() -> str:
    """The version that runs."""
    return str(ort.__version__)


def _create(path: str | os.PathLike[str] | bytes, providers: list[Any], threads: int, optimise: bool) -> Session:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; onnxruntime would print it as well
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(os.fspath(path), options, providers=providers, enable_fallback=0)


def _create_on_cuda(path: str | os.PathLike[str] | bytes, threads: int, optimise: bool) -> Session:
    _check_packages()
    _check_driver()
    _preload()
    try:
        # TF32 keeps 10 bits of the mantissa, and is onnxruntime's default.
        session = _create(path, [(CUDA, {"use_tf32": "0"}), CPU], threads, optimise)
    except Exception as error:
        _create(path, [CPU], threads, optimise)  # raises where the file is at fault
        raise MissingDependencyError(
            f"device='cuda': CUDA does not work here ({str(error).strip().splitlines()[-1]}). Install a driver that is as new as the CUDA "
            f"of onnxruntime, and its libraries: pip install {_GPU_PACKAGE}  ({_ON_CPU})"
        ) from error
    if CUDA not in session.get_providers():
        raise MissingDependencyError(
            "device='cuda': onnxruntime could not load CUDA, as it told on stderr, and came up on the CPU. "
            f"It needs the libraries of the CUDA release that it was built with; run: pip install {_GPU_PACKAGE}  ({_ON_CPU})"
        )
    return session


def _preload() -> None:
    """Load CUDA's libraries from where pip puts them, which the loader does not know; those that it finds by itself go first."""
    release = str(getattr(ort, "cuda_version", "")).partition(".")[0]
    try:
        ctypes.CDLL(f"libcublasLt.so.{release}")
    except OSError:
        if hasattr(ort, "preload_dlls"):
            with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for each library that is not there
                ort.preload_dlls()


def _check_packages() -> None:
    """MissingDependencyError unless onnxruntime is a build with CUDA, and the only one."""
    found = [name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)]
    if len(found) > 1:
        raise MissingDependencyError(
            "device='cuda': onnxruntime and onnxruntime-gpu are both installed; they own the same folder, and which one runs is chance. "
            f"Run: pip uninstall --yes onnxruntime onnxruntime-gpu && pip install {_GPU_PACKAGE}  ({_ON_CPU})"
        )
    if CUDA not in ort.get_available_providers():
        raise MissingDependencyError(
            f"device='cuda': the onnxruntime {onnxruntime_version()} that is installed is built without CUDA. "
            f"Run: pip uninstall --yes onnxruntime && pip install {_GPU_PACKAGE}  ({_ON_CPU})"
        )


def _check_driver() -> None:
    """MissingDependencyError without an NVIDIA driver: said here, since onnxruntime only logs that something cannot be loaded."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError as error:
        raise MissingDependencyError(
            f"device='cuda': there is no NVIDIA driver here ({name} cannot be loaded); install the driver of the GPU, {_ON_CPU}"
        ) from error


def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
