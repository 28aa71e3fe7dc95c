"""Opening a file with onnxruntime on the device that was asked for, and saying what to install where that cannot be."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import io
import os
import re
import sys
from dataclasses import dataclass
from typing import Any, Literal

from rnngraph.errors import InputError, MissingDependencyError, ModelFileError

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
_FELL_BACK = "fallback to CPU EP has been explicitly disabled"
"""Of the message with which onnxruntime refuses a file some of whose nodes CUDA does not take."""


@dataclass(frozen=True)
class CudaOptions:
    """How a file runs under CUDA, without effect on the CPU.

    ``tf32``: matrices are multiplied with 10 bits of the mantissa, faster. ``graph``: a step is recorded as a CUDA graph and replayed.
    """

    tf32: bool = False
    graph: bool = False


PLAIN = CudaOptions()


def create_session(
    path: str | os.PathLike[str] | bytes, device: Device, threads: int, *, optimise: bool = True, cuda: CudaOptions = PLAIN
) -> Session:
    """A session of the file ``path``, or of a file's bytes, on ``device`` with ``threads`` threads for one operation.

    "auto" is CUDA where that works, else the CPU. Under CUDA no node runs on the CPU, which onnxruntime would do in silence, with copies at
    every step.

    InputError: a device or number of threads that is none. MissingDependencyError: CUDA is asked for and does not work, with the
    command that installs what is missing. ModelFileError: CUDA does not take all nodes. Other errors of onnxruntime pass through.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise InputError(f"device={device!r}: expected 'cpu', 'cuda' or 'auto'")
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError(f"threads={threads!r}: expected a whole number of at least 1")
    if device == "cuda":
        return _create_on_cuda(path, threads, optimise, cuda)
    if device == "auto":
        with contextlib.suppress(MissingDependencyError, ModelFileError):
            return _create_on_cuda(path, threads, optimise, cuda)
    return _create(path, [CPU], threads, optimise)


def without_cpu(error: Exception) -> str:
    """Why CUDA was left out, for one who has the CPU as well: the device is not named, nor the CPU advised."""
    return re.sub(rf"(?:,|  \() ?{_ON_CPU}\)?$", "", str(error).removeprefix("device='cuda': "))


def device_of(session: Session) -> Literal["cpu", "cuda"]:
    """Where the session came up."""
    return "cuda" if CUDA in session.get_providers() else "cpu"


def shared_value(array: Any) -> Any:
    """An OrtValue that uses the memory of a contiguous numpy array, which has to outlive it."""
    return ort.OrtValue.ortvalue_from_numpy(array)


def device_value(array: Any, memory: str) -> Any:
    """An OrtValue in ``memory``, which is "cuda" but for tests, with a copy of a numpy array."""
    return ort.OrtValue.ortvalue_from_numpy(array, memory, 0)


def graph_run(number: int) -> Any:
    """The options of a run that is recorded as CUDA graph ``number`` and then replayed; -1: a run that is neither."""
    options = ort.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(number))
    return options


def onnxruntime_version() -> str:
    """The version that runs."""
    return str(ort.__version__)


def _create(path: str | os.PathLike[str] | bytes, providers: list[Any], threads: int, optimise: bool, strict: bool = False) -> Session:
    """A session; a ``strict`` one only if no node is left to the CPU, which ``providers`` then may not name."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; onnxruntime would print it as well
    if strict:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(os.fspath(path), options, providers=providers, enable_fallback=0)


def _create_on_cuda(path: str | os.PathLike[str] | bytes, threads: int, optimise: bool, cuda: CudaOptions) -> Session:
    _check_packages()
    _check_driver()
    _preload()
    # TF32 is onnxruntime's default.
    provider = (CUDA, {"use_tf32": str(int(cuda.tf32)), "enable_cuda_graph": str(int(cuda.graph))})
    try:
        session, fell_back = _strictly(path, provider, threads, optimise)
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
    if fell_back:
        name = "the file" if isinstance(path, bytes) else os.fspath(path)
        raise ModelFileError(
            f"device='cuda': the CUDA of onnxruntime {onnxruntime_version()} does not take all operations of {name}; those left "
            f"would run on the CPU in silence, with copies at every step. Use in the network activations and layers that rnngraph brings, "
            f"{_ON_CPU}"
        )
    return session


def _strictly(path: str | os.PathLike[str] | bytes, provider: Any, threads: int, optimise: bool) -> tuple[Session, bool]:
    """A session that leaves nothing to the CPU; where there is none, another, and True."""
    try:
        return _create(path, [provider], threads, optimise, strict=True), False
    except Exception as error:
        if _FELL_BACK not in str(error):
            raise
    return _create(path, [provider, CPU], threads, optimise), True


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
