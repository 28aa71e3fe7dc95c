"""Outputs in arrays that the caller brings."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import InputError
from rnngraph.runtime import StreamingSession
from tests.exporters.graphs import two_times
from tests.runtime.files import File, Open, Spec, inputs

X = inputs(Spec(), 2, 8)["x"]


@pytest.mark.parametrize("spec", [Spec(), Spec(steps=1), Spec(masked=True), Spec(last=True)], ids=repr)
def test_out_takes_the_output(spec: Spec, file: File) -> None:
    session, other = StreamingSession(file(spec)), StreamingSession(file(spec))
    for x in (X[:, :, 0], X[:, :, 1], X[:, :, 2:3], X[:, :, 3:7], X[:, :, 7]):
        wanted = other.rnn_time_step(x)
        out = np.full_like(wanted, 7)
        assert session.rnn_time_step(x, out=out) is out
        np.testing.assert_array_equal(out, wanted)
        strided = np.zeros((4, *wanted.shape[1:]), np.float32)[::2]
        session.restore(other.snapshot())
        np.testing.assert_array_equal(session.rnn_time_step(x, out=strided), other.rnn_time_step(x))


def test_masks_and_out(file: File) -> None:
    session, other = StreamingSession(file(Spec(masked=True))), StreamingSession(file(Spec(masked=True)))
    out = np.empty((2, 4), np.float32)
    for t, mask in enumerate([[1, 0], None, [0, 1], None]):
        assert session.rnn_time_step(X[:, :, t], mask, out=out) is out
        np.testing.assert_array_equal(out, other.rnn_time_step(X[:, :, t], mask))


BAD: dict[str, tuple[Any, str]] = {
    "rows": (np.zeros((3, 4), np.float32), r"out is an array of float32 of shape \[3, 4\]"),
    "rank": (np.zeros((2, 4, 1), np.float32), r"out is an array of float32 of shape \[2, 4, 1\]"),
    "type": (np.zeros((2, 4)), r"out is an array of float64 of shape \[2, 4\]"),
    "read-only": (np.broadcast_to(np.float32(0), (2, 4)), r"out is a read-only array of float32 of shape \[2, 4\]"),
    "masked": (np.ma.zeros((2, 4), np.float32), r"out is a MaskedArray of float32 of shape \[2, 4\]"),
    "a list": ([[0, 0, 0, 0]] * 2, r"out is \[\[0, 0, 0, 0\], \[0, 0, 0, 0\]\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_out_that_cannot_take_it(case: str, file: File) -> None:
    out, message = BAD[case]
    message = rf"^{message}; expected an array of float32 of shape \[2, 4\] that can be written into$"
    session, other = StreamingSession(file(Spec())), StreamingSession(file(Spec()))
    for t in range(2):
        with pytest.raises(InputError, match=message):
            session.rnn_time_step(X[:, :, t], out=out)
        assert session.snapshot().steps == t
        np.testing.assert_array_equal(session.rnn_time_step(X[:, :, t]), other.rnn_time_step(X[:, :, t]))
    with pytest.raises(InputError, match=r"expected an array of float32 of shape \[2, 4, 5\] that can be written into$"):
        session.rnn_time_step(X[:, :, 2:7], out=out)
    np.testing.assert_array_equal(session.rnn_time_step(X[:, :, 2:]), other.rnn_time_step(X[:, :, 2:]))


def test_outputs_of_a_graph(opened: Open) -> None:
    session = opened(two_times())
    other = session.clone()
    given = [np.ones((2, 5), np.float32), np.ones((2, 3), np.float32)]
    for _ in range(3):
        wanted = other.rnn_time_step(given)
        out = [np.empty_like(y) for y in wanted]
        assert session.rnn_time_step(given, out=out) is out
        np.testing.assert_equal(out, wanted)
    with pytest.raises(InputError, match=r"^out is \[\]; expected a list of 3 arrays, one for each output in their order$"):
        session.rnn_time_step(given, out=[])
    with pytest.raises(InputError, match=r"^out\[1\] is None; expected an array of float32 of shape \[2, 3\] that can be written into$"):
        session.rnn_time_step(given, out=[out[0], None, out[2]])
    np.testing.assert_equal(session.rnn_time_step(given), other.rnn_time_step(given))


def test_a_step_into_out_allocates_no_array(file: File) -> None:
    session = StreamingSession(file(Spec(hidden=256)))
    x, out = np.zeros((64, 3), np.float32), np.empty((64, 4), np.float32)
    for _ in range(3):
        session.rnn_time_step(x, out=out)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        session.rnn_time_step(x, out=out)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < out.nbytes  # a copy of the output, of x or of a state would show: numpy tells tracemalloc of its memory
