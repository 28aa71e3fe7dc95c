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
from rnngraph.errors import ExportError
from rnngraph.exporters import export_onnx
from tests.exporters.networks import Layer, classifier, model, net_of, stack
from tests.spellings import SPELLINGS

TOOL = Path(__file__).resolve().parents[3] / "shared" / "tools" / "cuda_placement" / "placement.py"

pytestmark = [
    pytest.mark.skipif(not TOOL.is_file(), reason=f"the placement tool is not at {TOOL}"),
    pytest.mark.skipif(find_spec("nvidia") is None, reason="the CUDA headers are not installed: pip install 'rnngraph[dev]'"),
]

GATED = [Layer(cell, 3, act) for cell in ("lstm", "graves_lstm") for act in SPELLINGS]
GATES = [Layer("graves_lstm", 3, "tanh", gate) for gate in SPELLINGS]
PLAIN = [Layer("simple_rnn", 3, act) for act in SPELLINGS]
OTHERS = [Layer(cell, 3, act) for cell in ("gru", "gru_reset_before", "layer_norm_rnn") for act in ("tanh", "elu")]
RESET = [Layer(cell, 3, mask_mode="reset") for cell in ("lstm", "graves_lstm", "gru", "gru_reset_before", "layer_norm_rnn")]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("layers", [GATED[::2], GATED[1::2], GATES, PLAIN, OTHERS, RESET])
def test_no_node_on_the_cpu(layers: list[Layer], steps: int | None, masked: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model(stack(layers, masked=masked), steps=steps), file)
    assert placement(file).get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("masked", [False, True])
def test_backward_layers_and_heads(masked: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    for head in SPELLINGS if not masked else ["softmax"]:
        layers = [Layer(cell, 3, reverse=True) for cell in ("lstm", "graves_lstm", "gru", "layer_norm_rnn")]
        onnx.save(model(stack(layers, masked=masked, head=head, whole=head == "softmax")), file)
        assert placement(file).get("CPUExecutionProvider", {}) == {}


def test_backward_layers_that_begin_with_what_was_learned(tmp_path: Path) -> None:
    cells = (rg.LSTM, rg.GRU, rg.GravesLSTM)
    layers = [rg.Bidirectional(cell(n_out=2, initial_state="learned")) for cell in cells]
    export_onnx(
        net_of(*layers, rg.RnnOutputLayer(n_out=2), input_type=rg.InputType.recurrent(3)), tmp_path / "net.onnx", features_mask=True
    )
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
def test_the_last_step_of_a_masked_sequence(mode: str, steps: Any, tmp_path: Path) -> None:
    export_onnx(classifier(mask_mode=mode), tmp_path / "net.onnx", features_mask=True, steps=steps)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


def heads(kind: Any, p: int = 2) -> list[Any]:
    return [rg.GlobalPoolingLayer(kind, pnorm=p), rg.OutputLayer(n_out=2, has_layer_norm=True)]


WRAPPED: dict[str, Any] = {
    "bidirectional": lambda: rg.Bidirectional(rg.GRU(n_out=3)),
    "reset before": lambda: rg.Bidirectional("mul", rg.GRU(n_out=3, reset_after=False)),
    "both ways": lambda: rg.GravesBidirectionalLSTM(n_out=3, mask_mode="reset"),
    "last of both": lambda: rg.LastTimeStep(rg.Bidirectional(rg.LSTM(n_out=3))),
    "both lasts": lambda: rg.Bidirectional(rg.LastTimeStep(rg.SimpleRnn(n_out=3, mask_mode="reset"))),
    "layer norm": lambda: rg.LastTimeStep(rg.MaskZeroLayer(rg.SimpleRnn(n_out=3, has_layer_norm=True))),
    "steps": lambda: rg.LastTimeStep(rg.TimeDistributed(rg.DenseLayer(n_out=3))),
}


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


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped_layers(name: str, steps: Any, masked: bool, tmp_path: Path) -> None:
    layer = WRAPPED[name]()
    start = rg.InputType.recurrent(2)
    end = rg.RnnOutputLayer(n_out=2) if layer.output_type(start).has_time else rg.OutputLayer(n_out=2)
    config = rg.MultiLayerConfiguration(layers=[layer, end], input_type=start)
    net = rg.MultiLayerNetwork(config)
    if steps == 1 and not layer.causal:
        with pytest.raises(ExportError, match="steps=1: the network cannot stream"):
            export_onnx(net, tmp_path / "net.onnx", features_mask=masked, steps=steps)
        return
    export_onnx(net, tmp_path / "net.onnx", features_mask=masked, steps=steps)
    assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}


@pytest.mark.parametrize("mode", ["hold", "ignore"])
def test_a_normalizer(mode: str, tmp_path: Path) -> None:
    net = net_of(rg.LSTM(n_in=2, n_out=6), rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse"), mask_mode=mode)
    normalizer = rg.NormalizerMinMaxScaler.from_statistics([1.0, 2.0], [3.0, 4.0], [5.0], [6.0], min_range=-1)
    export_onnx(net, tmp_path / "net.onnx", features_mask=True, normalizer=normalizer)
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


@pytest.mark.parametrize("masked", [False, True])
def test_weights_in_fewer_bits(masked: bool, tmp_path: Path) -> None:
    """A portable file has no integer product, for which CUDA has no kernel."""
    layers = [rg.LSTM(n_in=5, n_out=30), rg.GravesLSTM(n_out=20), rg.GRU(n_out=20, reset_after=False), rg.SimpleRnn(n_out=20)]
    for precision in ("float16", "bfloat16", "int8"):
        net = net_of(*layers, rg.RnnOutputLayer(n_out=20, activation="softmax", loss="mcxent"))
        export_onnx(net, tmp_path / "net.onnx", features_mask=masked, precision=precision)
        assert placement(tmp_path / "net.onnx").get("CPUExecutionProvider", {}) == {}
