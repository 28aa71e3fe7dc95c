"""States and snapshots that move between the files of one network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import StateError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StateSnapshot, StreamingSession


def last_seen(folder: Path, *, masked: bool) -> StreamingSession:
    last = rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4, mask_mode="ignore"))
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=[last, rg.OutputLayer(n_out=2)]))
    export_onnx(net, folder / f"{masked}.onnx", features_mask=masked)
    return StreamingSession(folder / f"{masked}.onnx")


def test_what_get_gives_set_takes_in_every_file_of_the_network(tmp_path: Path) -> None:
    """The state ``last`` is in the file with a mask only; without one it equals h."""
    masked, plain = (last_seen(tmp_path, masked=m) for m in (True, False))
    x = np.random.default_rng(0).standard_normal((2, 3, 5)).astype(np.float32)
    masked.rnn_time_step(x)
    state = masked.rnn_get_previous_state(0)
    assert sorted(state) == ["c", "h", "last"]
    plain.rnn_set_previous_state(0, state)
    held = plain.rnn_get_previous_state(0)
    assert sorted(held) == ["c", "h"]
    masked.rnn_set_previous_state(0, held)
    np.testing.assert_array_equal(masked.rnn_time_step(x), plain.rnn_time_step(x))
    with pytest.raises(StateError, match=r"layers\[0\]: the state has the keys h, c, first, expected h, c"):
        plain.rnn_set_previous_state(0, {**held, "first": held["h"]})


@pytest.mark.parametrize(("key", "value"), [("model", "f" * 64), ("model", ""), ("format", "0"), ("note", "mine")])
def test_what_is_said_of_a_snapshot_is_in_its_digest(key: str, value: str) -> None:
    data = StateSnapshot({"state_00_h": np.ones((2, 3), np.float32)}, "e" * 64).to_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"][key] = value
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with pytest.raises(StateError, match=r"the snapshot was altered: its values do not match its digest; take it anew"):
        StateSnapshot.from_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    assert StateSnapshot.from_bytes(data).model == "e" * 64
