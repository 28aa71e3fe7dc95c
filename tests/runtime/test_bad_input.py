"""Arrays that do not fit are refused before onnxruntime sees them, and the stream goes on as if nothing had been."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import InputError, StateError
from rnngraph.runtime import StreamingSession
from rnngraph.runtime.engine import Engine
from tests.runtime.files import File, Spec, inputs, printed

X = inputs(Spec(), 2, 6)["x"]


def with_nan(value: float = np.nan) -> np.ndarray:
    x = X.copy()
    x[1, 2, 4] = value
    return x


def refused(path: Path, message: str, *given: Any, calls: tuple[str, ...] = ("rnn_time_step", "output")) -> None:
    """InputError before the first step and amid a stream, which goes on as the one beside it."""
    session, other = StreamingSession(path), StreamingSession(path)
    for t in range(2):
        before = session.rnn_get_previous_state(0)
        for call in calls:
            with pytest.raises(InputError, match=message):
                getattr(session, call)(*given)
        np.testing.assert_equal(session.rnn_get_previous_state(0), before)
        np.testing.assert_array_equal(session.rnn_time_step(X[:, :, t]), other.rnn_time_step(X[:, :, t]))


CASES = {
    "transposed": (X.transpose(0, 2, 1), r"x has 6 features .*expected \[N, 3, T\]. If it is \[N, T, F\], give x\.transpose\(0, 2, 1\)"),
    "features": (np.zeros((2, 4, 6)), r"x has 4 features .*the network takes 3"),
    "rank 1": (np.zeros(3), r"x has shape \[3\], rank 1; expected \[N, 3, T\]"),
    "rank 4": (np.zeros((2, 3, 6, 1)), r"x has shape \[2, 3, 6, 1\], rank 4; expected"),
    "strings": (np.full((2, 3, 6), "a"), r"x is an array of <U1 .*expected real numbers"),
    "a string": ("text", r"expected real numbers"),
    "complex": (np.zeros((2, 3, 6), complex), r"x is an array of complex128"),
    "ragged": ([[[1.0, 2.0], [1.0]]], r"x is a list that numpy cannot make an array of"),
    "no rows": (np.zeros((0, 3, 6)), r"x has shape \[0, 3, 6\], which has no rows; expected at least one"),
    "no steps": (np.zeros((2, 3, 0)), r"x has shape \[2, 3, 0\], which has no time steps; expected at least one"),
    "NaN": (with_nan(), r"x is nan at row 1, feature 2, step 4, the first of 1 values that are not finite"),
    "infinity": (with_nan(-np.inf), r"x is -inf .*at row 1, feature 2, step 4"),
    "beyond float32": (X.astype(np.float64) * 1e300, r"x is -?inf \(float32 reaches 3\.4e\+38\) at row 0, feature 0, step 0"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spec", [Spec(), Spec(steps=1), Spec(batch=2)], ids=repr)
def test_x(case: str, spec: Spec, file: File) -> None:
    x, message = CASES[case]
    refused(file(spec), message, x)


STEPS = {
    "features": (np.zeros((2, 4), np.float32), r"x has 4 features \(shape \[2, 4\] read as \[N, F\]\), but the network takes 3"),
    "turned": (np.zeros((3, 2), np.float32), r"x has 2 features .*If it is \[F, N\], give x\.T"),
    "no rows": (np.zeros((0, 3), np.float32), r"which has no rows"),
    "NaN": (np.array([[0, 0, 0], [0, np.nan, 0]], np.float32), r"x is nan at row 1, feature 1, step 0"),
    "infinity": (np.array([[0, 0, np.inf], [0, 0, 0]], np.float32), r"x is inf .*at row 0, feature 2, step 0"),
}


@pytest.mark.parametrize("case", STEPS)
@pytest.mark.parametrize("masked", [False, True])
def test_one_step(case: str, masked: bool, file: File) -> None:
    x, message = STEPS[case]
    refused(file(Spec(masked=masked)), message, x, calls=("rnn_time_step",))


MASKS = {
    "shape": (np.ones((2, 5)), r"features_mask has shape \[2, 5\]; expected \[2, 6\]"),
    "turned": (np.ones((6, 2)), r"features_mask has shape \[6, 2\]; expected \[2, 6\].*give features_mask\.T"),
    "a half": (np.full((2, 6), 0.5), r"features_mask is 0\.5 at row 0, step 0; a mask holds 1 where a step exists"),
    "two": (np.full((2, 6), 2.0), r"features_mask is 2\.0 at row 0, step 0"),
    "NaN": (np.full((2, 6), np.nan), r"features_mask is nan at row 0, step 0"),
}


@pytest.mark.parametrize("case", MASKS)
def test_masks(case: str, file: File) -> None:
    mask, message = MASKS[case]
    refused(file(Spec(masked=True)), message, X, mask)


def test_a_mask_for_a_file_without(file: File) -> None:
    message = r"features_mask was given, but .*onnx has no mask input; export it with export_onnx\(net, path, features_mask=True\)"
    refused(file(Spec()), message, X, np.ones((2, 6)))


def test_nan_at_a_real_step_of_a_masked_array(file: File) -> None:
    mask = np.ones((2, 6))
    mask[1, 3] = 0
    refused(file(Spec(masked=True)), r"x is nan at row 1, feature 2, step 4", with_nan(), mask)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_another_batch_than_that_of_the_file(value: float, file: File) -> None:
    message = r"x has 3 rows, but .*onnx was exported for batch=2; give 2 rows, or export with batch=None"
    refused(file(Spec(batch=2)), message, np.full((3, 3, 6), value))


@pytest.mark.parametrize("steps", [1, 3])
def test_another_batch_without_clearing(steps: int, file: File) -> None:
    session, other = StreamingSession(file(Spec())), StreamingSession(file(Spec()))
    for one in (session, other):
        one.rnn_time_step(X[:, :, :steps])
    for rows in (1, 3):
        message = rf"x has {rows} rows, but the state that is held has 2.*call rnn_clear_previous_state\(\) before a batch of another size"
        x = np.zeros((rows, 3, 2), np.float32)
        for broken in (x, x[:, :, :1], x[:, :, 0]):
            with pytest.raises(StateError, match=message):
                session.rnn_time_step(broken)
    np.testing.assert_array_equal(session.rnn_time_step(X), other.rnn_time_step(X))
    session.rnn_clear_previous_state()
    assert session.rnn_time_step(np.zeros((3, 3))).shape == (3, 4)


# The last line before onnxruntime: what reaches it fits the manifest, whoever feeds it.

FEEDS: dict[str, tuple[dict[str, np.ndarray | None], str]] = {
    "missing": ({"state_00_c": None}, r"the file takes x, state_00_h, state_00_c; given: x, state_00_h$"),
    "x alone": ({"state_00_h": None, "state_00_c": None}, r"the file takes x, state_00_h, state_00_c; given: x$"),
    "type": ({"x": np.zeros((2, 3, 6))}, r"x has the type float64, expected float32"),
    "no rows": ({"x": np.zeros((0, 3, 6), np.float32)}, r"x has the shape \[0, 3, 6\], expected \[N, 3, T\].*no axis of length 0"),
    "no steps": ({"x": np.zeros((2, 3, 0), np.float32)}, r"x has the shape \[2, 3, 0\]"),
    "rank": ({"state_00_h": np.zeros(5, np.float32)}, r"state_00_h has the shape \[5\], expected \[N, 5\], with N = 2, T = 6"),
    "one row": ({"state_00_h": np.zeros((1, 5), np.float32)}, r"state_00_h has the shape \[1, 5\], expected \[N, 5\], with N = 2, T = 6"),
}


@pytest.mark.parametrize("case", FEEDS)
def test_the_engine_checks_all_once_more(case: str, file: File) -> None:
    changes, message = FEEDS[case]
    engine, feeds = Engine(file(Spec())), inputs(Spec(), 2, 6)
    assert engine.run(feeds)["y"].shape == (2, 4, 6)
    with pytest.raises(InputError, match=message):
        engine.run({k: v for k, v in {**feeds, **changes}.items() if v is not None})


PROGRAM = """
import sys
import numpy as np
from rnngraph.errors import InputError
from rnngraph.runtime import StreamingSession

for path in sys.argv[1:]:
    session = StreamingSession(path)
    session.rnn_time_step(np.zeros((2, 3)))
    for shape in ((0, 3, 4), (2, 3, 0), (0, 3, 0), (0, 3), (0, 3, 1)):
        for call in (session.output, session.rnn_time_step):
            try:
                call(np.zeros(shape, np.float32))
            except InputError:
                print("refused")
    assert session.rnn_time_step(np.zeros((2, 3))).shape == (2, 4)
print("alive")
"""


def test_the_process_lives(file: File) -> None:
    """onnxruntime itself ends the process for N = 0 or T = 0, which no test beside this one would survive."""
    told = printed(PROGRAM, *(file(spec) for spec in (Spec(), Spec(masked=True), Spec(steps=1))))
    assert told.split() == ["refused"] * 30 + ["alive"]
