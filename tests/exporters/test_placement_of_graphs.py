"""Under onnxruntime's CUDA provider no node of a graph's portable file falls back to the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnngraph.exporters import export_onnx
from tests.exporters.graphs import backward, by_values, one_time, stacked, translator, two_times, words
from tests.exporters.networks import Net
from tests.exporters.test_placement import placement, pytestmark  # noqa: F401  (skips where the tool is not)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("build", [two_times, one_time, translator, backward, stacked, words, by_values])
def test_no_node_on_the_cpu(build: Callable[[], Net], masked: bool, tmp_path: Path) -> None:
    export_onnx(build(), tmp_path / "net.onnx", features_mask=masked)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("build", [two_times, one_time, stacked, words])
def test_no_node_of_a_single_step_on_the_cpu(build: Callable[[], Net], tmp_path: Path) -> None:
    export_onnx(build(), tmp_path / "net.onnx", features_mask=True, steps=1)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}
