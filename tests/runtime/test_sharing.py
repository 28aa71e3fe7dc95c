"""Sessions that threads share, and sessions that share a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import StateError
from rnngraph.runtime import StateSnapshot, StreamingSession
from tests.runtime.files import File, Spec, inputs

X = inputs(Spec(), 2, 8)["x"]


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What the works give, each in a thread of its own, all begun together."""
    results: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(k: int) -> None:
        start.wait()
        results[k] = works[k]()

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("steps", [1, 3])
def test_threads_share_a_session(steps: int, file: File) -> None:
    """All feed the same x, so that whatever their order, together they get the outputs that one gets in a row."""
    spec = Spec(hidden=64)
    session, alone = StreamingSession(file(spec)), StreamingSession(file(spec))
    x, each, threads = X[:, :, 0] if steps == 1 else X[:, :, :steps], 50, 4
    whole = X[:, :, :4]
    wanted = alone.output(whole)
    parts = at_once(
        *([lambda: [session.rnn_time_step(x) for _ in range(each)]] * threads),
        lambda: [session.output(whole) for _ in range(each)],
        lambda: [session.snapshot() for _ in range(each)],
    )
    got = sorted((y for part in parts[:threads] for y in part), key=lambda y: y.tobytes())
    expected = sorted((alone.rnn_time_step(x) for _ in range(each * threads)), key=lambda y: y.tobytes())
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_equal(dict(session.snapshot().states), dict(alone.snapshot().states))
    assert session.snapshot().steps == each * threads * steps
    for y in parts[threads]:
        np.testing.assert_array_equal(y, wanted)
    alone.rnn_clear_previous_state()
    seen: dict[int | None, StateSnapshot | None] = {0: None}
    for k in range(1, each * threads + 1):
        alone.rnn_time_step(x)
        seen[k * steps] = alone.snapshot()
    for snapshot in parts[-1]:  # each is of a moment between two calls
        moment = seen[snapshot.steps]
        np.testing.assert_equal(dict(snapshot.states), dict(moment.states) if moment else {})


def test_a_clone_shares_the_weights_and_has_a_state_of_its_own(file: File) -> None:
    session = StreamingSession(file(Spec()))
    session.rnn_time_step(X)
    before = session.snapshot()
    clone = session.clone()
    assert clone._engine is session._engine  # the one place that holds weights
    assert (clone.path, clone.manifest, clone.device) == (session.path, session.manifest, session.device)
    assert clone.rnn_get_previous_state(0) == {}
    fresh = StreamingSession(file(Spec()))
    for t in range(3):
        np.testing.assert_array_equal(clone.rnn_time_step(X[:, :, t]), fresh.rnn_time_step(X[:, :, t]))
    np.testing.assert_array_equal(clone.rnn_time_step(X), fresh.rnn_time_step(X))
    np.testing.assert_equal(dict(session.snapshot().states), dict(before.states))
    clone.restore(before)
    np.testing.assert_array_equal(clone.rnn_time_step(X), session.rnn_time_step(X))
    assert clone.clone().rnn_time_step(np.zeros((5, 3))).shape == (5, 4)


def test_clones_step_at_once(file: File) -> None:
    first = StreamingSession(file(Spec(hidden=64)))
    clones = [first.clone() for _ in range(4)]
    xs = [inputs(Spec(), 2, 40, seed=k)["x"] for k in range(4)]
    parts = at_once(*(lambda s=s, x=x: [s.rnn_time_step(x[:, :, t]) for t in range(40)] for s, x in zip(clones, xs, strict=True)))
    for x, part in zip(xs, parts, strict=True):
        np.testing.assert_array_equal(np.stack(part, 2), first.output(x))


# How many steps a stream has had


def test_steps_are_counted(file: File) -> None:
    session = StreamingSession(file(Spec(masked=True)))
    counts = [session.snapshot().steps]
    for x, mask in ((X[:, :, 0], None), (X, None), (X[:, :, :1], None), (X[:, :, 0], [1, 0]), (X[:, :, :3], np.eye(2, 3))):
        session.rnn_time_step(x, mask)
        counts.append(session.snapshot().steps)
    assert counts == [0, 1, 9, 10, 11, 14]
    session.rnn_clear_previous_state(rows=[1])
    session.rnn_time_step(X[:, :, 0])
    kept = session.snapshot()
    assert kept.steps == 15
    session.rnn_time_step(X)
    session.restore(kept)
    session.rnn_time_step(X[:, :, 0])
    assert session.snapshot().steps == 16
    session.rnn_set_previous_state(0, session.rnn_get_previous_state(0))
    session.rnn_time_step(X[:, :, 0])
    assert session.snapshot().steps is None  # nobody knows what was set
    session.rnn_clear_previous_state()
    session.rnn_time_step(X[:, :, 0])
    assert session.snapshot().steps == 1


def test_a_step_that_is_refused_counts_for_nothing(file: File) -> None:
    session = StreamingSession(file(Spec()))
    session.rnn_time_step(X[:, :, 0])
    with pytest.raises(StateError):
        session.rnn_time_step(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="nan"):
        session.rnn_time_step(X * np.nan)
    assert session.snapshot().steps == 1
