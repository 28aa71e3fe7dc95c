"""The state of a session: reading, setting, clearing, and moving it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from rnngraph import state
from rnngraph.errors import MissingDependencyError, StateError
from rnngraph.runtime import StateSnapshot, StreamingSession
from tests.runtime.files import Spec, in_numpy, inputs, manifest, write

File = Callable[[Spec], Path]
X = inputs(Spec(), 2, 8)["x"]


@pytest.fixture
def session(file: File) -> StreamingSession:
    return StreamingSession(file(Spec()))


def equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_nothing_before_the_first_step(session: StreamingSession) -> None:
    assert session.rnn_get_previous_state(0) == {}
    session.output(X)
    assert session.rnn_get_previous_state(0) == {}


@pytest.mark.parametrize("lengths", [[8], [1] * 8, [3, 1, 4]])
def test_the_state_after_steps(lengths: list[int], session: StreamingSession) -> None:
    at = 0
    for length in lengths:
        session.rnn_time_step(X[:, :, at : at + length])
        at += length
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
def test_clear_some_rows(rows: state.Rows, session: StreamingSession) -> None:
    first = session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    session.rnn_clear_previous_state(rows)
    after = session.rnn_get_previous_state(0)
    for key, array in after.items():
        assert not array[1].any()
        np.testing.assert_array_equal(array[0], before[key][0])
    y = session.rnn_time_step(X[:, :, 0])
    np.testing.assert_array_equal(y[1], first[1])
    assert (y[0] != first[0]).any()


def test_clear_rows_that_are_not_there(session: StreamingSession) -> None:
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=r"rows=\[0, 2\]: there is no row 2; the state has rows 0 to 1"):
        session.rnn_clear_previous_state([0, 2])
    assert equal(session.rnn_get_previous_state(0), before)


@pytest.mark.parametrize("keys", [("h", "c"), ("prevAct", "prevMem")])
def test_set_and_go_on(keys: tuple[str, str], session: StreamingSession) -> None:
    start = inputs(Spec(), 2, 1)
    given = {keys[0]: start["state_00_h"], keys[1]: start["state_00_c"]}
    session.rnn_set_previous_state(0, given)
    given[keys[0]][...] = 9.0  # the session has its own copy
    wanted = in_numpy(Spec(), X, None, {"h": inputs(Spec(), 2, 1)["state_00_h"], "c": start["state_00_c"]})[0]
    np.testing.assert_allclose(session.rnn_time_step(X), wanted, atol=1e-6)


H = np.zeros((2, 5), np.float32)
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
    assert equal(session.rnn_get_previous_state(0), before)


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


# Snapshots


@pytest.mark.parametrize("lengths", [(1, 1), (3, 2), (1, 3), (3, 1)])
def test_a_snapshot_is_a_moment(lengths: tuple[int, int], session: StreamingSession) -> None:
    a, b = lengths
    session.rnn_time_step(X[:, :, :a])
    snapshot = session.snapshot()
    first = session.rnn_time_step(X[:, :, a : a + b])
    session.rnn_time_step(X)
    session.restore(snapshot)
    np.testing.assert_array_equal(session.rnn_time_step(X[:, :, a : a + b]), first)
    session.restore(snapshot)  # still as it was
    np.testing.assert_array_equal(session.rnn_time_step(X[:, :, a : a + b]), first)


def test_a_snapshot_of_nothing(session: StreamingSession) -> None:
    snapshot = session.snapshot()
    first = session.rnn_time_step(X)
    session.restore(StateSnapshot.from_bytes(snapshot.to_bytes()))
    assert session.rnn_get_previous_state(0) == {}
    np.testing.assert_array_equal(session.rnn_time_step(X), first)


def test_through_bytes_to_other_files_of_the_network(session: StreamingSession, file: File) -> None:
    session.rnn_time_step(X[:, :, :5])
    data = session.snapshot().to_bytes()
    wanted = session.rnn_time_step(X[:, :, 5:])
    other = StreamingSession(file(Spec(steps=1)))
    other.restore(StateSnapshot.from_bytes(data))
    np.testing.assert_allclose(other.rnn_time_step(X[:, :, 5:]), wanted, atol=1e-6)


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from rnngraph.runtime import StateSnapshot, StreamingSession

model, state, x, y = sys.argv[1:]
session = StreamingSession(model)
session.restore(StateSnapshot.from_bytes(Path(state).read_bytes()))
np.save(y, session.rnn_time_step(np.load(x)))
"""


def test_a_stream_goes_on_in_another_process(session: StreamingSession, tmp_path: Path) -> None:
    state_file, x, y = tmp_path / "state", tmp_path / "x.npy", tmp_path / "y.npy"
    session.rnn_time_step(X[:, :, 0])
    state_file.write_bytes(session.snapshot().to_bytes())
    np.save(x, X[:, :, 1:])
    subprocess.run([sys.executable, "-c", PROGRAM, session.path, *map(str, (state_file, x, y))], check=True)
    np.testing.assert_array_equal(np.load(y), session.rnn_time_step(X[:, :, 1:]))


def test_of_another_model(session: StreamingSession, file: File) -> None:
    other = StreamingSession(file(Spec(seed=4)))
    other.rnn_time_step(X)
    wanted = rf"whose parameters have the sha-256 {4:064x}, those of .*onnx have {0:064x}; restore it into a session of the file"
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=wanted):
        session.restore(other.snapshot())
    assert equal(session.rnn_get_previous_state(0), before)


def test_of_a_network_in_torch_which_knows_no_digest(session: StreamingSession) -> None:
    session.restore(state.StateSnapshot({"state_00_h": H, "state_00_c": H}))
    assert equal(session.rnn_get_previous_state(0), {"h": H, "c": H})
    with pytest.raises(StateError, match=r"the snapshot has the states state_00_h, this network has state_00_h, state_00_c"):
        session.restore(state.StateSnapshot({"state_00_h": H}))
    with pytest.raises(StateError, match=r"it was taken of another network"):
        session.restore(state.StateSnapshot({"state_00_h": H, "state_00_c": H, "state_01_h": H}))


def test_a_state_that_only_masks_need_is_left_out_where_the_file_has_none(session: StreamingSession) -> None:
    """LastTimeStep keeps the last output it saw; without masks that is h."""
    session.restore(state.StateSnapshot({"state_00_h": H, "state_00_c": H, "state_00_last": H}))
    assert list(session.rnn_get_previous_state(0)) == ["h", "c"]


def test_h_stands_for_a_state_that_only_masks_need(tmp_path: Path) -> None:
    content = manifest(Spec())
    renamed = json.loads(json.dumps({k: content[k] for k in ("inputs", "outputs", "states")}))
    renamed["states"][1]["key"] = "last"
    session = StreamingSession(write(tmp_path / "net.onnx", golden=False, **renamed))
    session.rnn_set_previous_state(0, {"h": H + 0.5})
    np.testing.assert_allclose(session.rnn_time_step(X), in_numpy(Spec(), X, None, {"h": H + 0.5, "c": H + 0.5})[0], atol=1e-6)


def test_bytes_hold_all(session: StreamingSession) -> None:
    session.rnn_time_step(X)
    snapshot = session.snapshot()
    again = StateSnapshot.from_bytes(snapshot.to_bytes())
    assert again.model == snapshot.model == 64 * "0"
    assert equal(dict(again.states), dict(snapshot.states))
    assert equal(safetensors.numpy.load(snapshot.to_bytes()), dict(snapshot.states))  # any reader of safetensors can take them


def test_a_snapshot_without_a_digest_travels_too() -> None:
    assert StateSnapshot.from_bytes(StateSnapshot({"state_00_h": H}).to_bytes()).model is None


def test_every_cut_is_told(session: StreamingSession) -> None:
    session.rnn_time_step(X)
    data = session.snapshot().to_bytes()
    for length in range(len(data)):
        with pytest.raises(StateError, match=r"from_bytes: (these \d+ bytes are no snapshot|the snapshot is truncated or altered)"):
            StateSnapshot.from_bytes(data[:length])


def test_every_altered_byte_of_the_values_is_told(session: StreamingSession) -> None:
    session.rnn_time_step(X)
    data = session.snapshot().to_bytes()
    for place in range(len(data) - 80, len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(StateError, match=r"the snapshot was altered: its values do not match its digest"):
            StateSnapshot.from_bytes(bytes(changed))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"these 0 bytes are no snapshot"),
        (b"hello, this is text", r"these 19 bytes are no snapshot"),
        ("text", r"expected bytes, got str"),
        (safetensors.numpy.save({"a": H}), r"these are safetensors, but none that StateSnapshot.to_bytes made"),
        (
            safetensors.numpy.save({"a": H}, metadata={"format": "2", "sha256": "0"}),
            r"the snapshot has format 2, this version of rnngraph reads up to 1; run: pip install --upgrade rnngraph",
        ),
    ],
)
def test_bytes_of_other_things(data: bytes, message: str) -> None:
    with pytest.raises(StateError, match=message):
        StateSnapshot.from_bytes(data)


def test_without_safetensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(MissingDependencyError, match=r"need safetensors, which is not installed; run: pip install safetensors"):
        StateSnapshot({"state_00_h": H}).to_bytes()
