"""Calls in random order, against a model that keeps the state as two plain arrays and feeds the file by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnngraph.errors import InputError, StateError, StreamingError
from rnngraph.runtime import StreamingSession
from rnngraph.runtime.engine import Engine
from tests.runtime.files import Array, File, Spec, inputs


class Model:
    """What a session should do, in the plainest way."""

    def __init__(self, path: Path) -> None:
        self.engine = Engine(path)
        self.states: dict[str, Array] = {}

    def run(self, x: Array, states: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        zeros = {s.input: np.zeros((len(x), *s.shape), np.float32) for s in self.engine.manifest.states}
        results = self.engine.run({"x": x, **(states or zeros)})
        return results.pop("y"), {k.removeprefix("next_"): v for k, v in results.items()}

    def step(self, x: Array) -> Array:
        y, self.states = self.run(x, self.states)
        return y


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", ["cpu", "cuda"])
def test_random_calls(way: str, seed: int, file: File, as_on_cuda: Callable[[Path], StreamingSession]) -> None:
    draw = np.random.default_rng(seed)
    path = file(Spec(fragile=True))
    session, model = (StreamingSession if way == "cpu" else as_on_cuda)(path), Model(path)
    snapshots = [(session.snapshot(), dict(model.states))]
    rows = 2
    kept: list[tuple[Array, Array]] = []
    for call in draw.choice(["one", "deep", "chunk", "output", "bad", "fail", "batch", "clear", "row", "set", "snapshot", "restore"], 400):
        x = inputs(Spec(), rows, int(draw.integers(1, 6)), int(draw.integers(1000)))["x"]
        if call in ("one", "deep", "chunk"):
            x = x if call == "chunk" else x[:, :, :1]
            y = session.rnn_time_step(x[:, :, 0] if call == "one" else x)
            wanted = model.step(x)
            np.testing.assert_array_equal(y, wanted[:, :, 0] if call == "one" else wanted)
            kept.append((y, y.copy()))
        elif call == "output":
            np.testing.assert_array_equal(session.output(x), model.run(x, {})[0])
        elif call in ("bad", "fail"):
            x[-1, 0, -1] = np.nan if call == "bad" else 3
            for broken in (x, x[:, :, -1]):
                with pytest.raises(InputError if call == "bad" else StreamingError):
                    session.rnn_time_step(broken)
        elif call == "batch" and model.states:
            with pytest.raises(StateError):
                session.rnn_time_step(np.zeros((rows + 1, 3)))
        elif call == "clear":
            session.rnn_clear_previous_state()
            model.states, rows = {}, int(draw.integers(1, 5))
        elif call == "row" and model.states:
            row = int(draw.integers(rows))
            session.rnn_clear_previous_state(row)
            for name in model.states:
                model.states[name] = np.where(np.arange(rows)[:, None] == row, np.float32(0), model.states[name])
        elif call == "set":
            states = {k: v for k, v in inputs(Spec(), rows, 1, int(draw.integers(1000))).items() if k != "x"}
            session.rnn_set_previous_state(0, {k[-1]: v for k, v in states.items()})
            model.states = states
        elif call == "snapshot":
            snapshots.append((session.snapshot(), dict(model.states)))
        elif call == "restore":
            snapshot, states = snapshots[draw.integers(len(snapshots))]
            session.restore(snapshot)
            model.states = dict(states)
            rows = len(states["state_00_h"]) if states else rows
        held = session.rnn_get_previous_state(0)
        assert set(held) == {name[-1] for name in model.states}
        for name, array in model.states.items():
            np.testing.assert_array_equal(held[name[-1]], array)
    for y, copy in kept:
        np.testing.assert_array_equal(y, copy)
