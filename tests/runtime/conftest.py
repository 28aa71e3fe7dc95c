"""Files for the tests of the runtime, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnngraph.runtime import StreamingSession
from tests.runtime.files import File, Spec, write


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
