"""DL4J's tables: activations and their derivatives, in torch, the reference and onnxruntime; preprocessors in the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.backends.torch.rows import activate
from rnngraph.conf.preprocessors import PreProcessor
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.ir.activations import ACTIVATIONS
from rnngraph.ir.graph import Graph
from rnngraph.ir.types import N, T, floats
from rnngraph.lowering.preprocessors import channels_first, channels_last, lower_preprocessor
from tests.exporters.networks import run as run_onnx
from tests.exporters.networks import session

DIFFERENT = {"rrelu"}
"""See docs/differences.md."""


@pytest.fixture(scope="module")
def arrays(goldens: Path) -> dict[str, np.ndarray]:
    path = goldens / "activations" / "arrays.npz"
    if not path.is_file():
        pytest.skip("the whole collection of recorded cases is not beside this clone")
    with np.load(path) as file:
        return {k: file[k] for k in file.files}


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_values_and_derivatives(name: str, arrays: dict[str, np.ndarray]) -> None:
    """DL4J computed in float64, with 0.2, 0.01, 1.702 and 1.7159 as float32 numbers."""
    x, want = arrays["x"], arrays[name]
    if name in DIFFERENT:
        negative = x < 0
        np.testing.assert_allclose(want, np.maximum(x, (1 / 8 + 1 / 3) / 2), rtol=1e-6)
        np.testing.assert_allclose(activate(name, torch.from_numpy(x)).numpy(), np.where(negative, x * 11 / 48, x))
        return
    given = torch.from_numpy(x).requires_grad_()
    ours = activate(name, given)
    np.testing.assert_allclose(ours.detach().numpy(), want, rtol=1e-7, atol=1e-8)
    if name != "softmax":  # whose derivative is no elementwise factor
        (slope,) = torch.autograd.grad(ours.sum(), given)
        np.testing.assert_allclose(slope.numpy(), arrays[f"{name}_grad"], rtol=1e-7, atol=1e-8)
    for data_type, tolerance in (("float64", 1e-7), ("float32", 1e-6)):
        graph = Graph(data_type)  # type: ignore[arg-type]
        value = graph.input("x", "input", floats(*x.shape))
        graph.output("y", "output", graph.add("activation", [value], name=name))
        for got in (run(graph, {"x": x})["y"], run_onnx(session(build_model(graph, {})), {"x": x.astype(data_type)})["y"]):
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


FRAME = (3, 4, 2)
PREPROCESSORS: dict[str, PreProcessor] = {
    "rnn_to_ff": rg.RnnToFeedForwardPreProcessor(),
    "ff_to_rnn": rg.FeedForwardToRnnPreProcessor(),
    "cnn_to_rnn": rg.CnnToRnnPreProcessor(*FRAME),
    "rnn_to_cnn": rg.RnnToCnnPreProcessor(*FRAME),
    "cnn_to_ff": rg.CnnToFeedForwardPreProcessor(*FRAME),
    "ff_to_cnn": rg.FeedForwardToCnnPreProcessor(*FRAME),
}


@pytest.mark.parametrize("name", PREPROCESSORS)
def test_preprocessors(name: str, goldens: Path) -> None:
    """There rows are steps and examples, t · N + i, with images channels-first; here [T, N, ...], channels-last."""
    path = goldens / "preprocessors" / "arrays.npz"
    if not path.is_file():
        pytest.skip("the whole collection of recorded cases is not beside this clone")
    with np.load(path) as file:
        x, want = file[f"{name}_x"], file[f"{name}_out"]
    inside = stepped(x)
    graph = Graph("float64")
    value = graph.input("x", "input", floats(T, N, *inside.shape[2:]))
    out = lower_preprocessor(PREPROCESSORS[name], graph, channels_last(value, "in") if inside.ndim == 5 else value)
    graph.output("y", "output", channels_first(out, "out") if out.type.rank == 5 else out)
    np.testing.assert_array_equal(run(graph, {"x": inside})["y"], stepped(want))


def stepped(array: np.ndarray) -> np.ndarray:
    """DL4J's array of 4 examples as [T, N, ...]: rows t · N + i unfolded, time series turned, T = 1 where there is no time."""
    return array.transpose(2, 0, 1) if array.ndim == 3 else array.reshape(-1, 4, *array.shape[1:])
