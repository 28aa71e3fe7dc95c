"""Snapshots of a session's state: going back, moving on elsewhere, and their bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from rnngraph import state
from rnngraph.errors import MissingDependencyError, StateError
from rnngraph.runtime import StateSnapshot, StreamingSession
from tests.runtime.files import File, Spec, inputs, printed

X = inputs(Spec(), 2, 8)["x"]
H = np.zeros((2, 5), np.float32)
WRITTEN_BEFORE = bytes.fromhex(
    "40010000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a2231222c226d6f64656c223a2230303030303030303030303030"
    "303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030222c22736861323536"
    "223a22343437653161643332306137333231383739353261383166623233653537306232616332323261313631303830616533363839336132383232"
    "30313338643035227d2c2273746174655f30305f63223a7b226474797065223a22463332222c227368617065223a5b322c355d2c22646174615f6f66"
    "6673657473223a5b302c34305d7d2c2273746174655f30305f68223a7b226474797065223a22463332222c227368617065223a5b322c355d2c226461"
    "74615f6f666673657473223a5b34302c38305d7d7d20202020202020000000000000803d0000003e0000403e0000803e0000a03e0000c03e0000e03e"
    "0000003f0000103f000000000000803d0000003e0000403e0000803e0000a03e0000c03e0000e03e0000003f0000103f"
)
"""What to_bytes wrote before snapshots counted steps."""


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
    snapshot = StateSnapshot.from_bytes(session.snapshot().to_bytes())
    assert snapshot.states == {}
    assert snapshot.model == session.manifest.parameters_sha256
    first = session.rnn_time_step(X)
    session.restore(snapshot)
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
    assert printed(PROGRAM, session.path, state_file, x, y) == ""
    np.testing.assert_array_equal(np.load(y), session.rnn_time_step(X[:, :, 1:]))


def test_of_another_model(session: StreamingSession, file: File) -> None:
    other = StreamingSession(file(Spec(seed=4)))
    other.rnn_time_step(X)
    wanted = rf"whose parameters have the sha-256 {4:064x}, those of .*onnx have {0:064x}; restore it into a session of the file"
    session.rnn_time_step(X[:, :, 0])
    before = session.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=wanted):
        session.restore(other.snapshot())
    np.testing.assert_equal(session.rnn_get_previous_state(0), before)


def test_of_a_network_in_torch_which_knows_no_digest(session: StreamingSession) -> None:
    session.restore(state.StateSnapshot({"state_00_h": H, "state_00_c": H}))
    np.testing.assert_equal(session.rnn_get_previous_state(0), {"h": H, "c": H})
    with pytest.raises(StateError, match=r"the snapshot has the states state_00_h, this network has state_00_h, state_00_c"):
        session.restore(state.StateSnapshot({"state_00_h": H}))
    with pytest.raises(StateError, match=r"it was taken of another network"):
        session.restore(state.StateSnapshot({"state_00_h": H, "state_00_c": H, "state_01_h": H}))


def test_a_state_that_only_masks_need_is_left_out_where_the_file_has_none(session: StreamingSession) -> None:
    """LastTimeStep keeps the last output it saw; without masks that is h."""
    session.restore(state.StateSnapshot({"state_00_h": H, "state_00_c": H, "state_00_last": H}))
    assert list(session.rnn_get_previous_state(0)) == ["h", "c"]


def test_bytes_hold_all(session: StreamingSession) -> None:
    session.rnn_time_step(X)
    snapshot = session.snapshot()
    again = StateSnapshot.from_bytes(snapshot.to_bytes())
    assert again.model == snapshot.model == 64 * "0"
    np.testing.assert_equal(again.states, snapshot.states)
    np.testing.assert_equal(safetensors.numpy.load(snapshot.to_bytes()), snapshot.states)  # any reader of safetensors can take them


def test_a_snapshot_without_a_digest_travels_too() -> None:
    again = StateSnapshot.from_bytes(StateSnapshot({"state_00_h": H}).to_bytes())
    assert (again.model, again.steps) == (None, None)


def test_bytes_tell_the_number_of_steps_and_older_ones_need_not(session: StreamingSession) -> None:
    session.rnn_time_step(X)
    data = session.snapshot().to_bytes()
    assert StateSnapshot.from_bytes(data).steps == 8
    snapshot = StateSnapshot.from_bytes(WRITTEN_BEFORE)
    assert (snapshot.steps, snapshot.model) == (None, 64 * "0")
    np.testing.assert_array_equal(snapshot.states["state_00_h"], np.arange(10, dtype=np.float32).reshape(2, 5) / 16)
    session.restore(snapshot)
    session.rnn_time_step(X)
    assert session.snapshot().steps is None


@pytest.mark.parametrize("steps", [-1, 1.5, "3", True])
def test_a_number_of_steps_that_is_none(steps: object) -> None:
    with pytest.raises(StateError, match=rf"^StateSnapshot: steps is {steps!r}; expected a whole number of at least 0, or None$"):
        StateSnapshot({}, steps=steps)  # type: ignore[arg-type]


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
    data = StateSnapshot({"state_00_h": H}).to_bytes()
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(MissingDependencyError, match=r"need safetensors, which is not installed; run: pip install safetensors"):
        StateSnapshot({"state_00_h": H}).to_bytes()
    with pytest.raises(MissingDependencyError, match=r"pip install safetensors"):
        StateSnapshot.from_bytes(data)
