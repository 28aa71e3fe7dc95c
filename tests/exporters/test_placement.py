"""Under onnxruntime's CUDA provider no node of a portable file falls back to the CPU, as a tool beside the clone tells without a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.ir.activations import ACTIVATIONS
from tests.exporters.networks import Layer, classifier, model, stack

TOOL = Path(__file__).resolve().parents[3] / "shared" / "tools" / "cuda_placement" / "placement.py"

pytestmark = [
    pytest.mark.skipif(not TOOL.is_file(), reason=f"the placement tool is not at {TOOL}"),
    pytest.mark.skipif(find_spec("nvidia") is None, reason="the CUDA headers are not installed: pip install 'rnngraph[dev]'"),
]

GATED = [Layer(cell, 3, act) for cell in ("lstm", "graves_lstm") for act in ACTIVATIONS]
GATES = [Layer("graves_lstm", 3, "tanh", gate) for gate in ACTIVATIONS]
PLAIN = [Layer("simple_rnn", 3, act) for act in ACTIVATIONS]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize(
    "layers", [GATED[:9], GATED[9:], GATES, PLAIN, [Layer("lstm", 3, mask_mode="reset"), Layer("graves_lstm", 3, mask_mode="reset")]]
)
def test_no_node_on_the_cpu(layers: list[Layer], steps: int | None, masked: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model(stack(layers, masked=masked), steps=steps), file)
    assert placement(file).get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("masked", [False, True])
def test_backward_layers_and_heads(masked: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    for head in ACTIVATIONS if not masked else ["softmax"]:
        layers = [Layer("lstm", 3, reverse=True), Layer("graves_lstm", 3, reverse=True)]
        onnx.save(model(stack(layers, masked=masked, head=head)), file)
        assert placement(file).get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
def test_the_last_step_of_a_masked_sequence(mode: str, steps: Any, tmp_path: Path) -> None:
    export_onnx(classifier(mask_mode=mode), tmp_path / "net.onnx", features_mask=True, steps=steps)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


def heads(kind: Any, p: int = 2) -> list[Any]:
    return [rg.GlobalPoolingLayer(kind, pnorm=p), rg.OutputLayer(n_out=2, has_layer_norm=True)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("kind", ["max", "avg", "sum", "pnorm"])
def test_pooling_embedding_and_normalisation(kind: str, steps: Any, masked: bool, tmp_path: Path) -> None:
    layers = [
        rg.EmbeddingSequenceLayer(n_in=7, n_out=4, has_bias=True),
        rg.BatchNormalization(),
        rg.DropoutLayer(dropout=rg.Dropout(retain=0.5)),
        rg.DenseLayer(n_out=5, has_layer_norm=True),
        rg.ActivationLayer(activation="tanh"),
        *heads(kind, 3),
    ]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    export_onnx(net, tmp_path / "net.onnx", features_mask=masked, steps=steps)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


def test_an_embedding_of_one_id_a_row(tmp_path: Path) -> None:
    layers = [rg.EmbeddingLayer(n_in=7, n_out=4), rg.BatchNormalization(), rg.LossLayer()]
    export_onnx(rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)), tmp_path / "net.onnx")
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


def test_the_tool_sees_a_fallback(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model(stack([Layer("graves_lstm", 3)]), "cpu"), file)
    assert placement(file)["CPUExecutionProvider"] == {"LSTM": 1}


def placement(file: Path) -> dict[str, dict[str, int]]:
    """Provider to op to count."""
    done = subprocess.run([sys.executable, str(TOOL), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    nodes: dict[str, dict[str, int]] = json.loads(done.stdout)["nodes"]
    return nodes
