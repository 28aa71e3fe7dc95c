"""Masked steps: of a network that reads them, and of one that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, read_manifest

MASK = np.array([[1, 0, 1, 1], [0, 1, 1, 0]], np.float32)


def opened(folder: Path, *layers: Any, masked: bool = True) -> StreamingSession:
    config = rg.MultiLayerConfiguration(seed=1, layers=list(layers))
    export_onnx(rg.MultiLayerNetwork(config), folder / f"{masked}.onnx", features_mask=masked)
    return StreamingSession(folder / f"{masked}.onnx")


def tagged(folder: Path, mode: Any, **options: Any) -> StreamingSession:
    return opened(folder, rg.LSTM(n_in=3, n_out=4, mask_mode=mode), rg.RnnOutputLayer(n_out=2), **options)


def holed() -> np.ndarray:
    """x [2, 3, 4] with NaN at masked steps."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    return np.where(MASK[:, None] != 0, x, np.nan).astype(np.float32)


def test_padding_that_is_read_has_to_be_finite(tmp_path: Path) -> None:
    session = tagged(tmp_path, "ignore")
    assert session.manifest.mask.padding_is_read
    message = r"^x is nan at row 0, feature 0, step 1, .*mask_mode='ignore' and reads padding too: fill them in, or give it"
    for call in (session.output, session.rnn_time_step):
        with pytest.raises(InputError, match=message):
            call(holed(), MASK)
    with pytest.raises(InputError, match=r"^x is nan at row 1, feature 0, step 0"):
        session.rnn_time_step(holed()[:, :, :1], MASK[:, :1])
    assert session.rnn_get_previous_state(0) == {}
    assert np.isfinite(session.output(np.nan_to_num(holed()), MASK)).all()


@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_padding_that_is_not_read_may_hold_anything(mode: str, tmp_path: Path) -> None:
    session = tagged(tmp_path, mode)
    assert not session.manifest.mask.padding_is_read
    real = np.broadcast_to(MASK[:, None] != 0, (2, 2, 4))
    np.testing.assert_array_equal(session.output(holed(), MASK)[real], session.output(np.nan_to_num(holed()), MASK)[real])


def test_the_rule_tells_hosts_without_rnngraph(tmp_path: Path) -> None:
    rule = tagged(tmp_path, "ignore").manifest.mask.rule
    assert rule is not None
    assert "Where padding_is_read is true, a layer computes with what the input holds at masked steps: feed finite values there" in rule
    unmasked = tagged(tmp_path, "ignore", masked=False).manifest.mask
    assert (unmasked.input, unmasked.padding_is_read, unmasked.rule) == (None, False, None)


def test_states_say_where_their_rows_are(tmp_path: Path) -> None:
    tagged(tmp_path, "hold")
    states = read_manifest(tmp_path / "True.onnx").states
    assert [(s.shape, s.batch_axis) for s in states] == [((4,), 0), ((4,), 0)]
