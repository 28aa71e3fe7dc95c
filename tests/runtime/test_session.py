"""StreamingSession: whose arrays are whose, what is kept, and what a failed call leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnngraph.errors import InputError, StreamingError
from rnngraph.runtime import StreamingSession
from tests.runtime.files import File, Spec, inputs, write

LSTM = Spec()


def x_of(spec: Spec, n: int = 2, t: int = 6, seed: int = 1) -> np.ndarray:
    return inputs(spec, n, t, seed)["x"]


def test_what_it_says_of_itself(file: File) -> None:
    path = file(LSTM)
    session = StreamingSession(path)
    assert session.path == str(path)
    assert session.device == "cpu"
    assert session.manifest.producer == "rnngraph 0.1.0"
    assert repr(session) == f"StreamingSession('{path}', x [N, 3, T] -> y [N, 4, T], device='cpu')"


@pytest.mark.parametrize("spec", [Spec(), Spec(steps=1), Spec(masked=True), Spec(last=True)], ids=repr)
def test_results_are_never_overwritten(spec: Spec, file: File) -> None:
    session = StreamingSession(file(spec))
    x = x_of(spec, t=12)
    results, copies = [], []
    for t in range(12):
        for y in (
            session.rnn_time_step(x[:, :, t]),
            session.rnn_time_step(x[:, :, t : t + 1]),
            session.rnn_time_step(x),
            session.output(x),
        ):
            results.append(y)
            copies.append(y.copy())
        held = session.rnn_get_previous_state(0)["h"]
        results.append(held)
        copies.append(held.copy())
    for result, copy in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result, copy)
        result[...] = 7.0  # they are the caller's, to write into as well


def test_writing_into_results_changes_no_later_step(file: File) -> None:
    careless, careful = StreamingSession(file(LSTM)), StreamingSession(file(LSTM))
    x = x_of(LSTM, t=9)
    for start, end in ((0, 1), (1, 4), (4, 5), (5, 9)):
        y = careless.rnn_time_step(x[:, :, start:end])
        np.testing.assert_array_equal(y, careful.rnn_time_step(x[:, :, start:end]))
        y[...] = 1e9
        for array in careless.rnn_get_previous_state(0).values():
            array[...] = 1e9


def test_the_caller_may_reuse_its_array_for_x(file: File) -> None:
    session, other = StreamingSession(file(LSTM)), StreamingSession(file(LSTM))
    x, buffer = x_of(LSTM, t=5), np.empty((2, 3), np.float32)
    for t in range(5):
        buffer[...] = x[:, :, t]
        y = session.rnn_time_step(buffer)
        buffer[...] = np.nan
        np.testing.assert_array_equal(y, other.rnn_time_step(x[:, :, t]))


def test_output_leaves_the_streaming_state_alone(file: File) -> None:
    session, other = StreamingSession(file(LSTM)), StreamingSession(file(LSTM))
    x = x_of(LSTM)
    for t in range(6):
        session.output(x_of(LSTM, n=5, t=t + 1, seed=t))
        np.testing.assert_array_equal(session.rnn_time_step(x[:, :, t]), other.rnn_time_step(x[:, :, t]))


@pytest.mark.parametrize("given", ["list", "float64", "int", "strided", "big-endian"])
def test_x_of_other_kinds(given: str, file: File) -> None:
    session, other = StreamingSession(file(LSTM)), StreamingSession(file(LSTM))
    whole = np.array([[[1, 0, 2], [0, 1, 0], [1, 1, 0]]], np.float32)
    for t in range(3):
        x = whole[:, :, t].copy()
        kinds = {
            "list": x.tolist(),
            "float64": x.astype(np.float64),
            "int": x.astype(np.int64),
            "strided": whole[:, :, t],
            "big-endian": x.astype(">f4"),
        }
        np.testing.assert_array_equal(session.rnn_time_step(kinds[given]), other.rnn_time_step(x))


def test_float64_files_compute_in_float64(file: File) -> None:
    session = StreamingSession(file(Spec(masked=True, data_type="float64")))
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    assert session.output(x).dtype == np.float64
    np.testing.assert_array_equal(np.stack([session.rnn_time_step(x[:, :, t]) for t in range(5)], 2), session.output(x))
    assert session.rnn_get_previous_state(0)["h"].dtype == np.float64


def test_stepping_a_file_that_does_not_stream(file: File) -> None:
    session = StreamingSession(file(Spec(streams=False)))
    wanted = r"cannot be fed step by step: layer 0 \(Bidirectional\) runs backwards in time; output\(x\) computes whole sequences"
    with pytest.raises(StreamingError, match=wanted):
        session.rnn_time_step(x_of(LSTM)[:, :, 0])
    np.testing.assert_array_equal(session.output(x_of(LSTM)), StreamingSession(file(LSTM)).output(x_of(LSTM)))


# Failures


@pytest.mark.parametrize("steps", [None, 1])
def test_a_step_that_fails_in_onnxruntime_can_be_repeated(steps: int | None, file: File) -> None:
    session, other = StreamingSession(file(Spec(fragile=True, steps=steps))), StreamingSession(file(Spec(steps=steps)))
    x = x_of(LSTM, t=8)
    session.rnn_time_step(x[:, :, 0])
    before = session.rnn_get_previous_state(0)
    bad = x.copy()
    bad[0, 0, 5] = 2
    for broken in (bad[:, :, 5], bad[:, :, 5:6], bad[:, :, 2:]):
        with pytest.raises(StreamingError, match=r"onnxruntime failed, the state is as it was before the call: ") as caught:
            session.rnn_time_step(broken)
        assert caught.value.__cause__ is not None
        assert str(caught.value).endswith(str(caught.value.__cause__))
        np.testing.assert_equal(session.rnn_get_previous_state(0), before)
    with pytest.raises(StreamingError, match=r"onnxruntime failed"):
        session.output(bad)
    other.rnn_time_step(x[:, :, 0])
    for t in range(1, 8):
        np.testing.assert_allclose(session.rnn_time_step(x[:, :, t]), other.rnn_time_step(x[:, :, t]), atol=1e-6)


def test_a_first_step_that_fails_leaves_no_state(file: File) -> None:
    session = StreamingSession(file(Spec(fragile=True)))
    for x in (np.full((2, 3), 2.0), np.full((2, 3, 4), 2.0)):
        with pytest.raises(StreamingError, match="onnxruntime failed"):
            session.rnn_time_step(x)
        assert session.rnn_get_previous_state(0) == {}
    assert session.rnn_time_step(np.zeros((5, 3))).shape == (5, 4)


def test_an_op_that_onnxruntime_has_not_in_float64(tmp_path: Path) -> None:
    session = StreamingSession(write(tmp_path / "net.onnx", Spec(data_type="float64"), golden=False))
    with pytest.raises(StreamingError, match=r"onnxruntime failed.*double"):
        session.output(x_of(LSTM))


@pytest.mark.parametrize(("option", "value"), [("device", "gpu"), ("device", None), ("threads", 0), ("threads", 1.5), ("threads", True)])
def test_options_that_are_none(option: str, value: object, file: File) -> None:
    expected = "'cpu', 'cuda' or 'auto'" if option == "device" else "a whole number of at least 1"
    with pytest.raises(InputError, match=rf"{option}={value!r}: expected {expected}"):
        StreamingSession(file(LSTM), **{option: value})  # type: ignore[arg-type]
