"""StreamPool: each stream gives what a session of its own gives, whoever steps beside it, and a call that fails changes none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import InputError, StateError, StreamingError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StateSnapshot, StreamingSession, StreamPool, ragged, rows
from tests.runtime.files import Array, File, Spec, inputs, printed

LSTM = Spec()
SPECS = [Spec(hidden=16), Spec(masked=True), Spec(steps=1), Spec(last=True), Spec(batch=3)]
by_spec = pytest.mark.parametrize("spec", SPECS, ids=repr)


def alone(spec: Spec) -> Spec:
    """The same network as a file that takes one row."""
    return Spec(**{**vars(spec), "batch": None})


def held(pool: StreamPool) -> dict[Any, dict[str, Array]]:
    """The states of all streams."""
    return {key: dict(pool.snapshot(key).states) for key in pool}


def open_pool(path: Path, *keys: Any) -> StreamPool:
    pool = StreamPool(path)
    for key in keys:
        pool.open(key)
    return pool


def x_of(seed: int, t: int | None = None) -> Array:
    x = np.random.default_rng(seed).uniform(-1, 1, (3, 1 if t is None else t)).astype(np.float32)
    return x[:, 0] if t is None else x


# The same bits as sessions


@pytest.mark.parametrize("small", [False, True])
@by_spec
def test_streams_that_open_pause_and_close_at_random(spec: Spec, small: bool, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    if small:  # blocks of which a few streams need several
        monkeypatch.setattr(rows, "BLOCK", 2)
        monkeypatch.setattr(ragged, "BLOCK", 3)
        monkeypatch.setattr(ragged, "CELLS", 4)
    draw = np.random.default_rng(0)
    pool, session = StreamPool(file(spec), capacity=1), StreamingSession(file(alone(spec)))
    sessions: dict[int, StreamingSession] = {}
    for call in draw.choice(["open", "close", "all", "some", "push"], 120, p=[0.2, 0.1, 0.2, 0.3, 0.2]):
        keys = list(sessions) if call == "all" else [k for k in draw.permutation(list(sessions)).tolist() if draw.random() < 0.6]
        if call == "open":
            key = int(draw.integers(10**6))
            pool.open(key)
            sessions[key] = session.clone()
        elif call == "close" and sessions:
            key = int(draw.choice(list(sessions)))
            pool.close(key)
            del sessions[key]
        elif call in ("all", "some"):
            xs = {k: draw.uniform(-1, 1, 3).astype(np.float32) for k in keys}
            ys = pool.step(xs)
            assert list(ys) == keys
            for k, y in ys.items():
                np.testing.assert_array_equal(y, sessions[k].rnn_time_step(xs[k][None])[0])
        elif call == "push":
            xs = {k: draw.uniform(-1, 1, (3, draw.integers(1, 9))).astype(np.float32) for k in keys}
            ys = pool.push(xs)
            assert list(ys) == keys
            for k, y in ys.items():
                np.testing.assert_array_equal(y, sessions[k].rnn_time_step(xs[k][None])[0])
        assert pool.keys() == list(sessions)
        for k, one in sessions.items():
            before, now = one.snapshot(), pool.snapshot(k)
            assert now.steps == before.steps
            np.testing.assert_equal(dict(now.states), before.states or {n: np.zeros_like(a) for n, a in now.states.items()})
    assert pool.capacity >= 8


def test_more_streams_than_one_run_takes(file: File) -> None:
    n = 2 * rows.BLOCK + 70
    x = np.random.default_rng(0).uniform(-1, 1, (n, 3, 2)).astype(np.float32)
    pool, session = open_pool(file(LSTM), *range(n)), StreamingSession(file(LSTM))
    for t in range(2):
        ys = pool.step({k: x[k, :, t] for k in range(n)})
        y = session.rnn_time_step(x[:, :, t])
        np.testing.assert_array_equal(np.stack([ys[k] for k in range(n)]), y)
    one = session.clone()
    for k in (0, rows.BLOCK, n - 1):
        one.rnn_clear_previous_state()
        np.testing.assert_array_equal(one.rnn_time_step(x[k : k + 1])[0, :, 1], y[k])


def test_steps_and_chunks_follow_each_other(file: File) -> None:
    pool, session = open_pool(file(LSTM), "a", "b"), StreamingSession(file(LSTM))
    x = inputs(LSTM, 1, 9)["x"]
    whole = session.rnn_time_step(x)[0]
    got = [pool.push({"b": x[0, :, :2]})["b"], pool.step({"b": x[0, :, 2]})["b"][:, None], pool.push({"b": x[0, :, 3:]})["b"]]
    np.testing.assert_array_equal(np.concatenate(got, 1), whole)
    assert (pool.snapshot("b").steps, pool.snapshot("a").steps) == (9, 0)


def test_idle_streams_keep_their_bytes(file: File) -> None:
    pool = open_pool(file(LSTM), *range(6))
    pool.step({k: x_of(k) for k in range(6)})
    before = held(pool)
    for t in range(4):
        pool.step({5: x_of(t), 2: x_of(t + 1)})
        pool.push({2: x_of(t, 3)})
    after = held(pool)
    for k in (0, 1, 3, 4):
        np.testing.assert_equal(after[k], before[k])
    assert (after[2]["state_00_h"] != before[2]["state_00_h"]).all()


@pytest.mark.parametrize("call", ["step", "push"])
def test_results_are_the_callers_own(call: str, file: File) -> None:
    pool, other = open_pool(file(LSTM), 0, 1), open_pool(file(LSTM), 0, 1)
    kept = []
    for t in range(6):
        xs = {k: x_of(10 * t + k, None if call == "step" else 2) for k in (0, 1)}
        ys, wanted = getattr(pool, call)(xs), getattr(other, call)(xs)
        for k in (0, 1):
            np.testing.assert_array_equal(ys[k], wanted[k])
            kept.append((ys[k], ys[k].copy()))
            xs[k][...] = np.nan  # the pool has read it
        snapshot = pool.snapshot(0)
        snapshot.states["state_00_h"][...] = 7
    for y, copy in kept:
        np.testing.assert_array_equal(y, copy)
        y[...] = 7


@pytest.mark.parametrize("kind", ["list", "float64", "int", "big-endian", "strided"])
@pytest.mark.parametrize("call", ["step", "push"])
def test_x_of_other_kinds(call: str, kind: str, file: File) -> None:
    pool, other = open_pool(file(LSTM), 0, 1), open_pool(file(LSTM), 0, 1)
    whole = np.array([[1, 0, 2], [0, 1, 0], [1, 1, 0]], np.float32)
    xs = {0: whole[:, 0].copy(), 1: whole[:, 1].copy()} if call == "step" else {0: whole, 1: whole[:, :2].copy()}
    made = {"list": lambda x: x.tolist(), "float64": lambda x: x.astype(float), "int": lambda x: x.astype(int)}
    made |= {"big-endian": lambda x: x.astype(">f4"), "strided": lambda x: np.repeat(x, 2, -1)[..., ::2]}
    ys = getattr(pool, call)({k: made[kind](x) for k, x in xs.items()})
    np.testing.assert_equal(ys, getattr(other, call)(xs))


def test_float64_files_compute_in_float64(file: File) -> None:
    spec = Spec(masked=True, data_type="float64")
    pool, session = open_pool(file(spec), "a", "b"), StreamingSession(file(spec))
    x = np.random.default_rng(0).standard_normal((3, 5))
    ys = [pool.step({"b": x[:, 0], "a": x[:, 0]})["b"][:, None], pool.push({"b": x[:, 1:]})["b"]]
    assert {y.dtype for y in ys} == {np.dtype("float64")}
    np.testing.assert_allclose(np.concatenate(ys, 1), session.rnn_time_step(x[None])[0], rtol=1e-12)


# Keys


def test_what_it_says_of_itself(file: File) -> None:
    pool = StreamPool(file(LSTM), capacity=2)
    assert repr(pool) == f"StreamPool('{pool.path}', 0 of 2 streams open, device='cpu')"
    for key in ("a", 1, ("b", 2)):
        pool.open(key)
    assert (pool.capacity, len(pool), pool.device) == (4, 3, "cpu")
    assert pool.keys() == ["a", 1, ("b", 2)]
    assert 1 in pool
    pool.close(1)
    assert 1 not in pool
    assert pool.keys() == ["a", ("b", 2)]
    assert pool.step({}) == pool.push({}) == {}
    assert pool.manifest.producer == "rnngraph 0.1.0"


def test_a_fixed_batch_rounds_the_capacity_up(file: File) -> None:
    assert StreamPool(file(Spec(batch=3)), capacity=4).capacity == 6


@pytest.mark.parametrize("capacity", [0, 1.5, True, None])
def test_a_capacity_that_is_none(capacity: Any, file: File) -> None:
    with pytest.raises(InputError, match=rf"^capacity={capacity}: expected a whole number of at least 1$"):
        StreamPool(file(LSTM), capacity=capacity)


def test_a_file_that_does_not_stream(file: File) -> None:
    with pytest.raises(StreamingError, match=r"cannot be fed step by step: layer 0 \(Bidirectional\) runs .*StreamingSession.output"):
        StreamPool(file(Spec(streams=False)))


OPEN = r"Open are: 'a', 'b', 'c', 'd', 'e', \.\.\.$"
KEYS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "twice": (lambda p: p.open("a"), r"^stream 'a' is open already; close it first, or open another key$"),
    "no hash": (lambda p: p.open(["a"]), r"^\['a'\] cannot be the key of a stream: list has no hash; give a string or a number$"),
    "step": (lambda p: p.step({"a": x_of(0), "x": x_of(1)}), rf"^there is no stream 'x'; open\('x'\) begins it\. {OPEN}"),
    "push": (lambda p: p.push({"x": x_of(1, 2)}), rf"^there is no stream 'x'; {OPEN.replace('Open', r'open.+ Open')}"),
    "close": (lambda p: p.close("x"), r"^there is no stream 'x'"),
    "snapshot": (lambda p: p.snapshot(5), r"^there is no stream 5"),
    "snapshot, no hash": (lambda p: p.snapshot({}), r"^\{\} cannot be the key of a stream: dict has no hash"),
    "no mapping": (lambda p: p.step([x_of(0)]), r"^expected a mapping from the keys of streams to what each is fed, got \[array"),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys_that_do_not_fit(case: str, file: File) -> None:
    call, message = KEYS[case]
    pool = open_pool(file(LSTM), *"abcdef")
    pool.step({k: x_of(3) for k in "abc"})
    before = held(pool)
    with pytest.raises(InputError, match=message):
        call(pool)
    np.testing.assert_equal(held(pool), before)
    with pytest.raises(InputError, match=r"there is no stream 1; open\(1\) begins it\. Open are: none$"):
        StreamPool(file(LSTM)).step({1: x_of(0)})


# What is fed

BAD = {
    "features": (np.zeros(4), r"x has shape \[4\]; expected \[3\], one step of one stream; push takes several$"),
    "rank": (np.zeros((1, 3)), r"x has shape \[1, 3\]; expected \[3\]"),
    "a number": (1.0, r"x has shape \[\]; expected \[3\]"),
    "NaN": (np.array([0, np.nan, 0]), r"x is nan at feature 1; every value has to be finite: leave a stream out where it has no data$"),
    "infinity": (np.array([0, 0, -np.inf], np.float32), r"x is -inf \(float32 reaches 3\.4e\+38\) at feature 2"),
    "beyond float32": (np.array([1e300, 0, 0]), r"x is inf \(float32 reaches 3\.4e\+38\) at feature 0"),
    "complex": (np.zeros(3, complex), r"x is an array of complex128 of shape \[3\]; expected real numbers"),
    "text": ("abc", r"x is an array of <U3 of shape \[\]; expected real numbers"),
    "None": (None, r"x is an array of object"),
    "ragged": ([[1, 2], [3]], r"x is a list that numpy cannot make an array of"),
    "masked": (np.ma.masked_equal([1.0, 2, 3], 2), r"x is a masked array, whose mask would be lost"),
}
BAD_CHUNKS = {
    "features": (np.zeros((4, 2)), r"x has shape \[4, 2\]; expected \[3, T\], at least one step of one stream$"),
    "turned": (np.zeros((5, 3)), r"x has shape \[5, 3\]; expected \[3, T\]\. If it is \[T, F\], give its transpose$"),
    "no steps": (np.zeros((3, 0)), r"x has shape \[3, 0\]; expected \[3, T\], at least one step"),
    "one step": (np.zeros(3), r"x has shape \[3\]; expected \[3, T\]"),
    "a number": (1.0, r"x has shape \[\]; expected \[3, T\]"),
    "NaN": (np.array([[0, 0], [0, 0], [0, np.nan]]), r"x is nan at feature 2, step 1; every value"),
    "beyond float32": (np.array([[0, 0], [1e300, 0], [0, 0]]), r"x is inf \(float32 reaches 3\.4e\+38\) at feature 1, step 0"),
    "text": ("abc", r"x is an array of <U3"),
}


@pytest.mark.parametrize(("call", "case"), [*(("step", c) for c in BAD), *(("push", c) for c in BAD_CHUNKS)])
def test_x_that_does_not_fit_names_its_stream(call: str, case: str, file: File) -> None:
    bad, message = (BAD if call == "step" else BAD_CHUNKS)[case]
    pool, other = open_pool(file(LSTM), "a", "b", "c"), open_pool(file(LSTM), "a", "b", "c")
    good = {k: x_of(i, None if call == "step" else i + 2) for i, k in enumerate("abc")}
    for given in ({**good, "b": bad}, {"b": bad}):
        before = held(pool)
        with pytest.raises(InputError, match=rf"^stream 'b': {message}"):
            getattr(pool, call)(given)
        np.testing.assert_equal(held(pool), before)
        np.testing.assert_equal(getattr(pool, call)(good), getattr(other, call)(good))


# Failures of onnxruntime


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("size", [2, 512])
def test_a_step_that_fails_in_onnxruntime_can_be_repeated(
    size: int, batch: int | None, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK", size)
    pool, other = (open_pool(file(Spec(fragile=fragile, batch=batch)), *"abcde") for fragile in (True, False))
    bad = np.array([2, 0, 0], np.float32)
    for seed, keys in enumerate(("abcde", "ebd", "abcde", "c", "dcba")):
        good = {k: x_of(seed + i) for i, k in enumerate(keys)}
        chunks = {k: x_of(seed + i, i + 2) for i, k in enumerate(keys)}
        before = held(pool)
        for call, given in (("step", {**good, keys[-1]: bad}), ("push", {**chunks, keys[-1]: np.full((3, 7), 2)})):
            with pytest.raises(StreamingError, match=r"onnxruntime failed, the state is as it was before the call") as caught:
                getattr(pool, call)(given)
            assert caught.value.__cause__ is not None
            np.testing.assert_equal(held(pool), before)
            assert pool.snapshot("a").steps == other.snapshot("a").steps
        for call, given in (("step", good), ("push", chunks)):
            ys, wanted = (getattr(p, call)(given) for p in (pool, other))
            for k in keys:
                np.testing.assert_allclose(ys[k], wanted[k], atol=1e-6)


# Snapshots


def test_a_stream_moves_from_pool_to_session_and_back(file: File) -> None:
    pool, session, there = open_pool(file(LSTM), "x", "a"), StreamingSession(file(LSTM)), StreamPool(file(Spec(steps=1)))
    x = inputs(LSTM, 1, 8)["x"]
    whole = session.rnn_time_step(x)[0]
    pool.push({"a": x[0, :, :3]})
    session.restore(StateSnapshot.from_bytes(pool.snapshot("a").to_bytes()))
    np.testing.assert_array_equal(session.rnn_time_step(x[:, :, 3:5])[0], whole[:, 3:5])
    pool.close("a")
    pool.open("a", session.snapshot())
    np.testing.assert_array_equal(pool.push({"a": x[0, :, 5:7]})["a"], whole[:, 5:7])
    assert pool.snapshot("a").steps == 7
    there.open(0, pool.snapshot("a"))
    np.testing.assert_allclose(there.step({0: x[0, :, 7]})[0], whole[:, 7], atol=1e-6)
    assert there.snapshot(0).steps == 8


def test_a_network_in_torch_goes_on_in_a_pool(tmp_path: Path) -> None:
    layers = [rg.LastTimeStep(rg.GravesLSTM(n_in=3, n_out=4)), rg.OutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=1))
    x = inputs(LSTM, 1, 6)["x"]
    net.rnn_time_step(x[:, :, :4])
    for masked in (False, True):
        export_onnx(net, tmp_path / "net.onnx", features_mask=masked)
        pool = StreamPool(tmp_path / "net.onnx")
        pool.open("a", net.snapshot())
        y = pool.push({"a": x[0, :, 4:]})["a"]
        assert pool.snapshot("a").steps == 6
        went_on = net.snapshot()
        np.testing.assert_allclose(y, net.rnn_time_step(x[:, :, 4:])[0], atol=1e-6)
        net.restore(went_on)


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from rnngraph.runtime import StateSnapshot, StreamPool

model, folder = sys.argv[1], Path(sys.argv[2])
pool = StreamPool(model)
for key in "ab":
    pool.open(key, StateSnapshot.from_bytes((folder / key).read_bytes()))
x = np.load(folder / "x.npy")
np.save(folder / "y.npy", [pool.step({key: x[:, k] for key in "ab"})[key] for k in range(x.shape[1]) for key in "ab"])
print("torch" in sys.modules, pool.snapshot("a").steps)
"""


def test_streams_go_on_in_another_process(file: File, tmp_path: Path) -> None:
    pool, x = open_pool(file(LSTM), "c", "a", "b"), x_of(5, 4)
    pool.push({"a": x_of(1, 3), "b": x_of(2, 5), "c": x_of(3, 1)})
    for key in "ab":
        (tmp_path / key).write_bytes(pool.snapshot(key).to_bytes())
    np.save(tmp_path / "x.npy", x)
    assert printed(PROGRAM, pool.path, tmp_path) == "False 11\n"
    wanted = [pool.step(dict.fromkeys("ab", x[:, k]))[key] for k in range(4) for key in "ab"]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), wanted)


H = np.zeros((1, 5), np.float32)
SNAPSHOTS = {
    "of another model": (
        StateSnapshot({"state_00_h": H, "state_00_c": H}, f"{4:064x}"),
        r"have the sha-256 0+4, those of .* have 0{64}; ",
    ),
    "of other layers": (StateSnapshot({"state_01_h": H}), r"it was taken of another network"),
    "of two rows": (
        StateSnapshot({"state_00_h": np.zeros((2, 5)), "state_00_c": np.zeros((2, 5))}),
        r"^the snapshot has 2 rows, and a stream of a pool is one row: open one for each, with StateSnapshot\(\{name: array\[row : row",
    ),
    "of another shape": (StateSnapshot({"state_00_h": H[:, :4], "state_00_c": H}), r"has the shape \[1, 4\], expected \[N, 5\]"),
    "of another type": (StateSnapshot({"state_00_h": H > 0, "state_00_c": H}), r"it has the type bool, expected float32"),
    "beyond the type": (StateSnapshot({"state_00_h": H.astype(float) + 1e300, "state_00_c": H}), r"it is 1e\+300 at row 0, unit 0"),
    "bytes": (b"abc", r"expected a StateSnapshot, got b'abc'; StateSnapshot.from_bytes reads bytes"),
}


@pytest.mark.parametrize("case", SNAPSHOTS)
def test_snapshots_that_do_not_fit(case: str, file: File) -> None:
    snapshot, message = SNAPSHOTS[case]
    pool = open_pool(file(LSTM), "a")
    with pytest.raises(StateError, match=message):
        pool.open("b", snapshot)  # type: ignore[arg-type]
    assert pool.keys() == ["a"]


def test_each_row_of_a_session_opens_a_stream(file: File) -> None:
    session, pool = StreamingSession(file(LSTM)), StreamPool(file(LSTM))
    x = inputs(LSTM, 3, 6)["x"]
    session.rnn_time_step(x[:, :, :5])
    snapshot = session.snapshot()
    for row in range(3):  # as the message says
        pool.open(row, StateSnapshot({n: a[row : row + 1] for n, a in snapshot.states.items()}, snapshot.model, snapshot.steps))
    y, ys = session.rnn_time_step(x[:, :, 5]), pool.step({k: x[k, :, 5] for k in (2, 0, 1)})
    np.testing.assert_array_equal(y, [ys[k] for k in range(3)])
    assert pool.snapshot(2).steps == 6


def test_a_stream_of_unknown_age_stays_so(file: File) -> None:
    pool = StreamPool(file(LSTM))
    pool.open("a", StateSnapshot({"state_00_h": H, "state_00_c": H}))
    pool.open("b", StateSnapshot())
    pool.push({"a": x_of(0, 4), "b": x_of(0, 4)})
    assert (pool.snapshot("a").steps, pool.snapshot("b").steps) == (None, 4)


# Threads and devices


def test_threads_share_a_pool(file: File) -> None:
    pool, wrong = StreamPool(file(LSTM), capacity=1), []
    xs = np.random.default_rng(0).uniform(-1, 1, (8, 60, 3)).astype(np.float32)
    session = StreamingSession(file(LSTM))

    def live(k: int) -> None:
        own = session.clone()
        pool.open((k, "end"))
        for t, x in enumerate(xs[k]):
            if t % 20 == 0:
                pool.open(k, own.snapshot() if t else None)
            y = pool.push({k: x[:, None]})[k][:, 0] if t % 3 == 0 else pool.step({k: x})[k]
            if not np.array_equal(y, own.rnn_time_step(x[None])[0]):
                wrong.append((k, t))
            if t % 20 == 19:
                pool.close(k)

    threads = [threading.Thread(target=live, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(pool.keys()) == [(k, "end") for k in range(8)]  # type: ignore[type-var]


@pytest.mark.parametrize("batch", [None, 2])
def test_a_device_that_does_not_see_the_memory(batch: int | None, file: File) -> None:
    pool, other = open_pool(file(Spec(batch=batch)), *"abc"), open_pool(file(Spec(batch=batch)), *"abc")
    pool._engine.device = "cuda"  # the path of copies, on the CPU
    for seed, keys in enumerate(("abc", "cb", "abc")):
        xs = {k: x_of(seed + i) for i, k in enumerate(keys)}
        np.testing.assert_equal(pool.step(xs), other.step(xs))
    np.testing.assert_equal(held(pool), held(other))
