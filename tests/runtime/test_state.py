"""The state of a session: reading, setting and clearing it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnngraph.errors import StateError
from rnngraph.runtime import StateSnapshot, StreamingSession
from rnngraph.state import Rows
from tests.runtime.files import File, Spec, feed, in_numpy, inputs, manifest, write

X = inputs(Spec(), 2, 8)["x"]
H = np.zeros((2, 5), np.float32)


def test_nothing_before_the_first_step(session: StreamingSession) -> None:
    assert session.rnn_get_previous_state(0) == {}
    session.output(X)
    assert session.rnn_get_previous_state(0) == {}


@pytest.mark.parametrize("lengths", [[8], [1] * 8, [3, 1, 4]])
def test_the_state_after_steps(lengths: list[int], session: StreamingSession) -> None:
    feed(session, X, None, lengths)
    got, wanted = session.rnn_get_previous_state(0), in_numpy(Spec(), X)[1]
    assert list(got) == ["h", "c"]
    for key, array in got.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, wanted[key], atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (1, r"layers\[1\] is a RnnOutputLayer, which has no state; layers with state: 0"),
        (2, r"there is no layer 2; layers with state: 0"),
        (-1, r"there is no layer -1"),
        ("0", r"there is no layer '0'"),
    ],
)
def test_layers_without_state(layer: int, message: str, session: StreamingSession) -> None:
    session.rnn_time_step(X)
    with pytest.raises(StateError, match=message):
        session.rnn_get_previous_state(layer)
    with pytest.raises(StateError, match=message):
        session.rnn_set_previous_state(layer, {"h": np.zeros((2, 5))})


def test_clear_begins_anew(session: StreamingSession) -> None:
    first = session.rnn_time_step(X[:, :, 0])
    session.rnn_time_step(X)
    session.rnn_clear_previous_state()
    assert session.rnn_get_previous_state(0) == {}
    np.testing.assert_array_equal(session.rnn_time_step(X[:, :, 0]), first)


@pytest.mark.parametrize("rows", [1, [1], np.array([1])])
def test_clear_some_rows(rows: Rows, session: StreamingSession) -> None:
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    session.rnn_clear_previous_state(rows)
    after = session.rnn_get_previous_state(0)
    for key, array in after.items():
        assert not array[1].any()
        np.testing.assert_array_equal(array[0], before[key][0])
    y = session.rnn_time_step(X[:, :, 1])
    np.testing.assert_array_equal(y[0], session.output(X[:, :, :2])[0, :, 1])
    np.testing.assert_array_equal(y[1], session.output(X[:, :, 1:2])[1, :, 0])


def test_clear_rows_that_are_not_there(session: StreamingSession) -> None:
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=r"rows=\[0, 2\]: there is no row 2; the state has rows 0 to 1"):
        session.rnn_clear_previous_state([0, 2])
    np.testing.assert_equal(session.rnn_get_previous_state(0), before)


@pytest.mark.parametrize("keys", [("h", "c"), ("prevAct", "prevMem")])
def test_set_and_go_on(keys: tuple[str, str], session: StreamingSession) -> None:
    start = inputs(Spec(), 2, 1)
    given = {keys[0]: start["state_00_h"], keys[1]: start["state_00_c"]}
    session.rnn_set_previous_state(0, given)
    given[keys[0]][...] = 9.0  # the session has its own copy
    wanted = in_numpy(Spec(), X, None, {"h": inputs(Spec(), 2, 1)["state_00_h"], "c": start["state_00_c"]})[0]
    np.testing.assert_allclose(session.rnn_time_step(X), wanted, atol=1e-6)


WRONG: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "key": ({"h": H, "x": H}, r"layers\[0\]: the state has the keys h, x, expected h, c \(or DL4J's prevAct, prevMem\)"),
    "missing": ({"h": H}, r"the state has the keys h, expected h, c"),
    "width": ({"h": H, "c": np.zeros((2, 6))}, r"state 'c': it has the shape \[2, 6\], expected \[N, 5\]"),
    "rank": ({"h": H, "c": np.zeros((1, 2, 5))}, r"state 'c': it has the shape \[1, 2, 5\]"),
    "type": ({"h": H, "c": np.full((2, 5), "a")}, r"state 'c': it has the type <U1, expected float32"),
    "rows": ({"h": H, "c": np.zeros((3, 5))}, r"the state has 2, 3 rows"),
    "none": ({"h": np.zeros((0, 5)), "c": np.zeros((0, 5))}, r"state 'h': it has the shape \[0, 5\]"),
    "NaN": ({"h": H, "c": np.full((2, 5), np.nan)}, r"state 'c': it is nan at row 0, unit 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_set_what_does_not_fit(case: str, session: StreamingSession) -> None:
    given, message = WRONG[case]
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=message):
        session.rnn_set_previous_state(0, given)
    np.testing.assert_equal(session.rnn_get_previous_state(0), before)


def test_a_fixed_batch_refuses_states_of_another(file: File) -> None:
    session = StreamingSession(file(Spec(batch=3)))
    message = r"has 2 rows, but .*onnx was exported for batch=3; give 3 rows, or export with batch=None"
    with pytest.raises(StateError, match=rf"layers\[0\] {message}"):
        session.rnn_set_previous_state(0, {"h": H, "c": H})
    with pytest.raises(StateError, match=rf"the snapshot {message}"):
        session.restore(StateSnapshot({"state_00_h": H, "state_00_c": H}))


def test_a_state_set_before_the_first_step_has_a_batch(session: StreamingSession) -> None:
    session.rnn_set_previous_state(0, {"h": H, "c": H})
    with pytest.raises(StateError, match=r"x has 3 rows, but the state that is held has 2"):
        session.rnn_time_step(np.zeros((3, 3)))


def test_h_stands_for_a_state_that_only_masks_need(tmp_path: Path) -> None:
    content = manifest(Spec())
    renamed = json.loads(json.dumps({k: content[k] for k in ("inputs", "outputs", "states")}))
    renamed["states"][1]["key"] = "last"
    session = StreamingSession(write(tmp_path / "net.onnx", golden=False, **renamed))
    session.rnn_set_previous_state(0, {"h": H + 0.5})
    np.testing.assert_allclose(session.rnn_time_step(X), in_numpy(Spec(), X, None, {"h": H + 0.5, "c": H + 0.5})[0], atol=1e-6)
