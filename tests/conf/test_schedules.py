"""Schedules: values against formulas worked out by hand, and mistakes. Parity with DL4J is in tests/dl4j/test_schedules.py."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rnngraph.conf import (
    CycleSchedule,
    ExponentialSchedule,
    FixedSchedule,
    InverseSchedule,
    MapSchedule,
    PolySchedule,
    RampSchedule,
    SigmoidSchedule,
    StepSchedule,
)
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (FixedSchedule(0.5), {0: 0.5, 99: 0.5}),
        (StepSchedule("iteration", 0.5, 0.1, 2), {0: 0.5, 1: 0.5, 2: 0.05, 3: 0.05, 4: 0.005}),
        (ExponentialSchedule("iteration", 0.5, 0.1), {0: 0.5, 1: 0.05, 3: 0.0005}),
        (InverseSchedule("iteration", 0.5, 3.0, 0.5), {0: 0.5, 1: 0.25, 5: 0.125}),
        (SigmoidSchedule("iteration", 0.5, 0.0, 2), {0: 0.25, 7: 0.25}),
        (SigmoidSchedule("iteration", 1.0, math.log(3), 2), {2: 0.5, 3: 0.75, 1: 0.25}),
        (PolySchedule("iteration", 0.5, 2.0, 4), {0: 0.5, 2: 1.125, 3: 1.53125, 4: 0.0, 5: 0.0}),
        (MapSchedule("iteration", {0: 0.5, 2: 0.25, 7: 1.0}), {0: 0.5, 1: 0.5, 2: 0.25, 6: 0.25, 7: 1.0, 99: 1.0}),
        (RampSchedule(FixedSchedule(0.5), 4), {0: 0.125, 1: 0.25, 2: 0.375, 3: 0.5, 4: 0.5}),
        (CycleSchedule("iteration", 1.0, 3.0, 6, 2, 0.5), {0: 1.0, 1: 2.0, 2: 3.0, 3: 2.0, 4: 1.0, 5: 0.5, 6: 1.0, 8: 3.0}),
    ],
    ids=lambda v: v.tag() if not isinstance(v, dict) else "",
)
def test_values(schedule: Any, values: dict[int, float]) -> None:
    for i, value in values.items():
        assert schedule.value_at(i, 0) == pytest.approx(value, rel=1e-14), i
        if "schedule_type" in type(schedule).model_fields:
            by_epoch = schedule.replaced(schedule_type="epoch")
            assert by_epoch.value_at(0, i) == schedule.value_at(i, 0)
            assert by_epoch.value_at(i, 0) == schedule.value_at(0, i) == schedule.value_at(0, 0)


def test_a_ramp_counts_iterations_over_a_schedule_by_epochs_too() -> None:
    ramp = RampSchedule(StepSchedule("epoch", 1.0, 0.5, 1), 4)
    assert [ramp.value_at(i, e) for i, e in ((0, 0), (1, 1), (3, 1), (9, 2))] == [0.25, 0.25, 0.5, 0.25]


def test_numbers_that_are_too_large_are_infinite_and_too_small_ones_0() -> None:
    assert ExponentialSchedule("iteration", 1.0, 10.0).value_at(400, 0) == math.inf
    assert InverseSchedule("iteration", 1.0, 1e200, 2.0).value_at(9, 0) == 0.0
    assert InverseSchedule("iteration", 1.0, 1e200, -2.0).value_at(9, 0) == math.inf
    assert SigmoidSchedule("iteration", 1.0, -1e300, 5).value_at(9, 0) == 0.0
    assert CycleSchedule("iteration", 1.0, 3.0, 10, 1, 0.0).value_at(8, 0) == math.inf  # 0 to the power of -1, as in DL4J


def schedule(cls: Any, *settings: Any) -> Any:
    """Of settings that no type checker takes."""
    return cls(*settings)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: schedule(MapSchedule, "iteration", {0: 0.1, 5: 0.2, 3: 0.3}),
            r"values=.*: the key 3 stands behind 5; expected keys that ascend",
        ),
        (lambda: schedule(MapSchedule, "iteration", {1: 0.1}), "expected 0 as the first key: the value at the start"),
        (lambda: schedule(MapSchedule, "iteration", {}), "expected 0 as the first key"),
        (
            lambda: schedule(MapSchedule, "iteration", {0: 0.1, -1: 0.1}),
            "the key -1 is no iteration or epoch; expected whole numbers from 0 on",
        ),
        (lambda: schedule(MapSchedule, "iteration", {0: 0.1, 1.5: 0.1}), "the key 1.5 is no iteration or epoch"),
        (lambda: schedule(MapSchedule, "iteration", {0: math.nan}), "finite number"),
        (lambda: schedule(MapSchedule, "iteration", 0.1), r"expected values by iteration or epoch, as in \{0: 0.1, 1000: 0.01\}"),
        (
            lambda: schedule(StepSchedule, "iterations", 0.1, 0.5, 10),
            "schedule_type='iterations': expected one of iteration, epoch; did you mean",
        ),
        (lambda: StepSchedule("iteration", 0.1, 0.5, 0), "step=0.*: expected a number greater than 0"),
        (lambda: StepSchedule("iteration", math.nan, 0.5, 1), "initial_value=nan: expected a finite number"),
        (lambda: ExponentialSchedule("iteration", 0.1, -0.5), "gamma=-0.5: expected a number of at least 0"),
        (lambda: schedule(RampSchedule, 0.1, 10), r"base_schedule=0.1: expected a schedule \(FixedSchedule, "),
        (lambda: CycleSchedule("iteration", 0.1, 0.2, 3, 2), "cycle_length=3 and annealing_length=2 leave 1 for the way up and"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()
