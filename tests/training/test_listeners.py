"""Listeners: what they report, and where it goes."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from rnngraph.errors import ConfigurationError
from rnngraph.training.listeners import CollectScoresListener, ScoreIterationListener, TrainingListener, as_listeners

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork

NETWORK = cast("MultiLayerNetwork", None)  # these listeners look at their other arguments only


def fit(listener: TrainingListener, epochs: int = 2, iterations: int = 3) -> None:
    """The calls of a fit; the score of iteration k is 1 / (k + 1)."""
    listener.on_fit_start(NETWORK, epochs)
    for epoch in range(epochs):
        listener.on_epoch_start(NETWORK, epoch)
        for k in range(epoch * iterations, (epoch + 1) * iterations):
            listener.iteration_done(NETWORK, k, epoch, 1 / (k + 1))
        listener.on_epoch_end(NETWORK, epoch, 1 / ((epoch + 1) * iterations), 0.5 if epoch else None)
    listener.on_fit_end(NETWORK)


def test_base_does_nothing() -> None:
    fit(TrainingListener())


def test_scores_are_reported_at_every_nth_iteration() -> None:
    told: list[str] = []
    fit(ScoreIterationListener(2, told.append))
    assert told == ["Score at iteration 0 is 1.0", f"Score at iteration 2 is {1 / 3}", "Score at iteration 4 is 0.2"]


def test_scores_are_logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.INFO, "rnngraph"):
        fit(ScoreIterationListener(3))
    expected = [("rnngraph", logging.INFO, f"Score at iteration {k} is {1 / (k + 1)}") for k in (0, 3)]
    assert caplog.record_tuples == expected
    assert capsys.readouterr().err == ""


CODE = """
import logging, sys
from rnngraph.training.listeners import ScoreIterationListener
exec(sys.argv[1])
ScoreIterationListener().iteration_done(None, 7, 0, 0.25)
"""


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ("", "Score at iteration 7 is 0.25\n"),
        ("logging.basicConfig(level='INFO', format='%(name)s: %(message)s')", "rnngraph: Score at iteration 7 is 0.25\n"),
        ("logging.basicConfig()", "Score at iteration 7 is 0.25\n"),  # shows warnings only
        ("logging.basicConfig(); logging.getLogger('rnngraph').setLevel('INFO')", "INFO:rnngraph:Score at iteration 7 is 0.25\n"),
        ("logging.basicConfig(level='DEBUG'); logging.getLogger('rnngraph').setLevel('ERROR')", "Score at iteration 7 is 0.25\n"),
    ],
)
def test_scores_are_seen_whatever_logging_shows(setup: str, expected: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, setup], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", expected)


def test_scores_are_collected() -> None:
    listener = CollectScoresListener()
    fit(listener)
    assert listener.scores == [(k, 1 / (k + 1)) for k in range(6)]
    assert listener.epochs == [(0, 1 / 3, None), (1, 1 / 6, 0.5)]


@pytest.mark.parametrize("every", [0, -1, 1.5, True, None])
def test_interval_is_checked(every: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"^ScoreIterationListener: every is {every}; expected a number of iterations of at least 1$"
    ):
        ScoreIterationListener(every)


def test_receiver_is_checked() -> None:
    message = r"^ScoreIterationListener: out is 'log\.txt'; expected a callable that takes a text, such as print$"
    with pytest.raises(ConfigurationError, match=message):
        ScoreIterationListener(1, "log.txt")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["iterationDone", "onEpochEnd", "On_Fit_Start", "iterationdone"])
def test_a_method_that_would_never_be_called_is_refused(name: str) -> None:
    ours = {"iterationDone": "iteration_done", "onEpochEnd": "on_epoch_end", "On_Fit_Start": "on_fit_start"}.get(name, "iteration_done")
    with pytest.raises(ConfigurationError, match=rf"^Mine\.{name} would never be called; write def {ours}\(\.\.\.\)$"):
        type("Mine", (TrainingListener,), {name: lambda self: None})
    type("Mine", (TrainingListener,), {ours: lambda self: None, "_iterationDone": 1, "other": 2})


def test_listeners_come_alone_or_in_lists() -> None:
    one, two, three = (CollectScoresListener() for _ in range(3))
    assert as_listeners() == []
    assert as_listeners(one) == [one]
    assert as_listeners(one, [two, three], ()) == [one, two, three]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "None: expected a TrainingListener, or a list of them; write ScoreIterationListener(50), or leave listeners out"),
        (50, "50: expected a TrainingListener, or a list of them; write ScoreIterationListener(50), or leave listeners out"),
        (
            [CollectScoresListener(), print],
            "<built-in function print>: expected a TrainingListener, or a list of them; ScoreIterationListener(1, print) calls it with "
            "each score",
        ),
        (
            ScoreIterationListener,
            "ScoreIterationListener: expected a TrainingListener, or a list of them; this is the class, write ScoreIterationListener(...)",
        ),
    ],
)
def test_what_is_no_listener_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^listeners: {re.escape(message)}$"):
        as_listeners(given)
