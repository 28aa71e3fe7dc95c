"""All backends on the same random graphs: each op has a row in each table, and the numbers agree."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnngraph.backends.reference import run
from rnngraph.backends.reference.table import TABLE
from rnngraph.backends.torch import Program
from rnngraph.backends.torch.recurrent import run_recurrent
from rnngraph.backends.torch.rows import ROWS
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.targets import Target, transform
from rnngraph.ir.graph import DataType
from rnngraph.ir.ops import OPS
from tests.exporters.networks import run as run_onnx
from tests.exporters.networks import session
from tests.ir.builders import Case, Layer, build, cases, feeds

DRIVEN = {"recurrent": run_recurrent}


def test_every_op_has_a_row_in_torch_and_in_the_reference() -> None:
    assert set(OPS) == set(ROWS) | set(DRIVEN)
    assert set(OPS) == set(TABLE)


TOLERANCE = {"float64": 1e-9, "float32": 2e-5}
"""Nothing but rounding is left in float64; in float32 onnxruntime's LSTM runs as well, masks in its weights."""


@settings(max_examples=200)
@given(case=cases(modes=("hold", "reset")), data_type=st.sampled_from(get_args(DataType)), target=st.sampled_from(get_args(Target)))
def test_torch_and_onnxruntime_agree_with_the_reference(case: Case, data_type: DataType, target: Target) -> None:
    """Each graph has a recurrent node, a state and a mask."""
    graph = build(case.layers, case.mode, data_type)
    arrays = feeds(graph, case)
    expected = run(graph, arrays)
    with torch.no_grad():
        ours = Program(graph)({k: torch.from_numpy(v) for k, v in arrays.items()})
    parameters = {p.name: arrays[p.name] for p in graph.ports("parameter")}
    proto = build_model(transform(graph, target, None), parameters)
    onnx = run_onnx(session(proto), {k: v for k, v in arrays.items() if k not in parameters})
    real = case.mask[:, None, :] > 0.5
    for name, want in expected.items():
        scale = max(1.0, float(np.abs(want).max(initial=0.0)))
        for got in (ours[name].numpy(), onnx[name]):
            difference = np.abs(got - want)
            difference = np.where(real, difference, 0.0) if name == "y" else difference
            assert difference.max() <= TOLERANCE[data_type] * scale, name


@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_gradients_of_the_masked_fused_lstm_are_those_of_the_plain_loop(mode: str) -> None:
    mask = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=float)
    graph = build([Layer(), Layer(reverse=True)], mode)
    arrays = feeds(graph, Case((), mode, mask, nan=True, seed=3))
    results = []
    for fuse in (True, False):
        tensors = {k: torch.from_numpy(v).requires_grad_(not k.endswith("mask") and k != "x") for k, v in arrays.items()}
        out = Program(graph, fuse=fuse)(tensors)
        loss = sum((k + 1.5) * v.nan_to_num().sin().sum() for k, v in enumerate(out.values()))
        assert isinstance(loss, torch.Tensor)
        names = [k for k, v in tensors.items() if v.requires_grad]
        results.append(dict(zip(names, torch.autograd.grad(loss, [tensors[k] for k in names]), strict=True)))
    for name, gradient in results[0].items():
        torch.testing.assert_close(gradient, results[1][name], rtol=1e-9, atol=1e-11)
