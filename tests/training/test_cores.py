"""A core for the thread that reads ahead: when torch gives up one of its threads, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.training import cores

rng = np.random.default_rng(0)
READER = rg.CollectionSequenceRecordReader([np.column_stack([rng.standard_normal((5, 2)), rng.integers(0, 2, 5)]) for _ in range(4)])


def reading(batch_size: int = 2) -> rg.SequenceRecordReaderDataSetIterator:
    return rg.SequenceRecordReaderDataSetIterator(READER, None, batch_size, 2, label_index=-1)


class Threads(rg.TrainingListener):
    """Notes torch's threads during each update."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        self.seen.append(torch.get_num_threads())


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def seen(monkeypatch: pytest.MonkeyPatch, data: Any, threads: int, core_count: int, units: int = 3) -> set[int]:
    """The numbers of threads in a fit, after which there are as many as before."""
    monkeypatch.setattr(cores, "_cores", lambda: core_count)
    torch.set_num_threads(threads)
    layers = [rg.LSTM(n_in=2, n_out=units), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    listener = Threads()
    rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers)).fit(data, listeners=[listener], progress=False)
    assert torch.get_num_threads() == threads
    return set(listener.seen)


@pytest.mark.parametrize(
    ("threads", "core_count", "units", "expected"),
    [
        (2, 2, 3, 1),
        (1, 1, 3, 1),
        (1, 2, 3, 1),  # there is room already
        (2, 4, 3, 2),
        (2, 2, 70, 2),  # a core is worth more than what is read ahead
        (4, 4, 70, 3),
        (4, 2, 70, 4),
    ],
)
def test_a_thread_less_where_a_core_is_missing(
    threads: int, core_count: int, units: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen(monkeypatch, reading(), threads, core_count, units) == {expected}


def test_all_threads_where_nothing_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(monkeypatch, list(reading()), 2, 2) == {2}
    assert seen(monkeypatch, reading(batch_size=4), 2, 2) == {2}


def test_the_threads_come_back_where_a_fit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            raise RuntimeError(f"{torch.get_num_threads()} thread")

    monkeypatch.setattr(cores, "_cores", lambda: 2)
    torch.set_num_threads(2)
    layers = [rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    with pytest.raises(RuntimeError, match=r"^1 thread$"):
        rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)).fit(reading(), listeners=[Failing()], progress=False)
    assert torch.get_num_threads() == 2


def test_the_cores_of_this_process() -> None:
    assert 1 <= cores._cores() <= 4096


def test_a_number_of_threads_that_is_set_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    class Setting(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            torch.set_num_threads(3)

    monkeypatch.setattr(cores, "_cores", lambda: 2)
    torch.set_num_threads(2)
    layers = [rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)).fit(reading(), listeners=[Setting()], progress=False)
    assert torch.get_num_threads() == 3
