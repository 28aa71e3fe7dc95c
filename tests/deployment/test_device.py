"""Which package and which device: the messages where CUDA is asked for and is not there."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import onnxruntime as ort
import pytest

from rnngraph.errors import MissingDependencyError
from rnngraph.runtime import StreamingSession, device
from tests.deployment.exported import export


class OnCpu:
    """A session that came up on the CPU, whatever it was asked for."""

    def get_providers(self) -> list[str]:
        return [device.CPU]


def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if package and driver were there."""
    for check in ("_check_packages", "_check_driver", "_preload"):
        monkeypatch.setattr(device, check, lambda: None)


def test_cuda_that_came_up_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def create(*_: object, providers: object, **__: object) -> OnCpu:
        asked.append(providers)
        return OnCpu()

    present(monkeypatch)
    monkeypatch.setattr(ort, "InferenceSession", create)
    with pytest.raises(MissingDependencyError, match=r"came up on the CPU.*pip install 'onnxruntime-gpu\[cuda,cudnn\]'.*device='cpu'"):
        device.create_session("net.onnx", "cuda", 1)
    assert asked == [[("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]]


def test_cuda_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(*_: object, providers: list[object], **__: object) -> OnCpu:
        if providers != [device.CPU]:
            raise RuntimeError("CUDA failure 35: driver version is insufficient")
        return OnCpu()

    present(monkeypatch)
    monkeypatch.setattr(ort, "InferenceSession", create)
    with pytest.raises(MissingDependencyError, match=r"CUDA failure 35.*pip install 'onnxruntime-gpu\[cuda,cudnn\]'"):
        device.create_session("net.onnx", "cuda", 1)


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: str) -> None:
        raise OSError

    monkeypatch.setattr(device, "_check_packages", lambda: None)
    monkeypatch.setattr(ctypes, "CDLL", load)
    with pytest.raises(MissingDependencyError, match=r"no NVIDIA driver here.*or use device='cpu'"):
        device.create_session("net.onnx", "cuda", 1)


INSTALL = r"pip install 'onnxruntime-gpu\[cuda,cudnn\]'"


@pytest.mark.parametrize(
    ("packages", "providers", "message"),
    [
        ({"onnxruntime"}, [device.CPU], r"built without CUDA\. Run: pip uninstall --yes onnxruntime && " + INSTALL),
        ({"onnxruntime", "onnxruntime-gpu"}, [device.CUDA], r"both installed; .*uninstall --yes onnxruntime onnxruntime-gpu && " + INSTALL),
    ],
)
def test_packages_without_cuda(packages: set[str], providers: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_installed", lambda name: name in packages)
    monkeypatch.setattr(ort, "get_available_providers", lambda: providers)
    with pytest.raises(MissingDependencyError, match=message):
        device.create_session("net.onnx", "cuda", 1)


def test_auto_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_installed", lambda name: name == "onnxruntime")
    monkeypatch.setattr(ort, "get_available_providers", lambda: [device.CPU])
    assert StreamingSession(export(tmp_path), device="auto").device == "cpu"


def test_without_onnxruntime() -> None:
    program = (
        "import sys\nsys.modules['onnxruntime'] = None\nimport rnngraph.runtime\nfrom rnngraph.errors import MissingDependencyError\n"
        "try: rnngraph.runtime.StreamingSession\n"
        "except MissingDependencyError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "needs onnxruntime" in done.stdout
    assert "pip install" in done.stdout
