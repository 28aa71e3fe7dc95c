"""Sessions of files of graphs: a list of inputs in, a list of outputs out, each with a time and a mask of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import InputError, StateError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StateSnapshot, StreamingSession
from tests.exporters.graphs import backward, captions, expected, gaps, one_time, series, stacked, translator, two_times, watching, words
from tests.exporters.networks import Net
from tests.runtime.files import Open

IN, TARGET = series((3, 5, 9)), series((3, 3, 6), seed=1)
IN_MASK, TARGET_MASK = gaps(3, 9), gaps(3, 6, seed=1)
A, WHO, B = series((2, 3, 7)), series((2, 4), seed=1), series((2, 2, 7), seed=2)


def real(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """y [N, C, T] at steps that exist."""
    steps: np.ndarray = y.transpose(0, 2, 1)[mask > 0]
    return steps


# Numbers, against the float64 reference


@pytest.mark.parametrize("target", ["portable", "cpu"])
def test_outputs_of_two_series_of_different_lengths(target: str, opened: Open) -> None:
    net = two_times()
    session = opened(net, features_mask=True, target=target)
    told, seen, last = session.output([IN, TARGET], features_masks=[IN_MASK, TARGET_MASK])
    masks = {"features_mask_in": IN_MASK, "features_mask_target": TARGET_MASK}
    want = expected(net, {"in": IN, "target": TARGET, **masks}, True)
    np.testing.assert_allclose(real(told, TARGET_MASK), real(want["told"], TARGET_MASK), atol=1e-6)
    np.testing.assert_allclose(real(seen, IN_MASK), real(want["seen"], IN_MASK), atol=1e-6)
    np.testing.assert_allclose(last, want["class"], atol=1e-6)


def test_a_mask_that_is_left_out_is_ones(opened: Open) -> None:
    net = two_times()
    session = opened(net, features_mask=True)
    want = expected(net, {"in": IN, "target": TARGET, "features_mask_target": TARGET_MASK}, ["target"])
    for masks in ([None, TARGET_MASK], {"target": TARGET_MASK}, {"target": TARGET_MASK, "in": None}, [np.ones((3, 9)), TARGET_MASK]):
        told, seen, _ = session.output([IN, TARGET], features_masks=masks)
        np.testing.assert_allclose(real(told, TARGET_MASK), real(want["told"], TARGET_MASK), atol=1e-6)
        np.testing.assert_allclose(seen, want["seen"], atol=1e-6)
    (plain, *_), want = session.output([IN, TARGET]), expected(net, {"in": IN, "target": TARGET})
    np.testing.assert_allclose(plain, want["told"], atol=1e-6)


def test_a_series_a_vector_and_a_series_of_the_same_length(opened: Open) -> None:
    net = one_time()
    (y,) = opened(net).output([A, WHO, B])
    np.testing.assert_allclose(y, expected(net, {"a": A, "who": WHO, "b": B})["y"], atol=1e-6)


def test_nothing_is_read_at_masked_steps(opened: Open) -> None:
    net = one_time()
    session = opened(net, features_mask=True)
    a_mask, b_mask = gaps(2, 7), gaps(2, 7, seed=4)
    masks = {"features_mask_a": a_mask, "features_mask_b": b_mask}
    given = {"a": np.where(a_mask[:, None] > 0, A, np.nan), "who": WHO, "b": np.where(b_mask[:, None] > 0, B, np.nan)}
    (y,) = session.output(given, features_masks={"a": a_mask, "b": b_mask})
    some = np.maximum(a_mask, b_mask)
    np.testing.assert_allclose(real(y, some), real(expected(net, {**given, **masks}, True)["y"], some), atol=1e-6)


def test_networks_that_need_whole_sequences_give_their_outputs(opened: Open) -> None:
    net = translator()
    (y,) = opened(net, features_mask=True).output([IN, TARGET], features_masks=[IN_MASK, None])
    want = expected(net, {"in": IN, "target": TARGET, "features_mask_in": IN_MASK}, ["in"])["y"]
    np.testing.assert_allclose(y, want, atol=1e-6)
    net, mask = backward(), gaps(3, 6)
    (y,) = opened(net, features_mask=True).output(TARGET, features_masks=mask)
    np.testing.assert_allclose(real(y, mask), real(expected(net, {"x": TARGET, "features_mask_x": mask}, True)["y"], mask), atol=1e-6)


def test_ids_beside_features(opened: Open) -> None:
    net, ids, beat = words(), np.random.default_rng(0).integers(0, 7, (2, 5)), series((2, 2, 5))
    session = opened(net)
    want = expected(net, {"word": ids, "beat": beat})["y"]
    for given in (ids, ids[:, None], ids.astype(float)):
        np.testing.assert_allclose(session.output([given, beat])[0], want, atol=1e-6)
    for t in range(5):
        (y,) = session.rnn_time_step([[ids[:, t], ids[:, t : t + 1]][t % 2], beat[:, :, t]])
        np.testing.assert_allclose(y, want[:, :, t], atol=1e-6)


def test_an_image_and_video_beside_series(opened: Open) -> None:
    net, image, s = captions(), series((2, 2, 4, 5)), series((2, 3, 4), seed=1)
    session = opened(net)
    y, seen = session.output([image, s])
    want = expected(net, {"image": image, "s": s})
    np.testing.assert_allclose(y, want["y"], atol=1e-6)
    np.testing.assert_allclose(seen, want["seen"], atol=1e-6)
    for t in range(4):
        form = image if t % 2 else image.reshape(2, 40)
        step, same = session.rnn_time_step([form, s[:, :, t]])
        np.testing.assert_array_equal(step, y[:, :, t])
        np.testing.assert_array_equal(same, seen)
    net, video = watching(), series((2, 2, 4, 5, 4))
    session = opened(net)
    (y,) = session.output([video, s])
    np.testing.assert_allclose(y, expected(net, {"video": video, "s": s})["y"], atol=1e-6)
    for t in range(4):
        np.testing.assert_array_equal(session.rnn_time_step([video[..., t], s[:, :, t]])[0], y[:, :, t])
    with pytest.raises(InputError, match=r"input 'video' has shape \[2, 4, 5, 2, 4\]; expected video \[N, 2, 4, 5, T\]"):
        session.output([video.transpose(0, 2, 3, 1, 4), s])


# Streaming: the same bits, whole, in pieces, step by step, and with each row alone


def fed(session: StreamingSession, xs: Sequence[Any], masks: Sequence[Any] | None, lengths: Sequence[int]) -> list[np.ndarray]:
    """The outputs of series [N, F, T] and vectors [N, F] fed in pieces; those with a time axis joined."""
    session.restore(StateSnapshot())
    results: list[list[np.ndarray]] = []
    at = 0
    steps = max(x.shape[-1] for x in xs if x.ndim == 3)
    while at < steps:
        end = at + lengths[len(results) % len(lengths)]
        part = [x[..., at:end] if x.ndim == 3 else x for x in xs]
        given = None if masks is None else [None if m is None else m[:, at:end] for m in masks]
        results.append(session.rnn_time_step(part, features_masks=given))
        at = end
    return [np.concatenate(ys, 2) if ys[0].ndim == 3 else ys[-1] for ys in zip(*results, strict=True)]


@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("build", [two_times, one_time])
def test_whole_chunked_stepped_and_row_alone_are_equal(build: Callable[..., Net], masked: bool, steps: int | None, opened: Open) -> None:
    xs = (
        [series((3, 5, 11)), series((3, 3, 11), seed=1)] if build is two_times else [series((3, 3, 11)), series((3, 4)), series((3, 2, 11))]
    )
    masks = [gaps(3, 11, seed=k) if x.ndim == 3 else None for k, x in enumerate(xs)] if masked else None
    session = opened(build(), features_mask=masked, steps=steps)
    whole = fed(session, xs, masks, [11])
    state = session.snapshot().states
    if not masked:
        for got, want in zip(session.output(xs), whole, strict=True):
            np.testing.assert_array_equal(got, want)
    for lengths in ([3, 1, 5], [1], [2]):
        for got, want in zip(fed(session, xs, masks, lengths), whole, strict=True):
            np.testing.assert_array_equal(got, want)
        np.testing.assert_equal(dict(session.snapshot().states), dict(state))
    for n in range(3):
        alone = fed(session, [x[n : n + 1] for x in xs], masks and [None if m is None else m[n : n + 1] for m in masks], [4])
        for got, want in zip(alone, whole, strict=True):
            np.testing.assert_array_equal(got, want[n : n + 1])


def test_series_go_on_each_at_its_own_pace(opened: Open) -> None:
    session = opened(two_times())
    told, seen, last = session.output([IN, TARGET])
    first = session.rnn_time_step([IN[:, :, :2], TARGET[:, :, :5]])
    second = session.rnn_time_step({"target": TARGET[:, :, 5:], "in": IN[:, :, 2:]})
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]], 2), told)
    np.testing.assert_array_equal(np.concatenate([first[1], second[1]], 2), seen)
    np.testing.assert_array_equal(second[2], last)


def test_one_step_without_a_time_axis(opened: Open) -> None:
    """On every way of giving it, the first step apart, which finds no buffers yet."""
    session = opened(one_time())
    whole = session.output([A, WHO, B])[0]
    for t in range(7):
        given = {"a": A[:, :, t], "who": WHO, "b": B[:, :, t].copy()}
        form: Any = given if t % 3 == 0 else list(given.values()) if t % 3 == 1 else tuple(given.values())
        result = session.rnn_time_step(form)
        assert isinstance(result, list)
        np.testing.assert_array_equal(result[0], whole[:, :, t])
    session.rnn_clear_previous_state()
    for t in range(7):
        (y,) = session.rnn_time_step([A[:, :, t : t + 1], WHO, B[:, :, t : t + 1]])
        np.testing.assert_array_equal(y, whole[:, :, t : t + 1])


def test_results_are_the_callers_own(opened: Open) -> None:
    session = opened(one_time())
    results = [session.rnn_time_step([A[:, :, t], WHO, B[:, :, t]])[0] for t in range(7)]
    copies = [y.copy() for y in results]
    session.output([A, WHO, B])[0][...] = 7
    session.rnn_time_step([A, WHO, B])
    for result, copy in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result, copy)
        result[...] = np.nan
    session.rnn_clear_previous_state()
    np.testing.assert_array_equal(session.rnn_time_step([A[:, :, 0], WHO, B[:, :, 0]])[0], copies[0])


def test_a_masked_step_keeps_the_state_and_the_next_call_is_whole_again(opened: Open) -> None:
    session = opened(two_times(), features_mask=True)
    step = [IN[:, :, 0], TARGET[:, :, 0]]
    session.rnn_time_step(step)
    held = session.rnn_get_previous_state("encoder")
    session.rnn_time_step(step, features_masks=[np.zeros(3), np.array([1, 0, 1])])
    np.testing.assert_equal(session.rnn_get_previous_state("encoder"), held)
    other = StreamingSession(session.path)
    other.restore(session.snapshot())
    for got, want in zip(session.rnn_time_step(step), other.rnn_time_step(step), strict=True):
        np.testing.assert_array_equal(got, want)


def test_the_bare_array_of_a_graph_with_one_input(opened: Open) -> None:
    net = one_input()
    session = opened(net, features_mask=True)
    whole = session.output(A)
    assert isinstance(whole, list)
    np.testing.assert_allclose(whole[0], expected(net, {"x": A})["y"], atol=1e-6)
    for given in ([A], {"x": A}):
        np.testing.assert_array_equal(session.output(given, features_masks=np.ones((2, 7)))[0], whole[0])
    for t in range(7):
        np.testing.assert_array_equal(session.rnn_time_step(A[:, :, t])[0], whole[0][:, :, t])


def one_input() -> Net:
    from tests.exporters.graphs import graph_net, head

    return graph_net("x", {"rnn": (rg.LSTM(n_in=3, n_out=4), "x"), "y": (head(), "rnn")}, "y")


# The state


def test_the_state_is_known_by_vertex_and_by_index(opened: Open) -> None:
    session = opened(two_times())
    assert session.rnn_get_previous_state("decoder") == {}
    session.rnn_time_step([IN, TARGET])
    np.testing.assert_equal(session.rnn_get_previous_state("decoder"), session.rnn_get_previous_state(1))
    before = session.snapshot()
    session.rnn_set_previous_state("decoder", {"prevAct": np.zeros((3, 4)), "prevMem": np.ones((3, 4))})
    assert session.rnn_get_previous_state(1)["c"].all()
    np.testing.assert_array_equal(session.rnn_get_previous_state("encoder")["h"], before.states["state_00_h"])
    session.restore(StateSnapshot.from_bytes(before.to_bytes()))
    np.testing.assert_equal(dict(session.snapshot().states), dict(before.states))
    session.rnn_clear_previous_state(rows=[1])
    assert not session.rnn_get_previous_state("decoder")["h"][1].any()
    with pytest.raises(StateError, match=r"vertex 'seen' is a RnnOutputLayer, which has no state; layers with state: 'encoder', 'decoder'"):
        session.rnn_get_previous_state("seen")
    with pytest.raises(StateError, match="there is no layer 'inner'; layers with state: 'encoder', 'decoder'"):
        session.rnn_set_previous_state("inner", {"h": np.zeros((3, 4))})
    with pytest.raises(StateError, match=r"vertex 'decoder': the state has the keys h, expected h, c"):
        session.rnn_set_previous_state("decoder", {"h": np.zeros((3, 4))})


def test_the_state_of_stacked_series_goes_to_a_file_without_masks_and_back(tmp_path: Path) -> None:
    net, xs = stacked(), [series((2, 3, 6)), series((2, 3, 4), seed=1)]
    sessions = []
    for name, masked in (("masked", True), ("plain", False)):
        export_onnx(net, tmp_path / f"{name}.onnx", features_mask=masked)
        sessions.append(StreamingSession(tmp_path / f"{name}.onnx"))
    masked_keys, plain_keys = ({s.key for s in one.manifest.states} for one in sessions)
    assert masked_keys == {"h", "c", "last", "h_1", "c_1", "last_1"}
    assert plain_keys == {"h", "c", "h_1", "c_1"}
    np.testing.assert_allclose(sessions[1].output(xs)[0], expected(net, dict(zip("ab", xs, strict=True)))["y"], atol=1e-6)
    for here, there in (sessions, sessions[::-1]):
        here.rnn_time_step(xs)
        there.restore(here.snapshot())
        np.testing.assert_array_equal(here.rnn_time_step(xs)[0], there.rnn_time_step(xs)[0])


def test_a_fixed_batch_names_the_vertex(opened: Open) -> None:
    session = opened(two_times(), batch=3)
    with pytest.raises(StateError, match=r"vertex 'encoder' has 2 rows, but .* was exported for batch=3; give 3 rows"):
        session.rnn_set_previous_state("encoder", {"h": np.zeros((2, 6)), "c": np.zeros((2, 6))})
    with pytest.raises(InputError, match=r"input 'in' has 1 rows, but .* was exported for batch=3; give 3 rows"):
        session.output([IN[:1], TARGET[:1]])


def test_another_batch_than_the_state(opened: Open) -> None:
    session = opened(two_times())
    session.rnn_time_step([IN, TARGET])
    with pytest.raises(StateError, match=r"the inputs have 2 rows, but the state that is held has 3"):
        session.rnn_time_step([IN[:2], TARGET[:2]])


def test_what_it_says_of_itself(opened: Open) -> None:
    session = opened(one_time())
    shapes = "a [N, 3, T], who [N, 4], b [N, 2, T] -> y [N, 3, T]"
    assert repr(session) == f"StreamingSession('{session.path}', {shapes}, device='cpu')"


@pytest.mark.parametrize("build", [two_times, one_time])
def test_steps_are_the_same_without_the_buffers_of_single_steps(
    build: Callable[[], Net], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffered = opened(build(), features_mask=True)
    plain = StreamingSession(buffered.path)
    monkeypatch.setattr(plain, "_stepper_for", lambda fed: None)
    xs = [IN[:, :, :6], TARGET] if build is two_times else [A, WHO, B]
    for t in range(6):
        step = [x[:, :, t] if x.ndim == 3 else x for x in xs]
        for got, want in zip(plain.rnn_time_step(step), buffered.rnn_time_step(step), strict=True):
            np.testing.assert_array_equal(got, want)
        np.testing.assert_equal(dict(plain.snapshot().states), dict(buffered.snapshot().states))
    assert plain._live is None
    assert buffered._live is not None
