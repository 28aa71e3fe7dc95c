"""Files for the tests of the runtime, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession
from tests.exporters.networks import Net
from tests.runtime.files import File, Open, Spec, write
from tests.runtime.memory import memory_apart


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> File:
    """The file of a Spec. Tests that change files write their own."""
    folder = tmp_path_factory.mktemp("files")
    made: dict[Spec, Path] = {}

    def get(spec: Spec) -> Path:
        if spec not in made:
            made[spec] = write(folder / f"{len(made)}.onnx", spec)
        return made[spec]

    return get


@pytest.fixture
def session(file: File) -> StreamingSession:
    """A new session on the file of Spec()."""
    return StreamingSession(file(Spec()))


@pytest.fixture
def as_on_cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | Path], StreamingSession]:
    """A session that goes the way of CUDA, with a stand-in for the GPU's memory."""
    memory_apart(monkeypatch)

    def get(path: str | Path) -> StreamingSession:
        session = StreamingSession(path)
        monkeypatch.setattr(session._engine, "device", "cuda")
        return session

    return get


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """A session of the exported network."""

    def get(net: Net, **options: Any) -> StreamingSession:
        export_onnx(net, tmp_path / "net.onnx", **options)
        return StreamingSession(tmp_path / "net.onnx")

    return get
