"""A part of what ``python -m tests.dl4j.fuzz`` does at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dl4j.alterations import zipped
from tests.dl4j.fuzz import files, outcome, seeds


def test_the_files_that_are_altered_are_sound(tmp_path: Path) -> None:
    for number, entries in enumerate(seeds()):
        (tmp_path / "m.zip").write_bytes(zipped(entries))
        assert outcome(tmp_path / "m.zip") == "a network", f"seed {number}"


@pytest.mark.parametrize("seed", [0, 1])
def test_altered_files_give_a_network_or_an_error_of_ours(seed: int, tmp_path: Path) -> None:
    path, ends = tmp_path / "m.zip", set()
    for content in files(240, seed):
        path.write_bytes(content)
        ends.add(outcome(path))
    assert ends == {"a network", "ModelFileError", "UnsupportedError"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.zip"]
