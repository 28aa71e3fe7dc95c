"""StreamingSession: outputs, stepping, the state's rules, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnngraph.backends import reference
from rnngraph.errors import InputError, ModelFileError, StateError, StreamingError
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession
from rnngraph.runtime.engine import Engine
from rnngraph.state import StateSnapshot
from tests.deployment.exported import classifier, draw, edit, export, tagger

MASK = np.array([[1, 1, 0, 1, 0, 0], [0, 1, 1, 1, 0, 1]], np.float32)
OPTIONS: list[dict[str, Any]] = [{}, {"target": "cpu"}, {"steps": 1}, {"batch": 2}]


def opened(folder: Path, net: Any = None, **options: Any) -> StreamingSession:
    return StreamingSession(export(folder, net, **options))


def expected(net: Any, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """What the reference backend gives from zero states."""
    graph = lower(net.config, features_mask=mask is not None)
    feeds = {**net.parameters(), "x": x, **({} if mask is None else {"features_mask": mask})}
    zeros = {p.name: np.zeros((len(x), int(str(p.value.shape[1])))) for p in graph.ports("state")}
    return np.asarray(reference.run(graph, {**feeds, **zeros})["y"])


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("make", [tagger, classifier])
def test_output_is_the_references(make: Callable[[], Any], options: dict[str, Any], tmp_path: Path) -> None:
    session, x = opened(tmp_path, make(), **options), draw(2, 6)
    y = session.output(x)
    assert (y.dtype, y.flags.writeable) == (np.dtype("float32"), True)
    np.testing.assert_allclose(y, expected(make(), x), atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS)
def test_masked_output_is_the_references(options: dict[str, Any], tmp_path: Path) -> None:
    session, x = opened(tmp_path, features_mask=True, **options), draw(2, 6)
    real = np.broadcast_to(MASK[:, None] != 0, (2, 3, 6))
    want = expected(tagger(), x, MASK)
    x[np.broadcast_to(MASK[:, None] == 0, x.shape)] = np.nan
    np.testing.assert_allclose(session.output(x, MASK)[real], want[real], atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("make", [tagger, classifier])
def test_steps_give_the_bits_of_the_whole(make: Callable[[], Any], options: dict[str, Any], tmp_path: Path) -> None:
    session, x = opened(tmp_path, make(), **options), draw(2, 6)
    steps = [session.rnn_time_step(x[:, :, t]) for t in range(6)]
    assert {y.shape for y in steps} == {(2, 3)}
    whole = session.output(x)
    np.testing.assert_array_equal(steps[-1], whole[:, :, -1] if whole.ndim == 3 else whole)
    if whole.ndim == 3:
        np.testing.assert_array_equal(np.stack(steps, 2), whole)


def test_shapes_of_steps(tmp_path: Path) -> None:
    session = opened(tmp_path)
    assert session.rnn_time_step(draw(2, 1)).shape == (2, 3, 1)
    assert session.rnn_time_step(draw(2, 1)[:, :, 0]).shape == (2, 3)
    assert session.rnn_time_step(draw(2, 4)).shape == (2, 3, 4)
    last = opened(tmp_path, classifier())
    assert [last.rnn_time_step(x).shape for x in (draw(2, 1), draw(2, 1)[:, :, 0], draw(2, 4))] == [(2, 3)] * 3


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> StreamingSession:
    return opened(tmp_path_factory.mktemp("masked"), features_mask=True)


@given(st.integers(1, 4), st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.booleans())
def test_any_chunks_give_the_bits_of_the_whole(masked: StreamingSession, rows: int, sizes: list[int], seed: int, gaps: bool) -> None:
    x = draw(rows, sum(sizes), seed)
    mask = np.random.default_rng(seed).integers(0, 2, (rows, sum(sizes))) if gaps else np.ones((rows, sum(sizes)))
    masked.rnn_clear_previous_state()
    ends = np.cumsum(sizes)
    pieces = [masked.rnn_time_step(x[:, :, e - s : e], mask[:, e - s : e] if gaps else None) for s, e in zip(sizes, ends, strict=True)]
    real = np.broadcast_to(mask[:, None] != 0, (rows, 3, sum(sizes)))
    np.testing.assert_array_equal(np.concatenate(pieces, 2)[real], masked.output(x, mask)[real])
    masked.rnn_clear_previous_state()


def test_results_are_the_callers_own(tmp_path: Path) -> None:
    session, x = opened(tmp_path), draw(2, 3)
    first = session.rnn_time_step(x[:, :, 0])
    kept = first.copy()
    second = session.rnn_time_step(x[:, :, 1])
    np.testing.assert_array_equal(first, kept)
    second[:] = 99
    session.rnn_get_previous_state(0)["h"][:] = 99
    np.testing.assert_array_equal(session.rnn_time_step(x[:, :, 2]), session.output(x)[:, :, 2])


def test_output_leaves_the_state(tmp_path: Path) -> None:
    session, x = opened(tmp_path), draw(2, 2)
    session.rnn_time_step(x[:, :, 0])
    session.output(draw(7, 5))
    np.testing.assert_array_equal(session.rnn_time_step(x[:, :, 1]), session.output(x)[:, :, 1])


def test_a_masked_row_keeps_its_state(tmp_path: Path) -> None:
    session, x = opened(tmp_path, features_mask=True), draw(2, 2)
    session.rnn_time_step(x[:, :, 0])
    before = session.rnn_get_previous_state(0)["h"]
    session.rnn_time_step(x[:, :, 1], [0, 1])
    after = session.rnn_get_previous_state(0)["h"]
    np.testing.assert_array_equal(after[0], before[0])
    assert not np.array_equal(after[1], before[1])
    session.rnn_time_step(x[:, :, 1])  # without a mask every row has a step again
    assert not np.array_equal(session.rnn_get_previous_state(0)["h"][0], before[0])


def test_clear_forgets_all_or_some_rows(tmp_path: Path) -> None:
    session, x = opened(tmp_path), draw(2, 2)
    session.rnn_time_step(x[:, :, 0])
    session.rnn_clear_previous_state([1])
    y = session.rnn_time_step(x[:, :, 1])
    np.testing.assert_array_equal(y[0], session.output(x)[0, :, 1])
    np.testing.assert_array_equal(y[1], session.output(x[:, :, 1:])[1, :, 0])
    session.rnn_clear_previous_state()
    assert session.rnn_get_previous_state(0) == {}
    assert session.rnn_time_step(draw(5, 1)).shape == (5, 3, 1)


def test_states_are_read_and_set(tmp_path: Path) -> None:
    session, x = opened(tmp_path), draw(2, 4)
    session.rnn_time_step(x[:, :, :2])
    states = [session.rnn_get_previous_state(i) for i in (0, 1)]
    assert [{k: v.shape for k, v in s.items()} for s in states] == [{"h": (2, 6), "c": (2, 6)}, {"h": (2, 4), "c": (2, 4)}]
    session.rnn_clear_previous_state()
    session.rnn_set_previous_state(0, {"prevAct": states[0]["h"], "prevMem": states[0]["c"]})
    session.rnn_set_previous_state(1, states[1])
    np.testing.assert_array_equal(session.rnn_time_step(x[:, :, 2:]), session.output(x)[:, :, 2:])
    with pytest.raises(StateError, match=r"layers\[2\] is a DenseLayer, which has no state; layers with state: 0, 1"):
        session.rnn_get_previous_state(2)


@pytest.mark.parametrize("single", [False, True])
def test_restore_goes_back(single: bool, tmp_path: Path) -> None:
    session, x = opened(tmp_path), draw(2, 4)
    session.rnn_time_step(x[:, :, 0] if single else x[:, :, :1])
    snapshot = session.snapshot()
    first = [session.rnn_time_step(x[:, :, t]) for t in (1, 2, 3)]
    session.restore(snapshot)
    again = [session.rnn_time_step(x[:, :, t]) for t in (1, 2, 3)]
    np.testing.assert_array_equal(first, again)
    other = opened(tmp_path, target="cpu")
    other.restore(StateSnapshot(snapshot.states))
    np.testing.assert_allclose(other.rnn_time_step(x[:, :, 1:])[:, :, 0], first[0], atol=1e-6)


def test_another_networks_snapshot_is_refused(tmp_path: Path) -> None:
    session = opened(tmp_path)
    session.rnn_time_step(draw(1, 1))
    with pytest.raises(StateError, match=r"taken of a network whose parameters have the sha-256 .* the file that it came from"):
        opened(tmp_path, tagger(seed=2)).restore(session.snapshot())


BAD: list[tuple[Any, str]] = [
    (np.zeros((0, 5, 3)), r"x has shape \[0, 5, 3\], which has no rows"),
    (np.zeros((2, 5, 0)), r"x has shape \[2, 5, 0\], which has no time steps"),
    (np.zeros((2, 3, 5)), r"x has 3 features .*the network takes 5.*x\.transpose\(0, 2, 1\)"),
    (np.zeros(5), r"x has shape \[5\], rank 1"),
    (np.full((1, 5, 1), np.nan), r"x is nan at row 0, feature 0, step 0"),
    (np.full((1, 5, 1), 1e300), r"x is inf \(float32 reaches 3\.4e\+38\)"),
    ("text", r"expected real numbers"),
]


@pytest.mark.parametrize(("x", "message"), BAD)
@pytest.mark.parametrize("options", [{}, {"steps": 1}, {"batch": 2}])
def test_bad_features_are_refused(x: Any, message: str, options: dict[str, Any], tmp_path: Path) -> None:
    session, good = opened(tmp_path, **options), draw(2, 3)
    session.rnn_time_step(good[:, :, 0])
    for call in (session.output, session.rnn_time_step):
        if options.get("batch") and np.ndim(x) == 3 and np.shape(x)[1] == 5 and len(x) != 2:
            message = "was exported for batch=2" if len(x) else message
        with pytest.raises(InputError, match=message):
            call(x)
    np.testing.assert_array_equal(session.rnn_time_step(good[:, :, 1]), session.output(good)[:, :, 1])


def test_single_steps_are_checked_too(tmp_path: Path) -> None:
    session, x = opened(tmp_path), draw(2, 3)
    session.rnn_time_step(x[:, :, 0])
    for bad in (np.zeros((2, 4)), np.zeros((0, 5)), np.full((2, 5), np.nan, np.float32)):
        with pytest.raises(InputError, match=r"^x "):
            session.rnn_time_step(bad)
    with pytest.raises(StateError, match=r"x has 3 rows, but the state that is held has 2"):
        session.rnn_time_step(draw(3, 1)[:, :, 0])
    np.testing.assert_array_equal(session.rnn_time_step(x[:, :, 1]), session.output(x)[:, :, 1])


def test_empty_arrays_do_not_end_the_process(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\nfrom rnngraph.runtime import StreamingSession\nfrom rnngraph.errors import InputError\n"
        "s = StreamingSession(sys.argv[1])\n"
        "for shape in ((0, 5, 2), (2, 5, 0), (0, 5)):\n"
        "    for call in (s.output, s.rnn_time_step):\n"
        "        try: call(np.zeros(shape, 'float32'))\n"
        "        except InputError: continue\n"
        "        sys.exit(3)\n"
        "assert not {'torch', 'onnx', 'pydantic', 'safetensors'} & set(sys.modules), 'heavy imports'\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(export(tmp_path))], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mask_needs_a_mask_input(tmp_path: Path) -> None:
    session = opened(tmp_path)
    for call in (session.output, session.rnn_time_step):
        with pytest.raises(InputError, match=r"has no mask input; export it with export_onnx\(net, path, features_mask=True\)"):
            call(draw(2, 6), MASK)


def test_no_mask_is_a_mask_of_ones(tmp_path: Path) -> None:
    session, x = opened(tmp_path, features_mask=True), draw(2, 6)
    np.testing.assert_array_equal(session.output(x), session.output(x, np.ones((2, 6))))


@pytest.mark.parametrize(("mask", "message"), [(MASK.T, r"give features_mask\.T"), (MASK * 2, r"features_mask is 2\.0 at row 0, step 0")])
def test_bad_masks_are_refused(mask: np.ndarray, message: str, tmp_path: Path) -> None:
    session = opened(tmp_path, features_mask=True)
    with pytest.raises(InputError, match=message):
        session.rnn_time_step(draw(2, 6), mask)
    assert session.rnn_get_previous_state(0) == {}


def test_a_fixed_batch_takes_no_other(tmp_path: Path) -> None:
    session = opened(tmp_path, batch=2)
    for call in (session.output, session.rnn_time_step):
        with pytest.raises(InputError, match=r"x has 3 rows, but .* was exported for batch=2; give 2 rows"):
            call(draw(3, 2))
    with pytest.raises(StateError, match=r"layers\[0\] has 3 rows, but .* batch=2"):
        session.rnn_set_previous_state(0, {"h": np.zeros((3, 6)), "c": np.zeros((3, 6))})


def test_a_file_that_cannot_stream_computes_whole_sequences(tmp_path: Path) -> None:
    file, x = export(tmp_path), draw(2, 6)
    want = StreamingSession(file).output(x)
    edit(file, streams=False, why_not="layer 0 (lstm) runs backwards in time")
    session = StreamingSession(file)
    with pytest.raises(StreamingError, match=r"layer 0 \(lstm\) runs backwards in time; output\(x\) computes whole sequences"):
        session.rnn_time_step(x)
    np.testing.assert_array_equal(session.output(x), want)


@pytest.mark.parametrize("single", [False, True])
def test_a_failed_run_leaves_the_state(single: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, x = opened(tmp_path), draw(2, 3)
    session.rnn_time_step(x[:, :, 0])
    before = session.snapshot().states

    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        if single:
            assert session._live is not None
            patch.setattr(session._live, "_run", fail)
        else:
            patch.setattr(session._engine.session, "run", fail)
        with pytest.raises(StreamingError, match=r"onnxruntime failed, the state is as it was before the call: out of memory"):
            session.rnn_time_step(x[:, :, 1] if single else x[:, :, 1:])
    for name, array in session.snapshot().states.items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(session.rnn_time_step(x[:, :, 1:]), session.output(x)[:, :, 1:])


def test_the_engine_takes_nothing_that_would_broadcast(tmp_path: Path) -> None:
    engine = Engine(export(tmp_path))
    feeds = {
        p.name: np.zeros([d if isinstance(d, int) else {"N": 3, "T": 2}[d] for d in p.shape], p.data_type) for p in engine.manifest.inputs
    }
    assert engine.run(feeds)["y"].shape == (3, 3, 2)
    with pytest.raises(InputError, match=r"state_00_h has the shape \[1, 6\], expected \[N, 6\], with N = 3, T = 2"):
        engine.run({**feeds, "state_00_h": np.zeros((1, 6), np.float32)})
    with pytest.raises(InputError, match=r"x has the type float64, expected float32"):
        engine.run({**feeds, "x": feeds["x"].astype(float)})
    with pytest.raises(InputError, match=r"the file takes x, state_00_h.*given: x$"):
        engine.run({"x": feeds["x"]})


@pytest.mark.parametrize("arguments", [{"device": "gpu"}, {"threads": 0}, {"threads": True}])
def test_bad_arguments_are_refused(arguments: dict[str, Any], tmp_path: Path) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}={value!r}: expected"):
        StreamingSession(export(tmp_path), **arguments)


def test_float64_files(tmp_path: Path) -> None:
    session, x = opened(tmp_path, tagger(data_type="float64")), draw(2, 4)
    assert session.output(x).dtype == np.float64
    np.testing.assert_allclose(session.rnn_time_step(x), expected(tagger(data_type="float64"), x.astype(float)), atol=1e-12)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelFileError, match=r"nowhere\.onnx: there is no such file"):
        StreamingSession("nowhere.onnx")


def test_repr(tmp_path: Path) -> None:
    assert repr(opened(tmp_path)).endswith("x [N, 5, T] -> y [N, 3, T], device='cpu')")
