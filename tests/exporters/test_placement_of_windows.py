"""Convolution, pooling and video: no node of a portable file falls back to the CPU under CUDA, shape arithmetic included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from tests.exporters.networks import net_of
from tests.exporters.test_placement import placement, pytestmark  # noqa: F401  (the same tool, the same reasons to skip)

SERIES, IMAGES = rg.InputType.recurrent(5), rg.InputType.convolutional(12, 10, 2)
HEAD = [rg.LSTM(n_out=3), rg.RnnOutputLayer(n_out=2)]
PARTS: Any = {"convolution_mode": "same", "avg_pool_include_pad_in_divisor": False}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("layers", "input_type"),
    [
        ([rg.Convolution1DLayer(3, n_out=4, convolution_mode="causal", dilation=2)], SERIES),
        ([rg.Convolution1DLayer(3, n_out=4, convolution_mode="same", dilation=2, stride=2)], SERIES),
        ([rg.Convolution1DLayer(3, n_out=4, padding=1, stride=2), rg.Subsampling1DLayer("pnorm", 3, 2, pnorm=3)], SERIES),
        ([rg.Subsampling1DLayer("avg", 3, 2, **PARTS), rg.Subsampling1DLayer("max", convolution_mode="causal")], SERIES),
        ([rg.ConvolutionLayer(3, n_out=4, convolution_mode="same", stride=2), rg.SubsamplingLayer("max", 2, padding=1)], IMAGES),
        ([rg.ConvolutionLayer(3, n_out=4, dilation=2), rg.SubsamplingLayer("avg", 3, **PARTS), rg.SubsamplingLayer("pnorm", 2)], IMAGES),
        ([rg.ConvolutionLayer(3, n_out=4), rg.BatchNormalization(), rg.GlobalPoolingLayer("avg")], IMAGES),
    ],
    ids=["causal", "same", "truncate", "pools", "video", "video pools", "global pool"],
)
def test_no_node_on_the_cpu(layers: list[Any], input_type: Any, masked: bool, tmp_path: Path) -> None:
    net = net_of(*layers, *HEAD, input_type=input_type)
    buffers = {"1.mean": [0.0] * 4, "1.var": [1.0] * 4} if any(isinstance(x, rg.BatchNormalization) for x in layers) else {}
    net.buffers = lambda: buffers  # type: ignore[attr-defined]
    export_onnx(net, tmp_path / "net.onnx", features_mask=masked)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("layer", [rg.Convolution1DLayer(3, n_in=5, n_out=4, convolution_mode="causal"), rg.ConvolutionLayer(3, n_out=4)])
def test_files_of_one_step(layer: Any, tmp_path: Path) -> None:
    input_type = IMAGES if isinstance(layer, rg.ConvolutionLayer) else SERIES
    export_onnx(net_of(layer, *HEAD, input_type=input_type), tmp_path / "net.onnx", steps=1, features_mask=True)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}
