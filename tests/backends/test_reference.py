"""The reference backend against hand-written loops, closed forms, the activations' primitives and torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from rnngraph.backends.reference import run
from rnngraph.backends.reference.activations import ACTIVATIONS as FORMULAS
from rnngraph.backends.reference.table import TABLE
from rnngraph.errors import InputError
from rnngraph.ir.activations import ACTIVATIONS, lookup
from rnngraph.ir.cell import Cell, trace
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.ops import OPS
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.types import N, T, TensorType, floats
from tests.ir.builders import Case, Layer, build, feeds
from tests.spellings import SPELLINGS

Array = npt.NDArray[Any]
X = np.linspace(-6, 6, 97)


def evaluate(op: str, *operands: Any, **attributes: Any) -> tuple[Array, ...]:
    """One op on arrays, through a graph."""
    graph = Graph("float64")
    arrays = {f"in_{k}": np.asarray(a) for k, a in enumerate(operands)}
    kinds: dict[str, Any] = {"f": "float", "i": "int64", "b": "bool"}
    values: list[Value | float] = [graph.input(k, "input", TensorType(kinds[a.dtype.kind], a.shape)) for k, a in arrays.items()]
    outputs = graph.add_many(op, values, **attributes)
    for k, value in enumerate(outputs):
        graph.output(f"out_{k}", "output", value)
    results = run(graph, arrays)
    assert all(r.shape == v.shape for r, v in zip(results.values(), outputs, strict=True))
    return tuple(results.values())


def one(op: str, *operands: Any, **attributes: Any) -> Array:
    (result,) = evaluate(op, *operands, **attributes)
    return result


def test_every_op_has_a_row() -> None:
    assert set(TABLE) == set(OPS)
    assert set(FORMULAS) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", SPELLINGS)
def test_activations_equal_their_primitives(name: str) -> None:
    graph = Graph("float64")
    x = graph.input("x", "input", floats(1, len(X)))
    graph.output("op", "output", graph.add("activation", [x], name=name))
    graph.output("primitives", "output", lookup(name).primitives(x))
    results = run(graph, {"x": X[None]})
    np.testing.assert_allclose(results["op"], results["primitives"], rtol=0, atol=2e-15)


@pytest.mark.parametrize("name", sorted(k for k, a in ACTIVATIONS.items() if a.saturates))
def test_gates_that_saturate_close_and_open_exactly(name: str) -> None:
    assert one("activation", np.array([-1e30, 1e30]), name=name).tolist() == [0.0, 1.0]


def test_softmax_does_not_overflow() -> None:
    assert one("activation", np.array([[1e4, 0.0], [1e4, 1e4]]), name="softmax").tolist() == [[1, 0], [0.5, 0.5]]


A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -0.25]])
B = np.array([[2.0, 2.0, -1.0], [0.5, -4.0, 8.0]])


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "expected"),
    [
        ("add", (A, B), {}, [[3, 0, 2], [1, 0, 7.75]]),
        ("sub", (A, B), {}, [[-1, -4, 4], [0, 8, -8.25]]),
        ("mul", (A, B), {}, [[2, -4, -3], [0.25, -16, -2]]),
        ("div", (A, B), {}, [[0.5, -1, -3], [1, -1, -0.03125]]),
        ("max", (A, B), {}, [[2, 2, 3], [0.5, 4, 8]]),
        ("min", (A, B), {}, [[1, -2, -1], [0.5, -4, -0.25]]),
        ("greater", (A, B), {}, [[False, False, True], [False, True, False]]),
        ("neg", (A,), {}, [[-1, 2, -3], [-0.5, -4, 0.25]]),
        ("abs", (A,), {}, [[1, 2, 3], [0.5, 4, 0.25]]),
        ("sign", (A,), {}, [[1, -1, 1], [1, 1, -1]]),
        ("exp", (np.array([0.0, np.log(2.0)]),), {}, [1, 2]),
        ("log", (np.array([1.0, np.e]),), {}, [0, 1]),
        ("sqrt", (np.array([4.0, 9.0]),), {}, [2, 3]),
        ("identity", (A,), {}, A),
        ("sigmoid_backward", (np.array([2.0, 3.0]), np.array([0.5, 0.75])), {}, [0.5, 0.5625]),
        ("tanh_backward", (np.array([2.0, 3.0]), np.array([0.5, -0.75])), {}, [1.5, 1.3125]),
        ("relu_backward", (np.array([2.0, 3.0, 4.0]), np.array([0.5, 0.0, -1.0])), {}, [2, 0, 0]),
        ("hardsigmoid_backward", (np.array([2.0, 3.0, 4.0]), np.array([0.5, 0.0, 1.0])), {}, [0.4, 0, 0]),
        ("not", (np.array([True, False]),), {}, [False, True]),
        ("where", (np.array([[True], [False]]), A, B), {}, [[1, -2, 3], [0.5, -4, 8]]),
        ("zeros", (A,), {}, np.zeros((2, 3))),
        ("cast", (np.array([True, False]),), {"to": "float"}, [1.0, 0.0]),
        ("cast", (np.array([2.0, 0.0]),), {"to": "int64"}, [2, 0]),
        ("constant", (), {"value": 2.5}, 2.5),
        ("linear", (A, B), {}, [[-5, 32.5], [9.25, -17.75]]),
        ("linear_t", (A[:, :2], B), {}, [[1, 10, -17], [3, -15, 31.5]]),
        ("outer_sum", (A[:, None], B[:, None, :2]), {}, [[2.25, 0], [-2, -20], [5.875, 7]]),
        ("sum_to", (np.ones((4, 2, 3)),), {"shape": (3,)}, [8, 8, 8]),
        ("sum_to", (np.ones((4, 2, 3)),), {"shape": (2, 1)}, [[12], [12]]),
        ("sum", (A,), {"keepdims": True}, [[2], [4.25]]),
        ("sum", (A,), {"keepdims": False}, [2, 4.25]),
        ("sum_all", (A,), {}, 6.25),
        ("concat", (A, B), {"axis": -1}, [[1, -2, 3, 2, 2, -1], [0.5, 4, -0.25, 0.5, -4, 8]]),
        ("concat", (A, B), {"axis": 0}, [*A, *B]),
        ("take", (A,), {"index": 1}, [0.5, 4, -0.25]),
        ("place", (np.array([1.0, 2.0]),), {"index": 1, "shape": (3, 2)}, [[0, 0], [1, 2], [0, 0]]),
        ("row", (A[:, None],), {"index": -1}, [[0.5, 4, -0.25]]),
        ("transpose", (A,), {"order": (1, 0)}, [[1, 0.5], [-2, 4], [3, -0.25]]),
        ("unsqueeze", (A,), {"axis": -1}, A.reshape(2, 3, 1)),
        ("unsqueeze", (A,), {"axis": 0}, A.reshape(1, 2, 3)),
        ("squeeze", (A[:, None],), {"axis": 1}, A),
        ("mask_columns", (np.ones((4, 1)),), {"values": (-1e30, 1e30, 0.0, -1e30)}, [[1, -1e30], [1, 1e30], [1, 0], [1, -1e30]]),
        ("mask_columns", (np.ones((8, 1)),), {"values": (1.0, 2.0, 3.0, 4.0)}, [[1, k] for k in (1, 1, 2, 2, 3, 3, 4, 4)]),
    ],
)  # fmt: skip
def test_plain_ops(op: str, operands: tuple[Array, ...], attributes: dict[str, Any], expected: Any) -> None:
    np.testing.assert_array_equal(one(op, *operands, **attributes), expected)


def test_split() -> None:
    left, right = evaluate("split", A.reshape(3, 2), parts=2)
    assert (left.tolist(), right.tolist()) == ([[1], [3], [4]], [[-2], [0.5], [-0.25]])


def test_softmax_cross_entropy_clips_as_dl4j() -> None:
    z = np.array([[0.0, 0.0, np.log(2.0)], [0.0, 1e3, 0.0], [0.0, 1e3, 0.0]])
    y = np.array([[0.0, 0.5, 0.5], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    expected = [0.5 * np.log(4) + 0.5 * np.log(2), -np.log(1 - 1e-10), -np.log(1e-10)]
    np.testing.assert_allclose(one("softmax_cross_entropy", z, y, weights=None, clip=1e-10), expected, rtol=1e-15)
    weighted = one("softmax_cross_entropy", z, y, weights=(1.0, 2.0, 4.0), clip=0.25)
    np.testing.assert_allclose(weighted, [np.log(4) + 2 * np.log(2), -2 * np.log(0.75), -np.log(0.25)], rtol=1e-15)


MASK = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], bool).T[:, :, None]


@pytest.mark.parametrize(
    ("reverse", "source", "last"),
    [
        (False, [[0, 2, 3, 1, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [3, 4, 0, 1, 2]], [3, 0, 5, 2]),
        (True, [[1, 4, 0, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]], [2, 5, 0, 3]),
    ],
)
def test_packing_moves_real_steps_together(reverse: bool, source: list[list[int]], last: list[int]) -> None:
    given, destination, final = evaluate("pack_index", MASK, reverse=reverse)
    assert given.T.tolist() == source
    assert final.tolist() == last
    x = np.arange(20.0).reshape(5, 4, 1)
    np.testing.assert_array_equal(one("gather_steps", one("gather_steps", x, given), destination), x)


def test_last_index() -> None:
    assert one("last_index", MASK).tolist() == [4, 0, 5, 5]


def sigma(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("mode", [None, "hold", "reset"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "graves_lstm"])
def test_lstm_against_a_loop_over_rows_that_skips_masked_steps(cell: str, reverse: bool, mode: str | None, fused: bool) -> None:
    mask = MASK[:, :, 0].T.astype(float)
    graph = build((Layer(cell, reverse=reverse),), mode)
    arrays = feeds(graph, Case((), mode, mask, nan=True, seed=3))
    results = run(fuse_lstm(graph, lambda *_: True) if fused else graph, arrays)
    w, r, b = (arrays[f"0.{k}"] for k in "WRb")
    p_i, p_f, p_o = arrays.get("0.P", np.zeros((3, 4)))
    for n in range(4):
        h, c = arrays["state_00_h"][n], arrays["state_00_c"][n]
        y = np.zeros((4, 5))
        for t in range(4, -1, -1) if reverse else range(5):
            if mode is not None and not mask[n, t]:
                h, c = (h, c) if mode == "hold" else (0.0 * h, 0.0 * c)
                continue
            i, f, g, o = np.split(w @ arrays["x"][n, :, t] + r @ h + b, 4)
            i, f = sigma(i + p_i * c), sigma(f + p_f * c)
            c = f * c + i * np.tanh(g)
            h = y[:, t] = sigma(o + p_o * c) * np.tanh(c)
        for name, expected in (("y", y), ("next_state_00_h", h), ("next_state_00_c", c)):
            np.testing.assert_allclose(results[name][n], expected, rtol=0, atol=1e-14, err_msg=f"{name}, row {n}")


@pytest.mark.parametrize("fused", [False, True])
def test_lstm_against_torch(fused: bool) -> None:
    graph = build((Layer(),))
    arrays = feeds(graph, Case((), mask=np.ones((3, 7)), seed=1))
    results = run(fuse_lstm(graph, lambda *_: True) if fused else graph, arrays)
    network = torch.nn.LSTM(3, 4, dtype=torch.float64)
    weights = {"weight_ih_l0": "0.W", "weight_hh_l0": "0.R", "bias_ih_l0": "0.b"}
    network.load_state_dict({**{k: torch.tensor(arrays[v]) for k, v in weights.items()}, "bias_hh_l0": torch.zeros(16)})
    start = (torch.tensor(arrays["state_00_h"])[None], torch.tensor(arrays["state_00_c"])[None])
    with torch.no_grad():
        y, (h, c) = network(torch.tensor(arrays["x"]).permute(2, 0, 1), start)
    np.testing.assert_allclose(results["y"], y.permute(1, 2, 0).numpy(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(results["next_state_00_h"], h[0].numpy(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(results["next_state_00_c"], c[0].numpy(), rtol=0, atol=1e-14)


def test_a_cell_may_have_several_sequences_and_other_widths() -> None:
    """A running sum of products: y_t = Σ a b."""

    def step(a: Value, b: Value, total: Value) -> tuple[Value, ...]:
        total = total + a * b
        return total, total

    cell = Cell("dot", step, {"a": 1, "b": 1}, {"total": 1}, {})
    graph = Graph("float64")
    a, b = (graph.input(k, "input", floats(T, N, 1)) for k in "ab")
    start = graph.input("start", "state", floats(N, 1))
    y, total = graph.add_many("recurrent", [a, b, start], body=trace(cell), reverse=False, mask_mode=None)
    graph.output("y", "output", y)
    graph.output("next_start", "next_state", total)
    rng = np.random.default_rng(5)
    arrays = {"a": rng.normal(size=(6, 2, 1)), "b": rng.normal(size=(6, 2, 1)), "start": rng.normal(size=(2, 1))}
    results = run(graph, arrays)
    expected = arrays["start"] + np.cumsum(arrays["a"] * arrays["b"], axis=0)
    np.testing.assert_allclose(results["y"], expected, rtol=1e-14)
    np.testing.assert_allclose(results["next_start"], expected[-1], rtol=1e-14)


def test_outputs_are_float64_and_the_callers_own() -> None:
    graph = Graph()
    graph.output("y", "output", graph.input("x", "input", floats(N)))
    x = np.ones(2, np.float32)
    y = run(graph, {"x": x})["y"]
    assert y.dtype == np.float64
    y[:] = 5
    assert x.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, r"input 'x' \[N, 3, T\] is missing; feed an array for each input"),
        ({"X": np.ones(1)}, r"the graph has no input 'X'; its inputs are x, 0\.W"),
        ({"x": np.ones((2, 4, 3))}, r"input 'x': expected \[N, 3, T\] and no empty axis, got \[2, 4, 3\]"),
        ({"x": np.ones((2, 3, 0))}, r"input 'x': expected \[N, 3, T\] and no empty axis, got \[2, 3, 0\]"),
        ({"x": np.ones((2, 3))}, r"input 'x': expected \[N, 3, T\]"),
        ({"state_00_c": np.ones((5, 4))}, r"input 'state_00_c': expected \[N, 4\] with N=2, T=3 and no empty axis, got \[5, 4\]"),
    ],
)
def test_feeds_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    graph = build((Layer(),))
    arrays = {k: v for k, v in {**feeds(graph, Case(())), **change}.items() if v is not None}
    with pytest.raises(InputError, match=message):
        run(graph, arrays)
