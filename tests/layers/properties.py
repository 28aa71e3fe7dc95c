"""What must hold of every recurrent layer and wrapper, as checks that each layer's test calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.backends.torch import Program
from rnngraph.errors import ExportError, StateError, StreamingError
from rnngraph.exporters import export_onnx
from rnngraph.exporters.onnx.targets import Target
from rnngraph.ir.graph import Graph
from rnngraph.ir.types import evaluate
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession

Array = npt.NDArray[Any]
FEATURES = 3
MODES = ("hold", "reset", "ignore")
GAPS = np.array([[1, 1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1]], float)


def network(layer: Any, mode: str = "hold", data_type: str = "float64", features: int = FEATURES, seed: int = 7) -> rg.MultiLayerNetwork:
    """``layer`` with a loss behind it, every parameter random, biases too."""
    start = rg.InputType.recurrent(features)
    end: Any = rg.RnnOutputLayer if layer.output_type(start).has_time else rg.OutputLayer
    layers = [layer, end(n_out=2, activation="tanh", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, input_type=start, mask_mode=mode, data_type=data_type, seed=seed))
    generator = np.random.default_rng(seed)
    net.set_parameters({k: v + 0.3 * generator.standard_normal(v.shape) for k, v in net.parameters().items()})
    return net


def features(n: int = GAPS.shape[0], t: int = GAPS.shape[1], seed: int = 0, width: int = FEATURES) -> Array:
    """x [N, F, T]."""
    return np.random.default_rng(seed).standard_normal((n, width, t))


def dataset(net: rg.MultiLayerNetwork, x: Array, mask: Array | None) -> rg.DataSet:
    """x with random labels."""
    shape = (len(x), 2, x.shape[2]) if net.config.ends_in_time_series else (len(x), 2)
    return rg.DataSet(x, np.random.default_rng(1).uniform(-1, 1, shape), mask)


def at_real_steps(y: Array, mask: Array | None) -> Array:
    """The values at steps that exist, [steps, C]; all of an output without time axis."""
    return y if mask is None or y.ndim == 2 else y.transpose(0, 2, 1)[mask > 0]


def reference(net: rg.MultiLayerNetwork, x: Array, mask: Array | None) -> Array:
    """The output by the reference, from the states with which rows begin."""
    graph = lower(net.config, features_mask=mask is not None)
    arrays = {**net.parameters(), **net.buffers()}
    return run(graph, {"x": x, **({} if mask is None else {"features_mask": mask}), **begun(graph, len(x), arrays), **arrays})["y"]


def begun(graph: Graph, n: int, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The states with which n rows begin: zeros, or what ``arrays`` has for them."""
    states = graph.ports("state")
    return {p.name: np.zeros((n, evaluate(p.value.shape[1], {}))) + (0.0 if p.start is None else arrays[p.start]) for p in states}


def check_backends(layer: Any, folder: Path, mode: str, x: Array | None = None, mask: Array = GAPS) -> None:
    """Reference, torch (fused and step by step) and onnxruntime (both targets) agree, with and without a mask."""
    x = features() if x is None else x
    exact, net = (network(layer, mode, data_type, x.shape[1]) for data_type in ("float64", "float32"))
    for given in (None, mask):
        want = at_real_steps(reference(exact, x, given), given)
        scale = max(1.0, float(np.abs(want).max(initial=0.0)))
        assert np.isfinite(want).all()
        np.testing.assert_allclose(at_real_steps(exact.output(x, given), given), want, rtol=0, atol=1e-10 * scale)
        np.testing.assert_allclose(at_real_steps(unfused(exact, x, given), given), want, rtol=0, atol=1e-10 * scale)
        rounded = x.astype(np.float32)
        want = at_real_steps(reference(net, rounded, given), given)
        np.testing.assert_allclose(at_real_steps(net.output(rounded, given), given), want, rtol=0, atol=1e-5 * scale)
        targets: tuple[Target, ...] = ("portable", "cpu")
        for target in targets:
            export_onnx(net, folder / "net.onnx", target=target, features_mask=given is not None)
            got = StreamingSession(folder / "net.onnx").output(rounded, given)
            np.testing.assert_allclose(at_real_steps(got, given), want, rtol=0, atol=1e-5 * scale)


def feeds(net: rg.MultiLayerNetwork, program: Program, x: Array, mask: Array | None) -> dict[str, torch.Tensor]:
    """What ``program`` takes besides labels, from the states with which rows begin."""
    states = net._stream.initial(len(x), [p.name for p in program.graph.ports("state")])
    arrays = {**net._fed((x,), (mask,)), **states}
    return {**net._parameters, **net._buffers, **{name: torch.from_numpy(array) for name, array in arrays.items()}}


def unfused(net: rg.MultiLayerNetwork, x: Array, mask: Array | None) -> Array:
    """The output by torch without fused cells."""
    program = Program(lower(net.config, features_mask=mask is not None), fuse=False)
    with torch.no_grad():
        return program(feeds(net, program, x, mask))["y"].numpy()


def check_gradient(layer: Any, mode: str, masked: bool = True) -> None:
    """The gradient is that of central differences of the reference's loss."""
    net = network(layer, mode)
    data = dataset(net, features(), GAPS if masked else None)
    _, gradient = net.gradient(data)
    graph = lower(net.config, features_mask=masked, loss=True)
    given = {"x": data.features, "labels": data.labels, **({"features_mask": GAPS} if masked else {}), **net.buffers()}
    parameters, generator = net.parameters(), np.random.default_rng(0)
    for name, array in parameters.items():
        direction = generator.standard_normal(array.shape)
        moved = [{**given, **parameters, name: array + step * direction} for step in (1e-5, -1e-5)]
        losses = [run(graph, {**one, **begun(graph, len(GAPS), one)})["loss"] for one in moved]
        found = float((gradient[name] * direction).sum())
        assert found == pytest.approx(float(losses[0] - losses[1]) / 2e-5, rel=2e-6, abs=2e-8), name


def check_a_masked_step_does_not_exist(layer: Any) -> None:
    """Removing masked steps, adding padding anywhere, and what stands at masked steps change nothing at real ones, gradients included."""
    net = network(layer)
    x, mask = features(), GAPS
    y = net.output(np.where(mask[:, None] > 0, x, np.nan), mask)
    for row, real in enumerate(mask > 0):
        if real.any():
            alone = net.output(x[row : row + 1, :, real])
            got = y[row : row + 1][:, :, real] if y.ndim == 3 else y[row : row + 1]
            np.testing.assert_allclose(got, alone, rtol=0, atol=1e-11)
    data, places = dataset(net, x, mask), [0, 3, 5, 7, 7]
    score, gradient = net.gradient(data)
    hole = mask[:, None] == 0
    labels = [data.labels, data.labels]
    if y.ndim == 3:
        labels = [np.where(hole, np.nan, data.labels), np.insert(data.labels, places, 0, 2)]
    changed = [
        rg.DataSet(np.where(hole, 1e30, x), labels[0], mask),
        rg.DataSet(np.insert(x, places, np.nan, 2), labels[1], np.insert(mask, places, 0, 1)),
    ]
    for other in changed:
        same, gradients = net.gradient(other)
        assert same == pytest.approx(score, rel=1e-11)
        for name, array in gradients.items():
            np.testing.assert_allclose(array, gradient[name], rtol=0, atol=1e-10, err_msg=name)


def check_streaming(layer: Any, folder: Path, mode: str = "hold") -> None:
    """Whole, in chunks, step by step and each row alone: the same bits from onnxruntime, and the same numbers from torch."""
    net = network(layer, mode, "float32")
    x, mask = features().astype(np.float32), GAPS.astype(np.float32)
    for given in (None, mask):
        export_onnx(net, folder / "net.onnx", features_mask=given is not None, streaming=True)
        session = StreamingSession(folder / "net.onnx")
        whole = session.output(x, given)
        for sizes in ([1], [2, 1, 4], [3]):
            session.rnn_clear_previous_state()
            net.rnn_clear_previous_state()
            parts = [session.rnn_time_step(x[:, :, s], None if given is None else given[:, s]) for s in _cuts(sizes, x.shape[2])]
            got = np.concatenate(parts, 2) if whole.ndim == 3 else parts[-1]
            assert np.array_equal(at_real_steps(got, given), at_real_steps(whole, given))
            parts = [net.rnn_time_step(x[:, :, s], None if given is None else given[:, s]) for s in _cuts(sizes, x.shape[2])]
            got = np.concatenate(parts, 2) if whole.ndim == 3 else parts[-1]
            np.testing.assert_allclose(at_real_steps(got, given), at_real_steps(whole, given), rtol=0, atol=2e-6)
        for row in range(len(x)):
            alone = session.output(x[row : row + 1], None if given is None else given[row : row + 1])
            real = None if given is None else given[row : row + 1]
            assert np.array_equal(at_real_steps(alone, real), at_real_steps(whole[row : row + 1], real))


def _cuts(sizes: list[int], total: int) -> Iterator[slice]:
    start, k = 0, 0
    while start < total:
        stop = min(total, start + sizes[k % len(sizes)])
        yield slice(start, stop)
        start, k = stop, k + 1


def check_whole_sequences_only(layer: Any, folder: Path) -> None:
    """It does not stream, and every way of asking for that says why, naming the layer."""
    net = network(layer, data_type="float32")
    title = layer.title.replace("(", r"\(").replace(")", r"\)")
    reason = rf"layers\[0\] \({title}\): layer 0 \(\w+\(.*\)\) runs backwards in time: its first output needs the last step of the sequence"
    with pytest.raises(StreamingError, match=rf"^the network cannot be fed step by step: {reason}; output\(x\) computes whole sequences$"):
        net.rnn_time_step(features()[:, :, 0])
    with pytest.raises(StateError, match=rf"layers\[0\] is a {type(layer).__name__}, which has no state"):
        net.rnn_get_previous_state(0)
    everything: tuple[dict[str, Any], ...] = ({"streaming": True}, {"steps": 1})
    for asked in everything:
        with pytest.raises(ExportError, match=rf"the network cannot stream: {reason}; leave {next(iter(asked))}="):
            export_onnx(net, folder / "net.onnx", **asked)
    export_onnx(net, folder / "net.onnx")
    session = StreamingSession(folder / "net.onnx")
    with pytest.raises(
        StreamingError, match=r"net\.onnx cannot be fed step by step: layers\[0\] \(.*\): layer 0 .* runs backwards in time"
    ):
        session.rnn_time_step(features()[:, :, 0].astype(np.float32))
    assert not session.manifest.states
    assert not session.manifest.streams
    summary = net.summary().splitlines()[2].split()
    assert (summary[1], summary[-1]) == (layer.title, "no")
