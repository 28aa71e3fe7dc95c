"""Exported files for the tests of the runtime, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.files import Spec, write


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Spec], Path]:
    """The file of a Spec. Tests that change files write their own."""
    folder = tmp_path_factory.mktemp("files")
    made: dict[Spec, Path] = {}

    def get(spec: Spec) -> Path:
        if spec not in made:
            made[spec] = write(folder / f"{len(made)}.onnx", spec)
        return made[spec]

    return get
