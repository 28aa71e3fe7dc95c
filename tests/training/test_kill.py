"""A training that is killed at any moment and run again comes out as an unbroken one; ``python -m tests.training.kill`` does it often."""

from __future__ import annotations

from pathlib import Path

from tests.training.kill import leftovers, outcome, run, unbroken


def test_a_training_that_is_killed_twice_comes_out_as_an_unbroken_one(tmp_path: Path) -> None:
    """Amid an epoch, and in the next process amid another."""
    count = unbroken(tmp_path / "unbroken", "MultiLayerNetwork")
    assert count > 30
    folder = tmp_path / "killed"
    assert run(folder, "MultiLayerNetwork", lines=15, delay=0.01)
    assert run(folder, "MultiLayerNetwork", lines=8, delay=0.02)
    assert not run(folder, "MultiLayerNetwork")
    assert outcome(folder) == outcome(tmp_path / "unbroken")
    assert leftovers(folder) == []
