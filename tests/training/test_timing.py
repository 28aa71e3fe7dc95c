"""Time left and rates, by a clock that is told how late it is."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg
from tests.training.small import ROWS, batch, network

DATA = [batch(k) for k in range(3)]


class Clock(rg.TrainingListener):
    """Seconds that pass with each iteration: one, from the seventh on two."""

    now = 100.0

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        self.now += 1.0 + (iteration >= 6)

    def __call__(self) -> float:
        return self.now


class Loader:
    """Does not tell how long it is."""

    def __iter__(self) -> Any:
        return iter(DATA)


def left(data: Any, epochs: int = 3, net: Any = None, resume: bool = False, **settings: Any) -> list[str]:
    """What a TimeIterationListener reports."""
    told: list[str] = []
    clock = Clock()
    listeners = [clock, rg.TimeIterationListener(out=told.append, clock=clock, **settings)]
    (network() if net is None else net).fit(data, epochs=epochs, listeners=listeners, progress=False, resume=resume)
    return told


def test_the_time_left_is_that_of_the_iterations_to_go() -> None:
    expected = [
        "0:00:06 left after iteration 2, 6 iterations to go",
        "0:00:03 left after iteration 5, 3 iterations to go",
        "0:00:00 left after iteration 8, 0 iterations to go",
    ]
    assert left(DATA, every=3) == expected
    assert left(Loader(), every=3) == expected[1:]  # how long an epoch is is known after the first
    assert left(rg.MiniBatches(DATA[0], 1), every=3) == expected
    assert left(Loader(), every=4, total=5) == [
        "0:00:01 left after iteration 3, 1 iterations to go",
        "0:00:00 left after iteration 7, 0 iterations to go",
    ]


def test_what_was_done_before_is_left_out() -> None:
    class Stop(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            if iteration == 3:
                network.stop_fit("enough")

    for settings in ({}, {"total": 9}):
        net = network()
        net.fit(DATA, epochs=3, listeners=Stop(), progress=False)
        assert left(DATA, net=net, resume=True, every=2, **settings) == [
            "0:00:03 left after iteration 5, 3 iterations to go",
            "0:00:02 left after iteration 7, 1 iterations to go",
        ]


def test_rates_are_those_since_the_last_report() -> None:
    told: list[str] = []
    clock, collected = Clock(), rg.CollectScoresListener()
    listener = rg.PerformanceListener(4, told.append, clock)
    network().fit(DATA, epochs=3, listeners=[clock, collected, listener], progress=False)
    examples = [ROWS * 4 / seconds for seconds in (4, 6)]
    assert told == [
        f"iteration 3: 1e+03 ms an iteration, 1 iterations/s, {examples[0]:.2g} examples/s, 15 steps/s, score {collected.scores[3][1]:.4g}",
        f"iteration 7: 1.5e+03 ms an iteration, 0.67 iterations/s, {examples[1]:.2g} examples/s, 10 steps/s, "
        f"score {collected.scores[7][1]:.4g}",
    ]
    last = listener.last
    assert last is not None
    assert (last.iteration, last.milliseconds, last.examples, last.steps) == (7, 1500.0, 2.0, 10.0)


def test_with_truncated_bptt_each_update_has_its_share_of_the_examples() -> None:
    told: list[str] = []
    clock = Clock()
    net = network(backprop=rg.TruncatedBPTT(2))  # five steps are three segments
    net.fit(DATA, listeners=[clock, rg.PerformanceListener(3, told.append, clock)], progress=False)
    rates = re.findall(r"([\d.]+) examples/s, ([\d.]+) steps/s", "".join(told))
    assert rates == [("1", "5"), ("1", "5"), ("0.5", "2.5")]


def test_without_time_there_are_no_steps_and_a_clock_that_stands_tells_nothing() -> None:
    layers = [rg.DenseLayer(n_in=2, n_out=3), rg.OutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=1))
    told: list[str] = []
    clock = Clock()
    data = [rg.DataSet(one.features[:, :, 0], one.labels[:, :, 0]) for one in DATA]
    listeners = [clock, rg.PerformanceListener(1, told.append, clock), rg.PerformanceListener(1, told.append, lambda: 0.0)]
    net.fit(data, listeners=listeners, progress=False)
    assert len(told) == 3
    assert not any("steps" in line for line in told)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (rg.TimeIterationListener, {"total": 0}, "total is 0; expected a number of iterations of at least 1"),
        (rg.TimeIterationListener, {"every": 0}, "every is 0; expected a number of iterations of at least 1"),
        (rg.PerformanceListener, {"every": True}, "every is True; expected a number of iterations of at least 1"),
        (rg.PerformanceListener, {"out": "log"}, "out is 'log'; expected a callable that takes a text, such as print"),
    ],
)
def test_settings_are_checked(kind: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{kind.__name__}: {message}$"):
        kind(**settings)
