"""Snapshots as bytes: round trips, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from rnngraph.errors import StateError
from rnngraph.runtime import StateSnapshot, StreamingSession
from tests.deployment.exported import draw, export

SNAPSHOT = StateSnapshot({"state_00_h": np.arange(6, dtype=np.float32).reshape(2, 3)}, "ab" * 32)


def test_a_stream_goes_on_from_bytes(tmp_path: Path) -> None:
    file, x = export(tmp_path), draw(2, 5)
    first = StreamingSession(file)
    first.rnn_time_step(x[:, :, :3])
    data = first.snapshot().to_bytes()
    second = StreamingSession(file)
    second.restore(StateSnapshot.from_bytes(data))
    np.testing.assert_array_equal(second.rnn_time_step(x[:, :, 3:]), first.output(x)[:, :, 3:])


def test_before_the_first_step_it_is_empty(tmp_path: Path) -> None:
    session = StreamingSession(export(tmp_path))
    again = StateSnapshot.from_bytes(session.snapshot().to_bytes())
    assert again.states == {}
    assert again.model == session.manifest.parameters_sha256
    session.rnn_time_step(draw(3, 1))
    session.restore(again)
    assert session.rnn_get_previous_state(0) == {}


@pytest.mark.parametrize("kept", [0, 5, 40, -1])
def test_truncated_bytes(kept: int) -> None:
    with pytest.raises(StateError, match=r"from_bytes: .*(truncated|altered)"):
        StateSnapshot.from_bytes(SNAPSHOT.to_bytes()[:kept])


def test_altered_bytes() -> None:
    data = bytearray(SNAPSHOT.to_bytes())
    data[-1] ^= 1
    with pytest.raises(StateError, match=r"was altered: its values do not match its digest"):
        StateSnapshot.from_bytes(bytes(data))


def test_bytes_of_something_else() -> None:
    with pytest.raises(StateError, match=r"none that StateSnapshot\.to_bytes made"):
        StateSnapshot.from_bytes(save({"a": np.zeros(1)}))
    with pytest.raises(StateError, match=r"expected bytes, got str"):
        StateSnapshot.from_bytes("text")  # type: ignore[arg-type]
    with pytest.raises(StateError, match=r"format 2, this version of rnngraph reads up to 1; run: pip install --upgrade"):
        StateSnapshot.from_bytes(save({}, metadata={"format": "2", "sha256": "0"}))
