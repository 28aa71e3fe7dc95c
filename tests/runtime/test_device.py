"""Devices, the two builds of onnxruntime, and what importing the runtime brings along."""

from __future__ import annotations

import ctypes
import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from rnngraph.errors import InputError, MissingDependencyError, ModelFileError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, device
from tests.exporters.networks import tagger
from tests.runtime.files import File, Spec, inputs, printed, write

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
CREATE = ort.InferenceSession
INSTALL = r"pip install 'onnxruntime-gpu\[cuda,cudnn\]'"


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """onnxruntime-gpu alone is installed, there is a driver, and CUDA's libraries are where they should be."""
    monkeypatch.setattr(device, "_installed", lambda name: name == "onnxruntime-gpu")
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    return monkeypatch


def not_there(name: str) -> None:
    """A library that cannot be loaded."""
    raise OSError(name)


def refused(path: Path, message: str) -> None:
    """CUDA is refused with this message, and "auto" takes the CPU instead."""
    with pytest.raises(MissingDependencyError, match=message):
        StreamingSession(path, "cuda")
    assert StreamingSession(path, "auto").device == "cpu"


def test_both_builds(gpu_build: pytest.MonkeyPatch, file: File) -> None:
    gpu_build.setattr(device, "_installed", lambda name: True)
    refused(
        file(Spec()),
        r"onnxruntime and onnxruntime-gpu are both installed; .*pip uninstall --yes onnxruntime onnxruntime-gpu && "
        + INSTALL
        + r"  \(or use device='cpu'\)",
    )
    assert StreamingSession(file(Spec())).device == "cpu"  # nobody asks on the CPU


def test_the_build_without_cuda(gpu_build: pytest.MonkeyPatch, file: File) -> None:
    gpu_build.setattr(device, "_installed", lambda name: name == "onnxruntime")
    gpu_build.setattr(ort, "get_available_providers", lambda: [CPU])
    refused(
        file(Spec()),
        r"the onnxruntime [\d.]+ that is installed is built without CUDA\. Run: pip uninstall --yes onnxruntime && " + INSTALL,
    )


def test_no_driver(gpu_build: pytest.MonkeyPatch, file: File) -> None:
    gpu_build.setattr(ctypes, "CDLL", not_there)
    refused(
        file(Spec()),
        r"there is no NVIDIA driver here \((libcuda\.so\.1|nvcuda\.dll) cannot be loaded\); install the driver .*, or use device='cpu'",
    )


def test_up_on_the_cpu_in_silence(gpu_build: pytest.MonkeyPatch, file: File) -> None:
    """As onnxruntime does where CUDA cannot be loaded."""
    asked: list[Any] = []

    def create(path: str, options: Any, providers: list[Any], **rest: Any) -> Any:
        if providers != [CPU]:
            asked.append(providers)
        return CREATE(path, options, providers=[one for one in providers if one == CPU], **rest)

    gpu_build.setattr(ort, "InferenceSession", create)
    path = file(Spec())
    refused(path, rf"onnxruntime could not load CUDA.*came up on the CPU.*run: {INSTALL}  \(or use device='cpu'\)")
    provider = (CUDA, {"use_tf32": "0", "enable_cuda_graph": "0"})
    assert asked == 2 * [[provider], [provider, CPU]]  # first without the CPU, where a node that falls back is refused


def test_cuda_that_fails(gpu_build: pytest.MonkeyPatch, file: File) -> None:
    def create(*given: Any, providers: list[Any], **rest: Any) -> Any:
        if CUDA in str(providers):
            raise RuntimeError("where it was\nCUDA failure 35: CUDA driver version is insufficient")
        return CREATE(*given, providers=providers, **rest)

    gpu_build.setattr(ort, "InferenceSession", create)
    refused(
        file(Spec()),
        r"CUDA does not work here \(CUDA failure 35: CUDA driver version is insufficient\)\. Install a driver that is as new as .*"
        + INSTALL,
    )


def test_a_file_that_is_at_fault_is_not_blamed_on_cuda(gpu_build: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match=r"is truncated, damaged or no ONNX file"):
        StreamingSession(path, "cuda")


def test_libraries_from_pip_are_loaded_where_the_loader_has_none(gpu_build: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[str] = []
    gpu_build.setattr(ort, "preload_dlls", lambda: calls.append(f"preload {sys.stdout.write('missing')}"), raising=False)
    device._preload()
    assert calls == []
    gpu_build.setattr(ctypes, "CDLL", not_there)
    device._preload()
    assert calls == ["preload 7"]
    assert capsys.readouterr().out == ""


def test_a_file_for_the_cpu_under_cuda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False, target="cpu")
    asked: list[str] = []

    def create(path: Path, device: str, threads: int, **rest: Any) -> Any:
        asked.append(device)
        return CREATE(str(path), providers=[CPU])

    monkeypatch.setattr("rnngraph.runtime.manifest.create_session", create)
    with pytest.raises(ModelFileError, match=r"was exported with target='cpu'.*export it with target='portable', or use device='cpu'"):
        StreamingSession(path, "cuda")
    assert StreamingSession(path, "auto").device == "cpu"
    assert asked == ["cpu", "cpu", "cpu"]


def test_operations_that_cuda_does_not_take(gpu_build: pytest.MonkeyPatch, file: File) -> None:
    """As onnxruntime tells of them where no node may fall back to the CPU."""

    def create(path: str, options: Any, providers: list[Any], **rest: Any) -> Any:
        if len(providers) == 1 and CPU not in providers:
            raise RuntimeError("assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled by the user.")
        made = CREATE(path, options, providers=[CPU], **rest)
        gpu_build.setattr(made, "get_providers", lambda: [one if isinstance(one, str) else one[0] for one in providers])
        return made

    gpu_build.setattr(ort, "InferenceSession", create)
    path = file(Spec())
    with pytest.raises(
        ModelFileError,
        match=r"does not take all operations of .*would run on the CPU in silence.*Use in the network .* brings, or use device='cpu'",
    ):
        StreamingSession(path, "cuda")
    assert StreamingSession(path, "auto").device == "cpu"


@pytest.mark.parametrize("name", ["tf32", "cuda_graph"])
def test_what_is_for_cuda_alone(name: str, file: File) -> None:
    with pytest.raises(InputError, match=rf"{name}=True is for CUDA, and device='cpu' was asked for; give device='cuda'"):
        StreamingSession(file(Spec()), **{name: True})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=rf"{name}=1: expected True or False"):
        StreamingSession(file(Spec()), "auto", **{name: 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(("spec", "free"), [(Spec(), "steps"), (Spec(batch=2), "steps"), (Spec(steps=1), "rows")], ids=repr)
def test_a_cuda_graph_needs_one_shape(spec: Spec, free: str, file: File) -> None:
    message = rf"cuda_graph=True: .* takes any number of {free}.*export it with steps=1 and a batch"
    with pytest.raises(ModelFileError, match=message):
        StreamingSession(file(spec), "cuda", cuda_graph=True)
    with pytest.raises(ModelFileError, match=message):
        StreamingSession(file(spec), "auto", cuda_graph=True)


def test_which_distributions_are_there() -> None:
    found = {d.metadata["Name"] for d in importlib.metadata.distributions()}
    for name in ("onnxruntime", "onnxruntime-gpu", "no-such-package"):
        assert device._installed(name) == (name in found)


def _cuda_works() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return CUDA in ort.get_available_providers()


@pytest.mark.skipif(not _cuda_works(), reason="needs an NVIDIA driver and onnxruntime-gpu")
def test_cuda_computes_what_the_cpu_computes(file: File) -> None:
    x = inputs(Spec(hidden=64), 4, 20)["x"]
    cuda, cpu = StreamingSession(file(Spec(hidden=64)), "cuda"), StreamingSession(file(Spec(hidden=64)))
    assert cuda.device == "cuda"
    np.testing.assert_allclose(cuda.output(x), cpu.output(x), atol=1e-5)
    for t in range(20):
        np.testing.assert_allclose(cuda.rnn_time_step(x[:, :, t]), cpu.rnn_time_step(x[:, :, t]), atol=1e-5)


@pytest.mark.skipif(not _cuda_works(), reason="needs an NVIDIA driver and onnxruntime-gpu")
def test_recorded_steps_are_those_that_are_run(tmp_path: Path) -> None:
    export_onnx(tagger(), tmp_path / "net.onnx", steps=1, batch=2)
    recorded, cpu = StreamingSession(tmp_path / "net.onnx", "cuda", cuda_graph=True), StreamingSession(tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((2, 5, 12)).astype(np.float32)
    for piece in (x[:, :, 0], x[:, :, 1], x[:, :, 2:7], x[:, :, 7], x[:, :, 8], x[:, :, 9], x[:, :, 10:]):
        np.testing.assert_allclose(recorded.rnn_time_step(piece), cpu.rnn_time_step(piece), atol=1e-5)
    np.testing.assert_allclose(recorded.output(x), cpu.output(x), atol=1e-5)


def test_a_stream_is_the_same_without_the_buffers_of_single_steps(monkeypatch: pytest.MonkeyPatch, file: File) -> None:
    buffered, plain = StreamingSession(file(Spec())), StreamingSession(file(Spec()))
    monkeypatch.setattr(plain, "_stepper_for", lambda fed: None)
    x = inputs(Spec(), 3, 9)["x"]
    for t in range(9):
        np.testing.assert_array_equal(plain.rnn_time_step(x[:, :, t]), buffered.rnn_time_step(x[:, :, t]))
        np.testing.assert_equal(plain.rnn_get_previous_state(0), buffered.rnn_get_previous_state(0))
    assert plain._live is None
    assert buffered._live is not None


# Imports

WORK = """
import contextlib, sys
import numpy as np
from rnngraph.errors import InputError
from rnngraph.runtime import Manifest, StateSnapshot, StreamingSession, read_manifest

session = StreamingSession(sys.argv[1])
session.rnn_time_step(np.zeros((1, 3)))
session.output(np.zeros((1, 3, 2)))
with contextlib.suppress(InputError):
    session.output(np.zeros((0, 3, 2)))
print(*[m for m in ("torch", "onnx", "pydantic", "safetensors", "yaml", "typer") if m in sys.modules])
"""


def test_the_runtime_imports_numpy_and_onnxruntime_alone(file: File) -> None:
    assert printed(WORK, file(Spec())) == "\n"


WITHOUT_ONNXRUNTIME = """
import sys
sys.modules["onnxruntime"] = None
import rnngraph.runtime
from rnngraph.errors import MissingDependencyError

try:
    rnngraph.runtime.StreamingSession
except MissingDependencyError as error:
    print(error)
"""


def test_without_onnxruntime() -> None:
    told = printed(WITHOUT_ONNXRUNTIME)
    assert told.startswith("rnngraph.runtime needs onnxruntime, which cannot be imported")
    assert "run: pip install onnxruntime  (for CUDA: pip install 'onnxruntime-gpu[cuda,cudnn]')" in told
