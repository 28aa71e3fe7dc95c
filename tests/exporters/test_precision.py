"""Weights in fewer bits: what they become, what files hold and compute, and which promise still holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import rnngraph as rg
from rnngraph.backends import reference
from rnngraph.exporters import export_onnx
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.precision import Precision, rounded
from rnngraph.exporters.onnx.targets import Target, transform
from rnngraph.ir.graph import Graph
from rnngraph.ir.passes.integer_products import integer_products
from rnngraph.runtime import verify
from tests.exporters.networks import (
    Arrays,
    Layer,
    feeds,
    gapped,
    in_chunks,
    net_of,
    one_row,
    parameters,
    run,
    same,
    session,
    stack,
)

KINDS: tuple[Precision, ...] = ("float16", "bfloat16", "int8")
FORMS: list[tuple[Precision, Target]] = [*((kind, "portable") for kind in KINDS), ("int8", "cpu")]
head = rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent")
RECURRENT: dict[str, Callable[[int], Any]] = {
    "LSTM": lambda h: rg.LSTM(n_in=5, n_out=h),
    "GravesLSTM": lambda h: rg.GravesLSTM(n_in=5, n_out=h),
    "SimpleRnn": lambda h: rg.SimpleRnn(n_in=5, n_out=h),
    "GRU": lambda h: rg.GRU(n_in=5, n_out=h),
    "GRU before": lambda h: rg.GRU(n_in=5, n_out=h, reset_after=False),
    "layer norm": lambda h: rg.SimpleRnn(n_in=5, n_out=h, has_layer_norm=True),
    "Bidirectional": lambda h: rg.Bidirectional(rg.LSTM(n_in=5, n_out=h)),
    "relu": lambda h: rg.SimpleRnn(n_in=5, n_out=h, activation="relu"),
}


def made(graph: Graph, precision: Precision, target: Target = "portable", steps: Any = None, weights: Arrays | None = None) -> Any:
    """The session of ``graph`` with its weights, or those of :func:`parameters`, in fewer bits."""
    arrays = rounded(parameters(graph) if weights is None else weights, precision)
    return session(build_model(transform(graph, target, steps, precision), arrays, steps=steps, precision=precision))


# What weights become


def test_floats_are_rounded_to_the_nearest_and_a_second_time_to_themselves() -> None:
    w = {"0.W": np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32), "0.b": np.full(3, 0.1, np.float32)}
    half, brain = (rounded(w, kind)["0.W"] for kind in ("float16", "bfloat16"))
    np.testing.assert_array_equal(half, w["0.W"].astype(np.float16).astype(np.float32))
    assert not (brain.view(np.uint32) & 0xFFFF).any()
    spacing = 2.0 ** (np.floor(np.log2(np.abs(w["0.W"]))) - 7)  # bfloat16 has 8 binary digits, the first of which is always 1
    assert (np.abs(brain - w["0.W"]) <= spacing / 2 + 1e-12).all()
    for kind in KINDS:
        once = rounded(w, kind)
        assert all(a.dtype == np.float32 for a in once.values())
        np.testing.assert_equal(rounded(once, kind), once)
        np.testing.assert_array_equal(once["0.b"], w["0.b"])


def test_int8_has_255_levels_of_each_row_and_the_largest_is_one_of_them() -> None:
    w = np.random.default_rng(1).standard_normal((6, 50)).astype(np.float32) * 10.0 ** np.arange(-3, 3, dtype=np.float32)[:, None]
    w[2] = 0
    given = {"0.W": w, "0.P": w[:3], "1.W": w.reshape(6, 5, 2, 5)}
    got = rounded(given, "int8")
    for row, exact in zip(got["0.W"], w, strict=True):
        step = np.abs(exact).max() / 127
        assert (np.abs(row - exact) <= 0.5001 * step).all()
        if step:
            levels = row / (np.abs(row).max() / 127)
            np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
            assert np.abs(levels).max() == pytest.approx(127)
    np.testing.assert_array_equal(got["0.P"], w[:3])
    np.testing.assert_array_equal(got["1.W"].reshape(6, 50), got["0.W"])


@pytest.mark.parametrize(("precision", "target"), FORMS)
@pytest.mark.parametrize("name", ["LSTM", "GravesLSTM", "GRU before", "Bidirectional", "relu"])
def test_files_are_as_small_as_promised(name: str, precision: Precision, target: Target, tmp_path: Path) -> None:
    file, net = tmp_path / "net.onnx", net_of(RECURRENT[name](96), head)
    export_onnx(net, file, target=target, precision=precision, features_mask=True)
    bits = 8 if precision == "int8" else 16
    floats = sum(a.size for k, a in net.parameters().items() if a.ndim == 1 or k.endswith("P"))
    weights = sum(a.size for a in net.parameters().values()) - floats
    scales = sum(len(a) for a in net.parameters().values() if a.ndim > 1) if bits == 8 else 0
    assert file.stat().st_size <= weights * bits // 8 + 4 * (floats + 2 * scales) + 20_000
    assert verify(file)
    kinds = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16, "int8": TensorProto.INT8}
    graphs = [onnx.load(file).graph]
    graphs += [a.g for n in graphs[0].node for a in n.attribute if a.type == onnx.AttributeProto.GRAPH]
    found = {t.data_type for g in graphs for t in g.initializer if np.prod(t.dims) >= 300}
    integers = precision == "int8" and target == "cpu" and name != "relu"
    assert found >= {kinds[precision], *([TensorProto.UINT8] if integers else [])}
    assert TensorProto.FLOAT not in {t.data_type for g in graphs for t in g.initializer if np.prod(t.dims) > 1000}


# What files compute


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("precision", KINDS)
def test_a_portable_file_computes_with_the_rounded_weights(precision: Precision, steps: Any, masked: bool) -> None:
    """Against the reference backend: nothing else is rounded."""
    layers = [Layer("lstm", 20), Layer("graves_lstm", 9), Layer("simple_rnn", 17), Layer("gru", 18), Layer("gru_reset_before", 16)]
    graph = stack([*layers, Layer("layer_norm_rnn", 19)], masked=masked)
    weights = rounded(parameters(graph), precision)
    given = feeds(graph, 3, steps or 12)
    if masked and not steps:
        given["features_mask"][0, 3:6] = 0
    want = reference.run(graph, {**weights, **given})
    same(
        run(made(graph, precision, steps=steps), given),
        {k: v.astype(np.float32) for k, v in want.items()},
        given.get("features_mask"),
        5e-6,
    )
    assert not np.allclose(run(made(graph, precision, steps=steps), given)["y"], run(session(_plain(graph, steps)), given)["y"], atol=1e-6)


def _plain(graph: Graph, steps: Any) -> onnx.ModelProto:
    return build_model(transform(graph, "portable", steps), parameters(graph), steps=steps)


@pytest.mark.parametrize("cell", ["lstm", "graves_lstm", "simple_rnn", "gru", "gru_reset_before", "layer_norm_rnn"])
def test_integer_products_are_those_of_the_reference(cell: str) -> None:
    """One step from states that are multiples of 1/127, which no rounding before can move; 1.2 is beyond what int8 holds."""
    graph = stack([Layer(cell, 33)])
    weights = rounded(parameters(graph), "int8")
    given = feeds(graph, 4, 1)
    draw = np.random.default_rng(5)
    given["state_00_h"] = (draw.integers(-127, 128, (4, 33)) / 127).astype(np.float32)
    if cell != "gru_reset_before":  # whose product reads r * h, which is no multiple
        given["state_00_h"][0, 0] = 1.2
    want = reference.run(integer_products(graph), {**weights, **given})
    tolerance = 2e-6 if cell != "gru_reset_before" else 3e-2
    same(run(made(graph, "int8", "cpu"), given), {k: v.astype(np.float32) for k, v in want.items()}, tolerance=tolerance)


def test_sums_of_whole_numbers_do_not_overflow() -> None:
    """Weights and states at the ends of their range, all of one sign: where a kernel adds in 16 bits, the sums are far off."""
    graph = stack([Layer("simple_rnn", 300)])
    weights = {**parameters(graph), "0.R": np.full((300, 300), 127 / 256, np.float32), "0.W": np.zeros((300, 5), np.float32)}
    weights["0.b"] = np.full(300, 0.5 - 300 * 127 / 256, np.float32)
    given = {**feeds(graph, 2, 1), "state_00_h": np.ones((2, 300), np.float32)}
    got = run(made(graph, "int8", "cpu", weights=weights), given)["next_state_00_h"]
    np.testing.assert_allclose(got, np.tanh(0.5), atol=2e-5)  # float32 holds sums of 149 to 1e-5


@pytest.mark.parametrize("act", ["relu", "elu", "rationaltanh"])
def test_cells_that_may_grow_keep_float_products(act: str) -> None:
    for cell in ("simple_rnn", "gru"):
        graph = stack([Layer(cell, 20, act)])
        given = feeds(graph, 2, 3)
        want = reference.run(graph, {**rounded(parameters(graph), "int8"), **given})
        same(run(made(graph, "int8", "cpu"), given), {k: v.astype(np.float32) for k, v in want.items()}, tolerance=5e-6)


# The promise


STACKS = {
    "lstm": [Layer("lstm", 0)],
    "graves": [Layer("graves_lstm", 0, "softsign", "hardsigmoid")],
    "simple": [Layer("simple_rnn", 0)],
    "gru": [Layer("gru", 0)],
    "gru before": [Layer("gru_reset_before", 0)],
    "layer norm": [Layer("layer_norm_rnn", 0)],
    "several": [Layer("lstm", 0), Layer("simple_rnn", 19, "relu"), Layer("gru", 24, mask_mode="reset")],
}


@pytest.mark.parametrize("width", [3, 16, 131])
@pytest.mark.parametrize("name", STACKS)
def test_whole_chunked_stepped_and_row_alone_are_equal_bit_for_bit(name: str, width: int) -> None:
    layers = [Layer(STACKS[name][0].cell, width, STACKS[name][0].act, STACKS[name][0].gate), *STACKS[name][1:]]
    for precision, target in FORMS if width == 16 else [("int8", "cpu")]:
        plain, masked = (made(stack(layers, masked=m), precision, target) for m in (False, True))  # type: ignore[arg-type]
        for n in (1, 7):
            given = feeds(stack(layers), n, 40, seed=n)
            whole = run(plain, given)
            same(in_chunks(plain, given, [1, 13, 7]), whole)
            same(in_chunks(plain, given, [1]), whole)
            same(run(plain, one_row(given, n - 1)), one_row(whole, n - 1))
            gaps = gapped(feeds(stack(layers, masked=True), n, 40, seed=n), n)
            whole = run(masked, gaps)
            same(in_chunks(masked, gaps, [1, 13, 7]), whole, gaps["features_mask"])
            same(run(masked, one_row(gaps, n - 1)), one_row(whole, n - 1), gaps["features_mask"][n - 1 :])


@pytest.mark.parametrize("name", STACKS)
def test_integer_products_in_line_equal_the_scan_bit_for_bit(name: str) -> None:
    layers = [Layer(STACKS[name][0].cell, 40, STACKS[name][0].act, STACKS[name][0].gate)]
    for masked in (False, True):
        graph = stack(layers, masked=masked)
        scan, step = made(graph, "int8", "cpu"), made(graph, "int8", "cpu", 1)
        given = feeds(graph, 3, 20)
        given = gapped(given, 1) if masked else given
        same(in_chunks(step, given, [1]), run(scan, given), given.get("features_mask"))
