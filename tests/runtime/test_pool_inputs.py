"""Pools of files that take other things than one series of features: ids, images, video, several inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, StreamPool
from tests.exporters.graphs import captions, one_time, series, two_times, watching, words
from tests.exporters.networks import Net, net_of

Pair = Callable[..., tuple[StreamPool, StreamingSession]]
KEYS = ["a", "b", "c"]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A pool and a session of the exported network; the pool has a stream for each row of the session, in another order."""

    def get(net: Net, **options: Any) -> tuple[StreamPool, StreamingSession]:
        export_onnx(net, tmp_path / "net.onnx", **options)
        pool = StreamPool(tmp_path / "net.onnx", capacity=1)
        for key in (KEYS[2], "idle", KEYS[0], KEYS[1]):
            pool.open(key)
        return pool, StreamingSession(tmp_path / "net.onnx")

    return get


def same(ys: dict[Any, Any], wanted: Any) -> None:
    """The outputs by key are the rows of the session's; of graphs for each output."""
    assert list(ys) == KEYS
    for k, y in enumerate(ys.values()):
        if isinstance(wanted, list):
            np.testing.assert_equal(y, [w[k] for w in wanted])
        else:
            np.testing.assert_array_equal(y, wanted[k])


def embedded(**settings: Any) -> Net:
    return net_of(rg.EmbeddingSequenceLayer(n_in=7, n_out=3), rg.LSTM(n_out=4), rg.RnnOutputLayer(n_out=2), **settings)


# Ids


@pytest.mark.parametrize("options", [{}, {"features_mask": True}, {"steps": 1}, {"batch": 2}], ids=repr)
def test_ids(options: dict[str, Any], pair: Pair) -> None:
    pool, _ = pair(embedded(), **options)
    session = pair(embedded())[1] if options.keys() & {"steps", "batch"} else pair(embedded(), **options)[1]
    ids = np.random.default_rng(0).integers(0, 7, (3, 6))
    forms: list[Callable[[Any], Any]] = [int, np.int64, float, lambda i: np.array([i]), np.uint8, lambda i: np.array(i, np.int32)]
    for t, form in enumerate(forms):
        ys, y = pool.step({key: form(i) for key, i in zip(KEYS, ids[:, t], strict=True)}), session.rnn_time_step(ids[:, t])
        for key, row in zip(KEYS, y, strict=True):
            np.testing.assert_allclose(ys[key], row, atol=0 if "steps" not in options else 1e-6)
    chunks = {"a": ids[0], "b": ids[1:2], "c": ids[2].astype(float)}
    ys, y = pool.push(chunks), session.rnn_time_step(ids)
    for key, row in zip(KEYS, y, strict=True):
        np.testing.assert_allclose(ys[key], row, atol=0 if "steps" not in options else 1e-6)


@pytest.mark.parametrize(
    ("call", "value", "message"),
    [
        ("step", 7, r"x is 7; the network's embedding has the ids 0 to 6, whole numbers$"),
        ("step", -1, r"x is -1; the network's"),
        ("step", 2.5, r"x is 2\.5; the network's"),
        ("step", np.nan, r"x is nan; the network's"),
        ("step", 2**63, r"x is 9223372036854775808; the network's"),
        ("step", [1, 2], r"x has shape \[2\]; expected a number, an id, one step of one stream; push takes several$"),
        ("step", "abc", r"x is an array of <U3"),
        ("push", [1, 9], r"x is 9 at step 1; the network's"),
        ("push", [0.5, 1], r"x is 0\.5; the network's"),
        ("push", 3, r"x has shape \[\]; expected \[T\] of ids, at least one step of one stream$"),
        ("push", [[1], [2]], r"x has shape \[2, 1\]; expected \[T\] of ids"),
        ("push", [], r"x has shape \[0\]; expected \[T\] of ids"),
    ],
)
def test_what_is_no_id(call: str, value: Any, message: str, pair: Pair) -> None:
    pool, session = pair(embedded())
    good = dict(zip(KEYS, (1, 2, 3), strict=True)) if call == "step" else {k: [1, 2] for k in KEYS}
    with pytest.raises(InputError, match=f"^stream 'b': {message}"):
        getattr(pool, call)({**good, "b": value})
    if call == "step":
        same(pool.step(good), session.rnn_time_step([1, 2, 3]))


# Images


def seeing() -> Net:
    settings = {"input_type": rg.InputType.convolutional(4, 5, 2)}
    return net_of(rg.ConvolutionLayer(2, 2, n_out=3), rg.LSTM(n_out=5), rg.RnnOutputLayer(n_out=2), **settings)


def test_video(pair: Pair) -> None:
    pool, session = pair(seeing())
    video = series((3, 2, 4, 5, 6))
    for t in range(3):
        frames = {key: x[..., t] if t < 2 else x[..., t].ravel() for key, x in zip(KEYS, video, strict=True)}
        if t == 1:
            frames["b"] = frames["b"].ravel()  # one as an image, one flat
        same(pool.step(frames), session.rnn_time_step(video[..., t]))
    chunks = {"a": video[0, ..., 3:], "b": video[1, ..., 3:].reshape(40, 3), "c": video[2, ..., 3:]}
    same(pool.push(chunks), session.rnn_time_step(video[..., 3:]))


def test_images_that_do_not_fit(pair: Pair) -> None:
    pool, _ = pair(seeing())
    with pytest.raises(InputError, match=r"^stream 'a': x has shape \[4, 5, 2\]; expected \[2, 4, 5\], one step of one stream; push"):
        pool.step({"a": np.zeros((4, 5, 2))})
    with pytest.raises(InputError, match=r"^stream 'a': x has shape \[4, 5, 2, 3\]; expected \[2, 4, 5, T\], at least one step"):
        pool.push({"a": np.zeros((4, 5, 2, 3))})
    x = np.zeros((2, 4, 5, 3))
    x[1, 2, 3, 2] = np.nan
    with pytest.raises(InputError, match=r"^stream 'a': x is nan at channel 1, line 2, column 3; every value"):
        pool.step({"c": x[..., 0], "a": x[..., 2]})
    with pytest.raises(InputError, match=r"^stream 'a': x is nan at channel 1, line 2, column 3, step 2; every value"):
        pool.push({"c": x[..., :2], "a": x})


# Graphs


def fed(net: str, t: int) -> list[np.ndarray]:
    """Inputs of three rows for a network of :data:`GRAPHS`."""
    ids = np.random.default_rng(0).integers(0, 7, (3, t))
    return {
        "two_times": [series((3, 5, t)), series((3, 3, t), 1)],
        "one_time": [series((3, 3, t)), series((3, 4), 1), series((3, 2, t), 2)],
        "words": [ids, series((3, 2, t))],
        "captions": [series((3, 2, 4, 5)), series((3, 3, t), 1)],
        "watching": [series((3, 2, 4, 5, t)), series((3, 3, t), 1)],
    }[net]


GRAPHS = {"two_times": two_times, "one_time": one_time, "words": words, "captions": captions, "watching": watching}
FIXED = {"one_time": ["who"], "captions": ["image"]}
"""The inputs without a time axis."""


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name: str, masked: bool, pair: Pair) -> None:
    pool, session = pair(GRAPHS[name](), features_mask=masked)
    ports = session.manifest.ports("input")
    xs = fed(name, 5)
    for t in range(3):
        now = [x if p.time_axis is None else x[..., t] for x, p in zip(xs, ports, strict=True)]
        rows: dict[str, Any] = {key: [x[k] for x in now] for k, key in enumerate(KEYS)}
        if t == 1:  # by name as well
            rows["b"] = {p.name: x for p, x in zip(ports, rows["b"], strict=True)}
        same(pool.step(rows), session.rnn_time_step(now))
    rest = [x if p.time_axis is None else x[..., 3:] for x, p in zip(xs, ports, strict=True)]
    deep = [x[:, None] if p.ids is not None else x for x, p in zip(rest, ports, strict=True)]
    same(pool.push({key: [x[k] for x in rest] for k, key in enumerate(KEYS)}), session.rnn_time_step(deep))


def test_chunks_of_graphs_that_do_not_fit(pair: Pair) -> None:
    pool, _ = pair(two_times())
    good, seen = fed("two_times", 4)
    message = r"^stream 'b': input 'in' has 4 time steps, input 'target' 3; a chunk has equally many of each$"
    with pytest.raises(InputError, match=message):
        pool.push({"a": [good[0], seen[0]], "b": [good[1], seen[1, :, :3]]})
    with pytest.raises(InputError, match=r"^stream 'b': x is a list of 1, but .*net.onnx has the inputs 'in', 'target'; give one for each"):
        pool.step({"b": [good[0, :, 0]]})
    with pytest.raises(InputError, match=r"^stream 'b': x: missing: 'target'; .*net.onnx has the inputs 'in', 'target'$"):
        pool.step({"b": {"in": good[0, :, 0]}})
    with pytest.raises(InputError, match=r"^stream 'b': input 'target' has shape \[4\]; expected \[3\], one step of one stream; push"):
        pool.step({"b": [good[0, :, 0], np.zeros(4)]})
    pool, _ = pair(one_time())
    a, who, b = fed("one_time", 2)
    with pytest.raises(InputError, match=r"^stream 'a': input 'who' has shape \[4, 2\]; expected \[4\], one step of one stream$"):
        pool.push({"a": [a[0], np.zeros((4, 2)), b[0]]})
    with pytest.raises(InputError, match=r"^stream 'b': input 'who' is nan at feature 0; every value has to be finite"):
        pool.push({"a": [a[0], who[0], b[0]], "b": [a[0], who[0] * np.nan, b[0]]})


@pytest.mark.parametrize(
    ("layer", "x"), [(rg.DenseLayer(n_in=4, n_out=3), series((3, 4))), (rg.EmbeddingLayer(n_in=7, n_out=3), np.array([6, 0, 2]))]
)
def test_a_network_without_time(layer: Any, x: np.ndarray, pair: Pair) -> None:
    pool, session = pair(net_of(layer, rg.OutputLayer(n_out=2)))
    same(pool.step(dict(zip(KEYS, x, strict=True))), session.rnn_time_step(x))
    with pytest.raises(InputError, match=r"net.onnx has no input with a time axis, so that there are no chunks; use step$"):
        pool.push({"a": x[0]})


def test_states_that_begin_elsewhere_than_at_zero(pair: Pair) -> None:
    layers = [rg.SimpleRnn(n_in=3, n_out=4), rg.GlobalPoolingLayer("max"), rg.OutputLayer(n_out=2)]
    pool, session = pair(net_of(*layers))
    assert {s.initial for s in session.manifest.states} != {0.0}
    x = series((3, 3, 6))
    for t in range(3):
        same(pool.step(dict(zip(KEYS, x[:, :, t], strict=True))), session.rnn_time_step(x[:, :, t]))
    same(pool.push(dict(zip(KEYS, x[:, :, 3:], strict=True))), session.rnn_time_step(x[:, :, 3:]))
