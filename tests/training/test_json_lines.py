"""JSON lines: what they tell, that each is there at once, and that a run that goes on has each iteration once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.training.rates import learning_rate
from tests.training.small import batch, network

DATA = [batch(k) for k in range(3)]


def lines(path: Path, event: str | None = None) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in found if event in (None, line["event"])]


def untimed(path: Path) -> list[Any]:
    """All but times."""
    return [{key: value for key, value in line.items() if "second" not in key} for line in lines(path)]


def fit(path: Path, net: Any = None, epochs: int = 2, resume: bool = False, *listeners: Any, **settings: Any) -> Any:
    net = network(updater=rg.Adam(rg.StepSchedule("iteration", 0.1, 0.5, 2))) if net is None else net
    told = [rg.JsonLinesListener(path, **settings), *listeners]
    net.fit(DATA, epochs=epochs, listeners=told, validation=batch(5), progress=False, resume=resume)
    return net


def test_lines_tell_what_listeners_are_told(tmp_path: Path) -> None:
    path, collected = tmp_path / "training.jsonl", rg.CollectScoresListener()
    clock = iter(range(10**6))  # two looks at it an iteration, two at the start, one an epoch
    fit(path, None, 2, False, collected, clock=lambda: float(next(clock)))
    found = lines(path)
    assert found[0] == {"event": "fit", "iteration": 0, "epoch": 0, "epochs": 2}
    iterations, epochs = lines(path, "iteration"), lines(path, "epoch")
    assert [(line["iteration"], line["score"]) for line in iterations] == collected.scores
    assert [line["epoch"] for line in iterations] == [0, 0, 0, 1, 1, 1]
    assert [line["learning_rate"] for line in iterations] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    assert [line["seconds"] for line in iterations] == [3.0, 5.0, 7.0, 10.0, 12.0, 14.0]
    assert [line["examples_per_second"] for line in iterations] == [3.0, 1.5, 1.5, 1.0, 1.5, 1.5]
    assert [(line["epoch"], line["score"], line["validation_score"]) for line in epochs] == collected.epochs
    assert [(line["iteration"], line["seconds"]) for line in epochs] == [(3, 8.0), (6, 15.0)]
    assert [line["event"] for line in found[1:]] == (["iteration"] * 3 + ["epoch"]) * 2


def test_a_line_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"

    class Reader(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            assert lines(path)[-1]["iteration"] == iteration

    fit(path, None, 1, False, Reader())


def test_every_nth_iteration(tmp_path: Path) -> None:
    fit(tmp_path / "training.jsonl", every=2)
    assert [line["iteration"] for line in lines(tmp_path / "training.jsonl", "iteration")] == [0, 2, 4]


def test_a_run_that_goes_on_has_each_line_once(tmp_path: Path) -> None:
    """What lies behind the checkpoint is cut off, a torn line too; what another program wrote stays, and so does an older run."""
    whole, path = tmp_path / "whole.jsonl", tmp_path / "training.jsonl"
    fit(whole, None, 1)
    fit(path, None, 1)
    older = path.read_bytes()
    fit(whole, None, 4, False, rg.CheckpointListener(tmp_path, every_n_iterations=2, every_n_epochs=1))
    fit(path, None, 4)
    full = path.read_bytes()
    assert full.startswith(older)
    for checkpoint in rg.CheckpointListener.checkpoints(tmp_path):
        path.write_bytes(
            full + b'{"event": "note", "text": "mine"}\n{"event": "epoch", "of": "mine", "seconds": null}\n{"event": "iteration", "iter'
        )
        fit(path, rg.MultiLayerNetwork.load(checkpoint), 4, True)
        assert path.read_bytes().startswith(older)
        found = untimed(path)
        notes = [line for line in found if "mine" in line.values()]
        assert [line["event"] for line in notes] == ["note", "epoch"]
        assert [line for line in found if line not in notes] == untimed(whole)
        seconds = [line["seconds"] for line in lines(path) if line.get("seconds") is not None][4:]
        assert seconds == sorted(seconds)


def test_a_new_run_appends_whatever_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    before = b'{"event": "fit", "iteration": 0, "epoch": 0, "epochs": 9}\n{"event": "iteration", "iteration": 0, "ep'
    path.write_bytes(before)
    fit(path, None, 1)
    fit(path, None, 1, True)  # had not begun
    assert path.read_bytes().startswith(before + b"\n")
    rest = [json.loads(line) for line in path.read_bytes()[len(before) + 1 :].splitlines()]
    assert [line["event"] for line in rest] == ["fit", "iteration", "iteration", "iteration", "epoch"] * 2
    other = tmp_path / "other.jsonl"
    other.write_text("1\n[]\n")
    net = fit(tmp_path / "more.jsonl", None, 1)
    fit(other, net, 2, True)
    assert other.read_text().startswith('1\n[]\n{"event": "fit", "iteration": 3, "epoch": 1, "epochs": 1}\n{"event": "iteration"')


def test_a_full_disk_is_told_and_the_network_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    listener, net, unbroken = rg.JsonLinesListener(path), network(), network()

    class Filling(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            if iteration == 1:
                listener.on_fit_end(network)
                listener._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115 (the listener closes it)

    message = (
        f"JsonLinesListener: {path}: cannot be written (No space left on device). The network is as after 3 iterations: make room, or give "
        "another path, and go on with fit(..., resume=True)"
    )
    with pytest.raises(rg.TrainingError, match=f"^{re.escape(message)}$"):
        net.fit(DATA, epochs=2, listeners=[listener, Filling()], progress=False)
    net.fit(DATA, epochs=2, listeners=listener, progress=False, resume=True)
    unbroken.fit(DATA, epochs=2, progress=False)
    assert net.score(DATA) == unbroken.score(DATA)
    assert [line["iteration"] for line in lines(path, "iteration")] == [0, 1, 3, 4, 5]  # 2 was trained and could not be told


def test_learning_rates_of_other_updaters() -> None:
    updaters = {
        rg.Sgd(0.5): 0.5,
        rg.NoOp(): None,
        rg.AdaDelta(): None,
        rg.TorchUpdater("SGD", lr=0.25): 0.25,
        rg.TorchUpdater("SGD", lr=rg.StepSchedule("epoch", 0.5, 0.5, 1)): 0.25,
        rg.Nesterovs(rg.StepSchedule("iteration", 0.5, 0.5, 1)): 0.125,
    }
    for updater, rate in updaters.items():
        assert learning_rate(network(updater=updater).config, iteration=2, epoch=1) == rate


def test_what_is_no_path_of_a_file_is_told(tmp_path: Path) -> None:
    for path, message in (
        (None, 'JsonLinesListener: the path is None; expected the name of a file, such as "training.jsonl"'),
        (tmp_path, f"{tmp_path}: is a folder; give the name of a file in it, such as {tmp_path}/training.jsonl"),
        (tmp_path / "no" / "a.jsonl", f"{tmp_path}/no/a.jsonl: there is no folder {tmp_path}/no; create it first"),
    ):
        with pytest.raises(rg.ModelFileError, match=f"^{re.escape(message)}$"):
            rg.JsonLinesListener(path)  # type: ignore[arg-type]
    with pytest.raises(rg.ConfigurationError, match=r"^JsonLinesListener: every is 0; expected a number of iterations of at least 1$"):
        rg.JsonLinesListener(tmp_path / "a.jsonl", every=0)
