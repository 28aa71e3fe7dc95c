"""TensorBoard's files, read by TensorBoard's own reader."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from tests.training.small import batch, network

DATA = [batch(k) for k in range(3)]


def read(folder: Path) -> Any:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = reader.EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    return accumulator.Reload()


def scalars(found: Any, tag: str) -> list[Any]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def fit(folder: Path, net: Any, epochs: int, *listeners: Any, resume: bool = False, **settings: Any) -> None:
    told = [rg.TensorBoardListener(folder, **settings), *listeners]
    net.fit(DATA, epochs=epochs, listeners=told, validation=batch(5), progress=False, resume=resume)


def test_scores_rates_and_parameters_are_there(tmp_path: Path) -> None:
    net, collected = network(updater=rg.Adam(0.125)), rg.CollectScoresListener()
    fit(tmp_path, net, 2, collected, histograms=True)
    found = read(tmp_path)
    assert scalars(found, "score") == [(k, pytest.approx(score)) for k, score in collected.scores]
    assert scalars(found, "learning_rate") == [(k, 0.125) for k in range(6)]
    assert scalars(found, "epoch/score") == [(3 * e + 2, pytest.approx(score)) for e, score, _ in collected.epochs]
    assert scalars(found, "epoch/validation_score") == [(3 * e + 2, pytest.approx(score)) for e, _, score in collected.epochs]
    assert sorted(found.Tags()["histograms"]) == sorted(net.parameters())
    last = found.Histograms("0.W")[-1].histogram_value
    assert (last.num, last.sum) == (8, pytest.approx(float(net.parameters()["0.W"].sum())))


def test_a_run_that_goes_on_takes_back_what_was_beyond(tmp_path: Path) -> None:
    whole, net = network(), network()
    fit(tmp_path / "whole", whole, 4)
    checkpoints = rg.CheckpointListener(tmp_path / "checkpoints")
    fit(tmp_path / "broken", net, 4, checkpoints)
    fit(tmp_path / "broken", rg.MultiLayerNetwork.load(checkpoints.checkpoints(tmp_path / "checkpoints")[1]), 4, resume=True)
    one, two = read(tmp_path / "whole"), read(tmp_path / "broken")
    for tag in ("score", "learning_rate", "epoch/score", "epoch/validation_score"):
        assert scalars(one, tag) == scalars(two, tag)
        assert len(scalars(one, tag)) in (4, 12)


def test_every_nth_iteration_and_updaters_without_a_rate(tmp_path: Path) -> None:
    fit(tmp_path, network(updater=rg.NoOp()), 2, every=4)
    found = read(tmp_path)
    assert [step for step, _ in scalars(found, "score")] == [0, 4]
    assert sorted(found.Tags()["scalars"]) == ["epoch/score", "epoch/validation_score", "score"]
    np.testing.assert_equal(found.Tags()["histograms"], [])


def test_what_cannot_be_written_is_told_and_the_network_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "file").write_text("mine")
    net, whole = network(), network()
    with pytest.raises(rg.TrainingError, match=r"^TensorBoardListener: .*/file: cannot be written \(File exists\)\. The netw"):
        fit(tmp_path / "file", net, 1)

    class Full:
        """A writer whose disk is full after some values."""

        def __init__(self, log_dir: str, purge_step: int | None) -> None:
            self.room = 4

        def add_scalar(self, name: str, value: float, step: int) -> None:
            self.room -= 1
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            self.add_scalar("", 0.0, 0)

    listener = rg.TensorBoardListener(tmp_path / "runs")
    listener._kind = Full
    message = (
        r"^TensorBoardListener: .*/runs: cannot be written \(No space left on device\)\. The network is as after 3 iterations: make room, "
        r"or give another folder, and go on with fit\(\.\.\., resume=True\)$"
    )
    with pytest.raises(rg.TrainingError, match=message):
        net.fit(DATA, epochs=2, listeners=listener, progress=False)
    net.fit(DATA, epochs=2, progress=False, resume=True)
    whole.fit(DATA, epochs=2, progress=False)
    assert net.score(DATA) == whole.score(DATA)


def test_without_tensorboard_the_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    message = r'^TensorBoardListener needs tensorboard, which is not installed; run: pip install "rnngraph\[tensorboard\]"$'
    with pytest.raises(rg.MissingDependencyError, match=message):
        rg.TensorBoardListener(tmp_path)


def test_settings_are_checked(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with pytest.raises(
        rg.ConfigurationError, match=r'^TensorBoardListener: log_dir is None; expected the name of a folder, such as "runs/f'
    ):
        rg.TensorBoardListener(None)  # type: ignore[arg-type]
    with pytest.raises(rg.ConfigurationError, match=r"^TensorBoardListener: every is 0; expected a number of iterations of at least 1$"):
        rg.TensorBoardListener(tmp_path, every=0)
