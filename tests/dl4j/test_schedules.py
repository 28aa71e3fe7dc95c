"""DL4J's schedules, read from its JSON: the values that it recorded, i = 0 .. 60, by iteration and by epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnngraph.conf import MapSchedule, Sgd
from rnngraph.conf.schedules import Schedule, as_schedule
from rnngraph.dl4j.document import Node
from rnngraph.dl4j.updaters import schedule

NAMES = ["cycle", "cycle_short", "exponential", "fixed", "inverse", "map", "poly", "ramp_exponential", "ramp_fixed", "sigmoid", "step"]


def read(stored: dict[str, Any]) -> Schedule:
    return as_schedule(schedule(Node(stored, "schedules.json")))


@pytest.mark.parametrize("kind", ["iteration", "epoch"])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_dl4js(name: str, kind: str, goldens: Path) -> None:
    folder = goldens / "schedules"
    if not folder.is_dir():
        pytest.skip("the whole collection of recorded cases is not beside this clone")
    ours = read(json.loads((folder / "schedules.json").read_text())[f"{name}_{kind}"])
    with np.load(folder / "arrays.npz") as arrays:
        theirs = arrays[f"{name}_{kind}"]
    values = [ours.value_at(i, 0) if kind == "iteration" else ours.value_at(0, i) for i in range(len(theirs))]
    np.testing.assert_allclose(values, theirs, rtol=1e-12, atol=1e-15)


def test_every_recorded_schedule_is_compared(goldens: Path) -> None:
    path = goldens / "schedules" / "schedules.json"
    if not path.is_file():
        pytest.skip("the whole collection of recorded cases is not beside this clone")
    assert set(json.loads(path.read_text())) == {f"{name}_{kind}" for name in NAMES for kind in ("iteration", "epoch")}


def test_the_keys_of_a_map_may_stand_in_any_order() -> None:
    """DL4J keeps them in a hash map, where 10 stands before 2."""
    stored = {"@class": "org.nd4j.linalg.schedule.MapSchedule", "scheduleType": "EPOCH", "values": {"10": 0.3, "0": 0.1, "2": 0.2}}
    assert read(stored) == MapSchedule("epoch", {0: 0.1, 2: 0.2, 10: 0.3})
    assert Sgd(read(stored)).learning_rate == read(stored)
