"""What golden samples are drawn like: NaN in padding that nobody reads, and small where numbers grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.exporters import export_onnx
from rnngraph.exporters.golden import GAPS, LARGE, samples
from rnngraph.exporters.onnx import emit
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.rows import ROWS
from rnngraph.ir.graph import Graph
from rnngraph.lowering import lower
from rnngraph.runtime import verify
from tests.exporters.networks import Net, net_of, tagger


def graph_of(net: Net, *, masked: bool) -> Graph:
    return lower(net.config, features_mask=masked)


@pytest.mark.parametrize(("mode", "nan"), [("hold", True), ("reset", True), ("ignore", False)])
def test_nan_stands_at_masked_steps_that_nobody_reads(mode: str, nan: bool) -> None:
    net = tagger(mask_mode=mode)
    given, want = samples(graph_of(net, masked=True), net.arrays)[0]
    masked = np.broadcast_to((GAPS == 0)[:, None], given["x"].shape)
    assert np.isnan(given["x"])[masked].all() == nan
    assert np.isfinite(given["x"])[~masked].all()
    assert all(np.isfinite(v).all() for k, v in want.items() if k.startswith("next"))


def test_an_unmasked_file_has_no_nan() -> None:
    net = tagger()
    given, want = samples(graph_of(net, masked=False), net.arrays)[0]
    assert all(np.isfinite(v).all() for v in (*given.values(), *want.values()))


def growing(factor: float) -> Net:
    """A SimpleRnn with ReLU that multiplies its state by ``factor`` at each step."""
    net = net_of(rg.SimpleRnn(n_in=3, n_out=4, activation="relu"), rg.RnnOutputLayer(n_out=2))
    arrays = {**net.arrays, "0.R": np.float32(factor) * np.eye(4, dtype=np.float32), "0.b": np.zeros(4, np.float32)}
    return Net(net.config, arrays)


def largest(net: Net, scale: float = 1.0) -> float:
    """The largest result of the first sample, its inputs multiplied by ``scale``."""
    graph = graph_of(net, masked=False)
    given, _ = samples(graph, net.arrays)[0]
    return max(float(np.abs(a).max()) for a in run(graph, {**net.arrays, **{k: v * scale for k, v in given.items()}}).values())


def test_samples_of_a_network_that_grows_are_drawn_smaller() -> None:
    assert largest(growing(1.0)) <= LARGE
    assert largest(growing(2.5)) <= LARGE < largest(growing(2.5), scale=10.0)


@pytest.mark.parametrize("factor", [1.0, 2.5, 30.0, 1e3])
@pytest.mark.parametrize("masked", [False, True])
def test_a_file_that_overflows_as_the_network_does_is_verified(factor: float, masked: bool, tmp_path: Path) -> None:
    """With 1e3 the sequence that is cut into pieces ends in infinity, and its output in NaN."""
    export_onnx(growing(factor), tmp_path / "net.onnx", features_mask=masked)
    report = verify(tmp_path / "net.onnx")
    assert report, str(report)


@pytest.mark.parametrize("activation", ["relu", "elu", "identity", "rationaltanh"])
def test_unbounded_lstms_are_verified(activation: str, tmp_path: Path) -> None:
    layers = [rg.LSTM(n_in=16, n_out=64, activation=activation), rg.GravesLSTM(n_out=64, activation=activation)]
    export_onnx(net_of(*layers, rg.RnnOutputLayer(n_out=5)), tmp_path / "net.onnx", target="cpu", features_mask=True)
    report = verify(tmp_path / "net.onnx")
    assert report, str(report)


def test_a_file_that_lets_padding_through_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a product with the mask would."""

    def product(ctx: Any, node: Any) -> Any:
        mask, x, _ = node.inputs
        kind = onnx.helper.np_dtype_to_tensor_dtype(ctx.data_type)
        return [ctx.add("Mul", node, ctx.name(x), ctx.builder.add("Cast", ctx.name(mask), to=kind))]

    monkeypatch.setattr(emit, "ROWS", {**ROWS, "where": product})
    export_onnx(tagger(), tmp_path / "net.onnx", features_mask=True, target="cpu")
    assert not verify(tmp_path / "net.onnx")


def test_a_model_whose_shapes_do_not_fit_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The full checker infers shapes strictly; nothing infers them again."""
    net = tagger()
    monkeypatch.setattr(emit, "ROWS", {**ROWS, "transpose": lambda ctx, node: [ctx.known[node.inputs[0]]]})
    message = r"Inferred shape and existing shape differ in dimension 1: \(5\) vs \(3\)"
    with pytest.raises(onnx.shape_inference.InferenceError, match=message):
        build_model(graph_of(net, masked=False), net.arrays)
