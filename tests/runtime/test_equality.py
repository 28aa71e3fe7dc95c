"""One file gives the same bits whole, in chunks, step by step and with each row alone; and the numbers of the network in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnngraph.runtime import StateSnapshot, StreamingSession
from tests.runtime.files import Array, File, Spec, feed, in_numpy, inputs

SPECS = {
    "lstm": Spec(hidden=16),
    "masked": Spec(hidden=16, masked=True),
    "one step": Spec(steps=1),
    "one step, masked": Spec(steps=1, masked=True),
    "last": Spec(last=True),
    "last, masked": Spec(last=True, masked=True),
    "batch": Spec(batch=3),
}
by_spec = pytest.mark.parametrize("name", SPECS)


def parts(spec: Spec, n: int, t: int, seed: int = 1) -> tuple[Array, Array | None, StateSnapshot]:
    drawn = inputs(spec, n, t, seed)
    return drawn["x"], drawn.get("features_mask"), StateSnapshot({k: v for k, v in drawn.items() if k.startswith("state")})


@by_spec
def test_the_numbers_are_those_of_numpy(name: str, file: File) -> None:
    spec = SPECS[name]
    session = StreamingSession(file(spec))
    x, mask, start = parts(spec, spec.batch or 4, 9)
    y, states = feed(session, x, mask, [2, 1], start)
    wanted, after = in_numpy(spec, x, mask, {k: start.states[f"state_00_{k}"] for k in spec.keys})
    np.testing.assert_allclose(y, wanted, atol=1e-6)
    for key, array in after.items():
        np.testing.assert_allclose(states[f"state_00_{key}"], array, atol=1e-6)


@by_spec
def test_output_begins_at_zero(name: str, file: File) -> None:
    spec = SPECS[name]
    x, mask, _ = parts(spec, spec.batch or 4, 9)
    np.testing.assert_allclose(StreamingSession(file(spec)).output(x, mask), in_numpy(spec, x, mask)[0], atol=1e-6)


@given(data=st.data())
@by_spec
def test_however_it_is_cut(name: str, file: File, data: st.DataObject) -> None:
    spec = SPECS[name]
    session = StreamingSession(file(spec))
    n, t = spec.batch or data.draw(st.integers(1, 9), "N"), data.draw(st.integers(1, 30), "T")
    x, mask, start = parts(spec, n, t, data.draw(st.integers(0, 1000), "seed"))
    mask = mask if data.draw(st.booleans(), "gaps") else None
    start = start if data.draw(st.booleans(), "from a state") else StateSnapshot()
    whole, after = feed(session, x, mask, [t], start)
    if not start.states:
        np.testing.assert_array_equal(session.output(x, mask), whole)
    for lengths in (data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=4), "lengths"), [1]):
        y, states = feed(session, x, mask, lengths, start)
        np.testing.assert_array_equal(y, whole)
        np.testing.assert_equal(states, after)
    if spec.batch is None:
        row = data.draw(st.integers(0, n - 1), "row")
        one = slice(row, row + 1)
        its_start = StateSnapshot({k: v[one] for k, v in start.states.items()})
        y, states = feed(session, x[one], None if mask is None else mask[one], [3, 1], its_start)
        np.testing.assert_array_equal(y, whole[one])
        np.testing.assert_equal(states, {k: v[one] for k, v in after.items()})


@by_spec
def test_both_ranks_of_one_step_are_the_same_step(name: str, file: File) -> None:
    spec = SPECS[name]
    flat, deep = StreamingSession(file(spec)), StreamingSession(file(spec))
    x, mask, _ = parts(spec, spec.batch or 2, 6)
    for t in range(6):
        given = None if mask is None else mask[:, t : t + 1]
        a, b = flat.rnn_time_step(x[:, :, t], given), deep.rnn_time_step(x[:, :, t : t + 1], given)
        assert a.shape == (len(x), 4)
        assert b.shape == ((len(x), 4) if spec.last else (len(x), 4, 1))
        np.testing.assert_array_equal(a, b if spec.last else b[:, :, 0])


def test_threads_change_no_bit(file: File) -> None:
    spec = SPECS["lstm"]
    x, mask, start = parts(spec, 9, 40)
    one, two = (feed(StreamingSession(file(spec), threads=k), x, mask, [7, 1], start) for k in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])


# Masks


def test_a_masked_row_keeps_its_state_whatever_stands_in_x(file: File) -> None:
    session = StreamingSession(file(Spec(masked=True)))
    x, _, _ = parts(Spec(masked=True), 3, 4)
    session.rnn_time_step(x)
    before = session.rnn_get_previous_state(0)["h"]
    x[1] = np.nan
    session.rnn_time_step(x[:, :, 0], [1, 0, 1])
    after = session.rnn_get_previous_state(0)["h"]
    np.testing.assert_array_equal(after[1], before[1])
    assert (after[[0, 2]] != before[[0, 2]]).any(1).all()


@pytest.mark.parametrize("steps", [None, 1])
def test_nan_at_masked_steps_leaves_no_trace(steps: int | None, file: File) -> None:
    spec = Spec(masked=True, steps=steps)
    session = StreamingSession(file(spec))
    x, mask, start = parts(spec, 4, 12)
    assert mask is not None
    dirty = np.where(mask[:, None, :] == 0, np.float32(np.nan), x)
    for lengths in ([12], [5], [1]):
        clean_y, clean_states = feed(session, x, mask, lengths, start)
        y, states = feed(session, dirty, mask, lengths, start)
        real = np.broadcast_to(mask[:, None, :] == 1, y.shape)
        np.testing.assert_array_equal(y[real], clean_y[real])
        np.testing.assert_equal(states, clean_states)


def test_no_mask_is_a_mask_of_ones_and_does_not_remember_the_last_one(file: File) -> None:
    spec = Spec(masked=True)
    session, other = StreamingSession(file(spec)), StreamingSession(file(spec))
    x, _, _ = parts(spec, 2, 8)
    ones = np.ones((2, 1), np.float32)
    for k, mask in enumerate([None, [0, 1], None, None, [1, 0], None]):
        y = session.rnn_time_step(x[:, :, k], mask)
        np.testing.assert_array_equal(y, other.rnn_time_step(x[:, :, k], ones if mask is None else mask))
    np.testing.assert_array_equal(session.output(x), session.output(x, np.ones((2, 8))))
