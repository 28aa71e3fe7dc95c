"""Convolution and pooling at the level of ops: all backends agree, gradients, and the bits of onnxruntime whatever N and T are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnngraph.backends.reference import run
from rnngraph.backends.torch import Program
from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.steps import steps_of
from rnngraph.ir.types import Dim, N, T, TensorType, floats
from rnngraph.ir.verify import verify
from tests.exporters.networks import run as run_onnx
from tests.exporters.networks import session

Settings = dict[str, Any]


@st.composite
def windows(draw: st.DrawFn, axes: int, sizes: tuple[int, ...] | None) -> Settings:
    """Kernel, stride, dilation and padding; on axes of these sizes they fit."""
    kernel, stride, dilation, padding = [], [], [], []
    for axis in range(axes):
        k, d, s = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
        pad: Any = draw(st.just("same") | st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)))
        if sizes is not None and pad != "same":
            while k + (k - 1) * (d - 1) > sizes[axis] + sum(pad):
                k, d, pad = k - 1, 1, (min(pad[0], k - 2), min(pad[1], k - 2))
        kernel.append(k)
        stride.append(s)
        dilation.append(d)
        padding.append(pad)
    return {"kernel": tuple(kernel), "stride": tuple(stride), "dilation": tuple(dilation), "padding": tuple(padding)}


def graph_of(op: str, kind: str, shape: tuple[Dim, ...], settings: Settings, data_type: Any = "float64") -> Graph:
    """x of ``shape`` through one op; a convolution gives three channels."""
    graph = Graph(data_type)
    x = graph.input("x", "input", floats(*shape))
    moved = {key: settings[key] for key in ("stride", "dilation", "padding")}
    if op == "pool":
        y = graph.add("pool", [x], kind=kind, kernel=settings["kernel"], **moved)
    else:
        w = graph.input("0.W", "parameter", floats(3, shape[-1], *settings["kernel"]), 0)
        y = graph.add("convolution", [x, w], **moved)
    graph.output("y", "output", y)
    verify(graph)
    return graph


def agree(graph: Graph, sizes: dict[str, int], limit: float = 1e-10) -> None:
    """The reference, torch and onnxruntime on random numbers."""
    generator = np.random.default_rng(sum(sizes.values()))
    feeds = {p.name: generator.standard_normal([d if isinstance(d, int) else sizes[str(d)] for d in p.value.shape]) for p in graph.inputs}
    want = run(graph, feeds)["y"]
    with torch.no_grad():
        ours = Program(graph)({k: torch.from_numpy(v) for k, v in feeds.items()})["y"].numpy()
    parameters = {k: v for k, v in feeds.items() if k == "0.W"}
    theirs = run_onnx(session(build_model(graph, parameters)), {"x": feeds["x"]})["y"]
    for got in (ours, theirs):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=limit * max(1.0, float(np.abs(want).max())))


OPS = st.sampled_from([("convolution", ""), ("pool", "max"), ("pool", "sum")])


@settings(max_examples=100, deadline=None)
@given(st.data(), OPS, st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.booleans())
def test_windows_over_images(data: st.DataObject, op: tuple[str, str], height: int, width: int, channels: int, video: bool) -> None:
    drawn = data.draw(windows(2, (height, width)))
    lead: tuple[Dim, ...] = (T, N) if video else (N,)
    agree(graph_of(*op, (*lead, height, width, channels), drawn), {"N": 2, "T": 3})


@settings(max_examples=150, deadline=None)
@given(st.data(), OPS, st.integers(0, 12), st.integers(1, 3), st.integers(1, 3))
def test_windows_over_time(data: st.DataObject, op: tuple[str, str], more: int, rows: int, channels: int) -> None:
    """Of any length from the least on; what stands in front in the mode "same" with a stride depends on the length."""
    graph = graph_of(*op, (T, N, channels), data.draw(windows(1, None)))
    agree(graph, {"N": rows, "T": steps_of(graph).least + more})


@pytest.mark.parametrize(("op", "kind"), [("convolution", ""), ("pool", "max"), ("pool", "sum")])
@pytest.mark.parametrize("width", [1, 2, 6, 33])
def test_bits_do_not_depend_on_steps_and_rows(op: str, kind: str, width: int) -> None:
    """Over time behind what came before, and over a video's frames: whole, in chunks, step by step and each row alone."""
    past = {"kernel": (3,), "stride": (1,), "dilation": (2,), "padding": ((0, 0),)}
    frames = {"kernel": (3, 2), "stride": (1, 2), "dilation": (1, 1), "padding": ((1, 1), (0, 1))}
    generator = np.random.default_rng(width)
    cases: list[tuple[Settings, tuple[int, ...]]] = [(past, (width,)), (frames, (5, 4, width))]
    for settings_, shape in cases:
        graph = graph_of(op, kind, (T, N, *shape), settings_, "float32")
        w = {p.name: generator.standard_normal(p.value.shape).astype(np.float32) for p in graph.ports("parameter")}  # type: ignore[arg-type]
        sess = session(build_model(graph, w))
        before = 4 if settings_ is past else 0
        for n in (1, 2, 3, 5, 9):
            x = generator.standard_normal((before + 13, n, *shape)).astype(np.float32)
            whole = run_onnx(sess, {"x": x})["y"]
            assert len(whole) == 13
            for cuts in ([0, 5, 11, 13], list(range(14))):
                parts = [run_onnx(sess, {"x": x[a : b + before]})["y"] for a, b in itertools.pairwise(cuts)]
                assert np.array_equal(np.concatenate(parts), whole)
            for row in range(n):
                assert np.array_equal(run_onnx(sess, {"x": x[:, row : row + 1]})["y"], whole[:, row : row + 1])


def test_known_numbers() -> None:
    """By hand: cross-correlation, not convolution; the order of rows and columns; what is padded."""
    x = np.arange(6.0).reshape(1, 2, 3, 1)
    w = np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])
    settings_ = {"kernel": (2, 2), "stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}
    graph = graph_of("convolution", "", (N, 2, 3, 1), settings_)
    w = np.concatenate([w, 2 * w, -w])
    assert run(graph, {"x": x, "0.W": w})["y"].tolist() == [[[[4310.0, 8620.0, -4310.0], [5421.0, 10842.0, -5421.0]]]]
    same = {**settings_, "padding": ("same", "same")}  # one column behind, one row below
    assert run(graph_of("pool", "sum", (N, 2, 3, 1), same), {"x": x})["y"][0, ..., 0].tolist() == [[8.0, 12.0, 7.0], [7.0, 9.0, 5.0]]
    assert run(graph_of("pool", "max", (N, 2, 3, 1), same), {"x": -x})["y"][0, ..., 0].tolist() == [[0.0, -1.0, -2.0], [-3.0, -4.0, -5.0]]


def test_the_gradient_of_equal_maxima_goes_to_the_first() -> None:
    settings_ = {"kernel": (2,), "stride": (2,), "dilation": (1,), "padding": ((0, 0),)}
    x = torch.tensor([[[1.0]], [[1.0]], [[0.0]], [[2.0]]], dtype=torch.float64, requires_grad=True)
    y = Program(graph_of("pool", "max", (T, N, 1), settings_))({"x": x})["y"]
    assert torch.autograd.grad(y.sum(), x)[0].flatten().tolist() == [1.0, 0.0, 0.0, 1.0]


GOOD: Settings = {"kernel": (2, 2), "stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        ((N, 4), {}, r"pool\(\[N, 4\]\): expected x \[..., H, W, C\], or x \[T, N, C\] with a kernel of one size"),
        ((N, 4, 4, 1), {"stride": (1,)}, r"stride, padding and dilation for each axis of the kernel \[2, 2\]"),
        ((N, 4, 4, 1), {"stride": (0, 1)}, r"stride=\(0, 1\); expected one or two whole numbers of at least 1"),
        ((N, 4, 4, 1), {"padding": ((0, -1), (0, 0))}, r"expected \(before, behind\) or 'same' for one axis or two"),
        ((N, 4, 1, 1), {}, r"an axis 2 on which a window of 2 \(dilation 1, padding \(0, 0\)\) fits"),
    ],
)
def test_what_does_not_fit_is_named(shape: tuple[Dim, ...], changes: Settings, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        graph_of("pool", "max", shape, {**GOOD, **changes})


def test_a_convolution_needs_weights_of_its_channels() -> None:
    graph = Graph()
    x = graph.input("x", "input", floats(N, 4, 4, 2))
    w = graph.input("0.W", "parameter", floats(3, 1, 2, 2), 0)
    with pytest.raises(GraphError, match=r"expected x \[..., H, W, C\] and W \[O, C, kH, kW\], or x \[T, N, C\] and W \[O, C, k\]"):
        graph.add("convolution", [x, w], stride=(1, 1), dilation=(1, 1), padding=((0, 0), (0, 0)))


def test_windows_over_a_free_height_in_the_mode_same() -> None:
    graph = Graph()
    x: Value = graph.input("x", "input", TensorType("float", (N, T, 4, 1)))
    graph.output("y", "output", graph.add("pool", [x], kind="max", **{**GOOD, "stride": (2, 2), "padding": ("same", "same")}))
    with pytest.raises(GraphError, match=r"a window that moves with padding 'same' needs sizes that are numbers; give them"):
        build_model(graph, {})
