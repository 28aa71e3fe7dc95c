"""DL4J's table of activations and their derivatives, in torch, the reference and onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rnngraph.backends.reference import run
from rnngraph.backends.torch.rows import activate
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.ir.activations import ACTIVATIONS
from rnngraph.ir.graph import Graph
from rnngraph.ir.types import floats
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
