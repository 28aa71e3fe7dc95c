"""The emitter's table: a row for each op, its numbers against the reference, and its bits whatever T and N are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnngraph.backends import reference
from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.rows import ROWS, TRAINING
from rnngraph.ir.cell import absolute, activation, exp, greater, linear, maximum, minimum, normalize, sign, split, sqrt, sum_last, where
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.ops import OPS
from rnngraph.ir.types import Dim, N, T, TensorType, floats
from tests.exporters.networks import Arrays, one_row, run, session
from tests.spellings import SPELLINGS

Build = Callable[[Graph, Value, Value], Value]
"""From x [T, N, F] and a mask [T, N, 1], the result."""


def weight(graph: Graph, *shape: Dim) -> Value:
    return graph.input("0.W", "parameter", floats(*shape), 0)


def concat(g: Graph, *values: Value, axis: int = -1) -> Value:
    return g.add("concat", list(values), axis=axis)


def joined(g: Graph, x: Value, mask: Value) -> Value:
    a, b = split(x, 2)
    return concat(g, b, a * b)


def packed(reverse: bool, output: int) -> Build:
    return lambda g, x, mask: g.add_many("pack_index", [mask], reverse=reverse)[output]


def moved(g: Graph, x: Value, mask: Value) -> Value:
    source, destination, _ = g.add_many("pack_index", [mask], reverse=False)
    return g.add("gather_steps", [g.add("gather_steps", [x, source]), destination])


def last_step(g: Graph, x: Value, mask: Value) -> Value:
    start = g.add("unsqueeze", [g.add("row", [x], index=0) * 2.0], axis=0)
    index = g.add("unsqueeze", [g.add("last_index", [mask])], axis=0)
    return g.add("squeeze", [g.add("gather_steps", [concat(g, start, x, axis=0), index])], axis=0)


STREAMING: dict[str, Build] = {
    "add": lambda g, x, m: x + weight(g, x.shape[-1]),
    "sub": lambda g, x, m: 1.0 - x,
    "mul": lambda g, x, m: x * x,
    "div": lambda g, x, m: 1.0 / (1.0 + x * x),
    "max": lambda g, x, m: maximum(x, 0.25),
    "min": lambda g, x, m: minimum(x, weight(g, x.shape[-1])),
    "neg": lambda g, x, m: -x,
    "abs": lambda g, x, m: absolute(x),
    "sign": lambda g, x, m: sign(x),
    "exp": lambda g, x, m: exp(x),
    "sqrt": lambda g, x, m: sqrt(absolute(x)),
    "identity": lambda g, x, m: g.add("identity", [x]),
    "greater": lambda g, x, m: g.add("cast", [greater(x, 0.0)], to="float"),
    "not": lambda g, x, m: g.add("cast", [g.add("not", [m])], to="float"),
    "where": lambda g, x, m: where(m, x, -1.0),
    "where of truth values": lambda g, x, m: g.add("cast", [where(greater(x, 0.0), greater(x, 0.5), greater(x, -1.0))], to="float"),
    "where either": lambda g, x, m: g.add("cast", [where(m, m, g.add("not", [m]))], to="float"),
    "features": lambda g, x, m: g.add("features", [x], start=x.shape[-1] // 2, stop=x.shape[-1]),  # type: ignore[operator]
    "zeros": lambda g, x, m: g.add("zeros", [x]),
    "cast": lambda g, x, m: g.add("cast", [m], to="int64"),
    "linear": lambda g, x, m: linear(x, weight(g, 5, x.shape[-1])),
    "linear_t": lambda g, x, m: g.add("linear_t", [x, weight(g, x.shape[-1], 5)]),
    "sum": lambda g, x, m: sum_last(x),
    "sum without keepdims": lambda g, x, m: g.add("sum", [x], keepdims=False),
    "split": joined,
    "concat": lambda g, x, m: concat(g, x, x),
    "normalize": lambda g, x, m: normalize(x),
    "take": lambda g, x, m: x * g.add("take", [weight(g, 3, x.shape[-1])], index=2),
    "transpose": lambda g, x, m: g.add("transpose", [g.add("transpose", [x], order=(1, 2, 0))], order=(2, 0, 1)),
    "reshape": lambda g, x, m: g.add("reshape", [g.add("reshape", [x], axes=1, shape=(1, x.shape[-1]))], axes=2, shape=(x.shape[-1],)),
    "unsqueeze": lambda g, x, m: g.add("squeeze", [g.add("unsqueeze", [x], axis=-1)], axis=3),
    "embed": lambda g, x, m: g.add("embed", [weight(g, 2, 3), g.add("cast", [greater(x, 0.0)], to="int64")]),
    **{f"root {p}": lambda g, x, m, p=p: g.add("root", [absolute(x)], p=p) for p in (1, 2, 3, 7)},  # type: ignore[misc]
    **{f"activation {name}": lambda g, x, m, name=name: activation(x, name=name) for name in SPELLINGS},  # type: ignore[misc]
}

WHOLE: dict[str, Build] = {
    "log": lambda g, x, m: g.add("log", [absolute(x)]),
    "row": lambda g, x, m: g.add("row", [x], index=-1),
    "last_steps": lambda g, x, m: g.add("last_steps", [concat(g, x, x, axis=0)], count=1),
    "first row": lambda g, x, m: g.add("row", [x], index=0),
    "zeros of steps": lambda g, x, m: g.add("zeros", [g.add("last_index", [m])]),
    "zeros of a mask": lambda g, x, m: g.add("zeros", [m]),
    "last_index": lambda g, x, m: g.add("last_index", [m]),
    "sum_steps": lambda g, x, m: g.add("sum_steps", [x]),
    "max_steps": lambda g, x, m: g.add("max_steps", [x]),
    "first_index": lambda g, x, m: g.add("first_index", [m]),
    "zero_state": lambda g, x, m: g.add("zero_state", [x], width=4),
    "reverse_steps": lambda g, x, m: g.add("reverse_steps", [x]),
    "reverse_steps of a mask": lambda g, x, m: g.add("cast", [g.add("reverse_steps", [m])], to="float"),
    "repeat_steps": lambda g, x, m: g.add("repeat_steps", [g.add("row", [x], index=0), x]),
    "repeat_steps like ids": lambda g, x, m: g.add("repeat_steps", [g.add("row", [x], index=0), g.add("cast", [m], to="int64")]),
    "example_norm": lambda g, x, m: g.add("example_norm", [x]),
    "example_norm of vectors": lambda g, x, m: g.add("example_norm", [g.add("row", [x], index=0)]),
    "block_rows": lambda g, x, m: linear(x, g.add("block_rows", [weight(g, 8, x.shape[-1])], start=1, stop=3, blocks=4)),
    "gather_steps": last_step,
    "there and back": moved,
    **{f"pack_index {k}{' reverse' if r else ''}": packed(r, k) for r in (False, True) for k in range(3)},
}

ELSEWHERE = {"constant", "squeeze", "pack_index", "activation", "recurrent", "lstm", "gru", "mask_columns", "reset_columns"}
ELSEWHERE |= {"convolution", "pool", "integer_linear"}
"""Ops tried under another name above, or in the tests of cells and of windows."""


def graph_of(build: Build, width: int = 6, data_type: str = "float32") -> Graph:
    graph = Graph(data_type)  # type: ignore[arg-type]
    x = graph.add("transpose", [graph.input("x", "input", floats(N, width, T))], order=(2, 0, 1))
    mask = greater(graph.add("transpose", [graph.input("features_mask", "mask", floats(N, T))], order=(1, 0)), 0.5)
    graph.output("y", "output", build(graph, x, graph.add("unsqueeze", [mask], axis=-1)))
    return graph


def given(graph: Graph, n: int, t: int) -> tuple[Arrays, Arrays]:
    generator = np.random.default_rng(n * 100 + t)
    width = graph.inputs[0].value.shape[1]
    mask = (generator.random((n, t)) > 0.4).astype(graph.data_type)
    mask[0] = 0
    feeds = {"x": generator.standard_normal((n, width, t)).astype(graph.data_type), "features_mask": mask}  # type: ignore[arg-type]
    parameters = np.random.default_rng(0)
    weights = {p.name: parameters.standard_normal(p.value.shape).astype(graph.data_type) for p in graph.ports("parameter")}  # type: ignore[arg-type]
    return feeds, weights


def test_each_op_of_an_inference_graph_has_a_row() -> None:
    assert set(ROWS) == set(OPS) - TRAINING


def test_each_row_is_tried() -> None:
    tried = {name.split()[0] for name in [*STREAMING, *WHOLE]}
    assert set(ROWS) <= tried | ELSEWHERE


def test_an_op_without_a_row_is_named() -> None:
    graph = graph_of(lambda g, x, m: g.add("sum_all", [x]))
    with pytest.raises(GraphError, match=r"op 'sum_all' has no ONNX form; ops that have one: abs, activation, add"):
        build_model(graph, {})


def test_a_weight_that_depends_on_inputs_is_named() -> None:
    graph = graph_of(lambda g, x, m: g.add("mask_columns", [g.add("row", [x], index=0)], values=(1.0,)))
    with pytest.raises(GraphError, match=r"mask_columns: 'row' \(\[N, 6\]\) must be a parameter or follow from parameters alone"):
        build_model(graph, {})


def test_a_sum_over_a_free_width_is_refused() -> None:
    graph = Graph()
    graph.output("y", "output", sum_last(graph.input("x", "input", TensorType("float", (T, N)))))
    with pytest.raises(GraphError, match=r"sum: the width 'N' must be a number when the graph is written"):
        build_model(graph, {})


@pytest.mark.parametrize("data_type", ["float32", "float64"])
@pytest.mark.parametrize("name", [*STREAMING, *WHOLE])
def test_numbers_equal_the_reference(name: str, data_type: str) -> None:
    graph = graph_of({**STREAMING, **WHOLE}[name], data_type=data_type)
    for n, t in ((3, 7), (1, 1), (2, 1), (1, 5)):
        feeds, weights = given(graph, n, t)
        got = run(session(build_model(graph, weights)), feeds)["y"]
        want = reference.run(graph, {**feeds, **weights})["y"]
        assert got.shape == want.shape
        tolerance = 2e-6 if data_type == "float32" else 1e-14
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * max(1.0, float(np.abs(want).max())))


def test_zeros_of_nan_are_zeros() -> None:
    graph = graph_of(STREAMING["zeros"])
    feeds, _ = given(graph, 2, 3)
    assert not run(session(build_model(graph, {})), {**feeds, "x": feeds["x"] * np.nan})["y"].any()
    start = graph_of(WHOLE["zero_state"])
    assert run(session(build_model(start, {})), {**feeds, "x": feeds["x"] * np.nan})["y"].tolist() == [[0.0] * 4] * 2


@pytest.mark.parametrize("offset", [0.0, 30.0, -1000.0])
def test_a_normalised_row_may_lie_far_from_zero(offset: float) -> None:
    """The variance is that of the differences from the mean: nothing is lost to the size of the mean."""
    graph = graph_of(STREAMING["normalize"], 64)
    feeds, _ = given(graph, 2, 3)
    feeds["x"] = (feeds["x"] + offset).astype(np.float32)
    got, want = run(session(build_model(graph, {})), feeds)["y"], reference.run(graph, feeds)["y"]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * max(1.0, abs(offset)))


@pytest.mark.parametrize(("name", "width"), [(n, w) for n in STREAMING for w in (1, 2, 6, 64, 130) if (n, w) != ("split", 1)])
def test_bits_do_not_depend_on_steps_and_rows(name: str, width: int) -> None:
    """Whole, in chunks, step by step and each row alone."""
    graph = graph_of(STREAMING[name], width)
    for n in (1, 2, 3, 5, 9):
        feeds, weights = given(graph, n, 13)
        sess = session(build_model(graph, weights))
        whole = run(sess, feeds)["y"]
        for cuts in ([5, 11], list(range(1, 13))):
            pieces = zip(*(np.split(feeds[k], cuts, axis=-1) for k in ("x", "features_mask")), strict=True)
            parts = [run(sess, {"x": x, "features_mask": m})["y"] for x, m in pieces]
            assert np.array_equal(np.concatenate(parts), whole)
        for row in range(n):
            assert np.array_equal(run(sess, one_row(feeds, row))["y"], whole[:, row : row + 1])


def test_every_op_that_claims_it_is_probed() -> None:
    probed = {name.split()[0] for name in STREAMING}
    over_time = {"row", "pack_index", "last_index", "gather_steps", "sum_steps", "max_steps", "recurrent", "lstm", "gru", "zero_state"}
    over_time |= {"last_steps", "first_index", "convolution", "pool", "reverse_steps", "repeat_steps"}
    claimed = {name for name, spec in OPS.items() if spec.invariant} - TRAINING
    assert claimed <= probed | over_time | {"integer_linear", "constant", "squeeze", "mask_columns", "reset_columns", "block_rows"}
