"""A run that is stopped after any iteration and goes on equals one that was not stopped: parameters, buffers, updater state, scores."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.serialization import read_network
from rnngraph.training import tbptt
from rnngraph.training.groups import Group
from tests.training.stepwise import padded

EPOCHS, SEGMENTS, BATCHES = 2, 3, 3
PER_EPOCH = SEGMENTS * BATCHES


def network(backprop: Any = None) -> rg.MultiLayerNetwork:
    """Dropout, batch normalisation, Adam, L2 and truncated BPTT, with schedules by epoch and by iteration."""
    dropout, rate = rg.Dropout(retain=rg.MapSchedule("epoch", {0: 0.8, 1: 0.6})), rg.StepSchedule("iteration", 1e-2, 0.5, 4)
    layers = [
        rg.LSTM(n_in=3, n_out=4, dropout=dropout),
        rg.BatchNormalization(),
        rg.Convolution1DLayer(3, n_out=3, convolution_mode="causal"),
        rg.GravesLSTM(n_out=3),
        rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent"),
    ]
    backprop = backprop or rg.TruncatedBPTT(4, backward_length=3)
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=5, updater=rg.Adam(rate), l2=1e-3, layers=layers, backprop=backprop))


def data(rows: int = 8, steps: int = 10) -> rg.MiniBatches[rg.DataSet]:
    """Three minibatches, of ten steps: three segments each."""
    return rg.MiniBatches(padded(np.random.default_rng(7), rows, 3, steps, "right"), 3, seed=11)


class Checkpoints(rg.TrainingListener):
    """Saves the network after each iteration, and keeps what it was told."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.told: list[tuple[Any, ...]] = []

    def on_epoch_start(self, network: rg.MultiLayerNetwork, epoch: int) -> None:
        self.told.append(("start", epoch))

    def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        self.told.append((iteration, epoch, score))
        if self.folder is not None:
            network.save(self.folder / f"{iteration}.rnng")

    def on_epoch_end(self, network: rg.MultiLayerNetwork, epoch: int, score: float, validation_score: float | None) -> None:
        self.told.append(("end", epoch, score, validation_score))


def since(told: list[tuple[Any, ...]], iteration: int) -> list[tuple[Any, ...]]:
    """What an unbroken run tells after ``iteration``."""
    at = next(k for k, t in enumerate(told) if t[0] == iteration)
    return told[at + 1 :]


def content(net: rg.MultiLayerNetwork, folder: Path) -> bytes:
    """The network's file: parameters, buffers, updater state and counters."""
    net.save(folder / "content.rnng")
    return (folder / "content.rnng").read_bytes()


@pytest.mark.parametrize(("backprop", "block"), [(None, 256), (None, 8), (rg.StandardBackprop(), 256)], ids=["segments", "blocks", "whole"])
def test_a_run_stopped_after_any_iteration_goes_on_bit_for_bit(
    backprop: Any, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tbptt, "_BLOCK", block)
    unbroken, twin, told = network(backprop), network(backprop), Checkpoints(tmp_path)
    validation = padded(np.random.default_rng(8), 2, 3, 6)
    unbroken.fit(data(), epochs=EPOCHS, listeners=told, validation=validation, progress=False)
    twin.fit(data(), epochs=EPOCHS, progress=False)
    end = content(unbroken, tmp_path)
    assert end == content(twin, tmp_path)
    iterations = EPOCHS * (BATCHES if backprop else PER_EPOCH)
    assert unbroken.iteration == iterations
    for k in range(iterations):
        net, rest = rg.MultiLayerNetwork.load(tmp_path / f"{k}.rnng"), Checkpoints()
        assert net.iteration == k + 1
        net.fit(data(), epochs=EPOCHS, listeners=rest, validation=validation, progress=False, resume=True)
        assert content(net, tmp_path) == end, k
        epoch = k // (iterations // EPOCHS)
        assert rest.told == [("start", epoch), *since(told.told, k)]


def test_a_file_saved_again_is_the_same_and_only_one_with_a_position_has_the_new_format(tmp_path: Path) -> None:
    net = network()
    net.fit(data(), listeners=Checkpoints(tmp_path), progress=False)
    for k, (batches, segments, states) in {0: (0, 1, 5), 2: (1, 0, 0), 4: (1, 2, 5), 8: (3, 0, 0)}.items():
        path = tmp_path / f"{k}.rnng"
        at = read_network(path, "MultiLayerNetwork").position
        assert (at.batches, at.segments, at.steps, len(at.states)) == (batches, segments, 10 if segments else 0, states)
        assert content(rg.MultiLayerNetwork.load(path), tmp_path) == path.read_bytes()
        assert b'"format": 3' in path.read_bytes()
    assert b'"format": 2' in content(net, tmp_path)
    assert not read_network(tmp_path / "content.rnng", "MultiLayerNetwork").position


def test_without_resume_a_new_epoch_begins(tmp_path: Path) -> None:
    net = network()
    net.fit(data(), listeners=Checkpoints(tmp_path), progress=False)
    loaded, told = rg.MultiLayerNetwork.load(tmp_path / "4.rnng"), rg.CollectScoresListener()
    loaded.fit(data(), listeners=told, progress=False)
    assert len(told.scores) == PER_EPOCH
    assert (loaded.iteration, loaded.epoch) == (5 + PER_EPOCH, 1)


def test_resume_counts_epochs_from_the_first_one(tmp_path: Path) -> None:
    net, told = network(), Checkpoints()
    net.fit(data(), epochs=2, progress=False, resume=True)
    before = content(net, tmp_path)
    net.fit(data(), epochs=2, listeners=told, progress=False, resume=True)
    net.fit(data(), epochs=1, listeners=told, progress=False, resume=True)
    assert content(net, tmp_path) == before
    assert not told.told
    with pytest.raises(rg.TrainingError, match=r"^epochs is 0; expected an integer of at least 1$"):
        net.fit(data(), epochs=0, progress=False, resume=True)
    net.fit(iter(list(data())), epochs=3, listeners=told, progress=False, resume=True)  # one pass is left, which an iterator can serve
    assert (net.epoch, net.iteration) == (3, 3 * PER_EPOCH)


@pytest.fixture
def foreground() -> Iterator[None]:
    """Python's own handler of Ctrl-C, which a program that was started in the background has not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("foreground")
@pytest.mark.parametrize("amid", [True, False], ids=["amid an update", "in a listener"])
def test_after_ctrl_c_the_same_network_goes_on(amid: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update during which it was held back is told to listeners like any other."""
    unbroken, told = network(), Checkpoints()
    unbroken.fit(data(), epochs=EPOCHS, listeners=told, progress=False)
    net, first, rest, step = network(), Checkpoints(), Checkpoints(), Group.step

    def pressed(*arguments: Any) -> None:
        step(*arguments)
        if net.iteration == 10:
            os.kill(os.getpid(), signal.SIGINT)

    class Press(rg.TrainingListener):
        def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
            if iteration == 10 and not amid:
                os.kill(os.getpid(), signal.SIGINT)

    if amid:
        monkeypatch.setattr(Group, "step", pressed)
    net.fit(data(), epochs=EPOCHS, listeners=[first, Press()], progress=False)
    monkeypatch.undo()
    assert (net.interrupted, net.iteration, net.epoch) == (True, 11, 1)
    net.fit(data(), epochs=EPOCHS, listeners=rest, progress=False, resume=True)
    assert net.interrupted is False
    assert first.told + rest.told[1:] == told.told
    assert content(net, tmp_path) == content(unbroken, tmp_path)


PROGRAM = """
import os, signal, sys
from pathlib import Path
import rnngraph as rg
from tests.training.test_resume import EPOCHS, data, network

path, stop = Path(sys.argv[1]), int(sys.argv[2])

class Keep(rg.TrainingListener):
    def iteration_done(self, network, iteration, epoch, score):
        network.save(path)
        if iteration == stop:
            os.kill(os.getpid(), signal.SIGKILL)

net = rg.MultiLayerNetwork.load(path) if path.exists() else network()
net.fit(data(), epochs=EPOCHS, listeners=Keep(), progress=False, resume=True)
net.save(path)
"""


def test_a_script_that_was_killed_is_run_again_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "net.rnng"
    for stop, code in ((4, -signal.SIGKILL), (11, -signal.SIGKILL), (-1, 0)):
        command = [sys.executable, "-c", PROGRAM, str(path), str(stop)]
        assert subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode == code
    unbroken = network()
    unbroken.fit(data(), epochs=EPOCHS, progress=False)
    assert content(unbroken, tmp_path) == path.read_bytes()


def test_other_data_than_those_of_the_stopped_run_are_refused(tmp_path: Path) -> None:
    net = network()
    net.fit(data(), listeners=Checkpoints(tmp_path), progress=False)
    one = padded(np.random.default_rng(0), 3, 3, 10)

    def refused(k: int, given: Any, message: str) -> None:
        loaded = rg.MultiLayerNetwork.load(tmp_path / f"{k}.rnng")
        before = content(loaded, tmp_path)
        with pytest.raises(rg.TrainingError, match=f"^{re.escape(message)}"):
            loaded.fit(given, epochs=EPOCHS, progress=False, resume=True)
        assert content(loaded, tmp_path) == before

    remedy = "give the data of the run that was stopped, or leave resume out to begin a new epoch"
    refused(5, [one], f"resume=True: 2 minibatches of the epoch are trained, but data has 1; {remedy}")
    refused(4, [one], f"resume=True: 1 minibatches of the epoch are trained and 2 segments of the next, but data has 1; {remedy}")
    for steps, rows in ((9, 3), (10, 4), (4, 3)):
        other = padded(np.random.default_rng(0), rows, 3, steps)
        message = f"resume=True: 2 segments of minibatch 1 are trained, of 3 rows and 10 steps, but element 1 of data has {rows} rows and"
        refused(4, [one, other, one], f"{message} {steps} steps (TruncatedBPTT(length=4, backward_length=3)); {remedy}")
    with pytest.raises(rg.InputError, match=r"^resume is 'yes'; expected True, to go on with a run that was stopped, or False$"):
        net.fit(one, resume="yes", progress=False)  # type: ignore[arg-type]


class Sampler:
    """As torch's: it is told the epoch."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


def test_data_and_samplers_are_told_the_epoch() -> None:
    class Loader(Sampler):
        sampler = Sampler()

        def __iter__(self) -> Iterator[rg.DataSet]:
            return iter([padded(np.random.default_rng(0), 2, 3, 4)])

    loader, net = Loader(), network()
    net.fit(loader, epochs=2, progress=False)
    net.fit(loader, progress=False)
    assert loader.epochs == loader.sampler.epochs == [0, 1, 2]


def test_torchs_loader_trains() -> None:
    rows = padded(np.random.default_rng(0), 4, 3, 4)
    tensors = torch.utils.data.TensorDataset(torch.tensor(rows.features.copy()), torch.tensor(rows.labels.copy()))
    net = network()
    net.fit(torch.utils.data.DataLoader(tensors, batch_size=2), epochs=2, progress=False)
    assert net.iteration == 4
