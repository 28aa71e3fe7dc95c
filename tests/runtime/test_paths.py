"""What is given in the place of a file's path, and how often a file is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.errors import ModelFileError
from rnngraph.runtime import StreamingSession, read_manifest, verify
from rnngraph.runtime import manifest as reading
from rnngraph.runtime.engine import Engine
from tests.runtime.files import File, Spec, write


@pytest.mark.parametrize("use", [StreamingSession, Engine, read_manifest, verify])
@pytest.mark.parametrize(
    ("path", "what"), [(None, "None"), (3, "int"), (b"net.onnx", "bytes"), (["net.onnx"], "list"), ("network", "MultiLayerNetwork")]
)
def test_what_is_no_path(use: Callable[[Any], object], path: Any, what: str) -> None:
    if path == "network":
        path = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=[rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]))
    message = (
        rf"^path: expected the path of an exported file as a string, got {what}; "
        r"where that is a network, export it with rnngraph\.exporters\.export_onnx\(net, 'net\.onnx'\) and give 'net\.onnx'$"
    )
    with pytest.raises(ModelFileError, match=message):
        use(path)


def test_the_path_stays_as_it_was_given(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(Spec())
    monkeypatch.chdir(path.parent)
    assert StreamingSession(f"./{path.name}").path == f"./{path.name}"


def test_a_file_for_the_cpu_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where device="auto" first finds CUDA."""
    path = write(tmp_path / "net.onnx", golden=False, target="cpu")
    read: list[Path] = []
    digest = reading._is_sealed

    def counted(file: Path) -> bool:
        read.append(file)
        return digest(file)

    monkeypatch.setattr(reading, "_is_sealed", counted)
    assert StreamingSession(path, "auto").device == "cpu"
    assert read == [path]
