"""What a file costs beyond its parameters: zeros and mask columns are made when it is loaded, and are constants before anything runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from tests.exporters.networks import Layer, feeds, gapped, in_chunks, model, net_of, run, same, session, stack

LIMIT = 64 * 1024


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("layers", "width"), [(1, 1550), (2, 900), (3, 700), (5, 512), (10, 350)])
def test_ten_million_parameters_cost_64_kb_at_most(layers: int, width: int, masked: bool, tmp_path: Path) -> None:
    stacked = [rg.LSTM(n_in=64, n_out=width), *(rg.LSTM(n_out=width) for _ in range(layers - 1))]
    net, file = net_of(*stacked, rg.RnnOutputLayer(n_out=10)), tmp_path / "net.onnx"
    count = sum(a.size for a in net.parameters().values())
    assert count > 9_000_000
    export_onnx(net, file, features_mask=masked)
    assert file.stat().st_size - 4 * count < LIMIT


@pytest.mark.parametrize("target", ["portable", "cpu"])
def test_cells_that_are_not_fused_cost_no_more(target: Any, tmp_path: Path) -> None:
    layers = [rg.GravesLSTM(n_in=20, n_out=30), *(rg.GravesLSTM(n_out=30, activation="softsign") for _ in range(9))]
    net, file = net_of(*layers, rg.RnnOutputLayer(n_out=10)), tmp_path / "net.onnx"
    export_onnx(net, file, target=target, features_mask=True)
    assert file.stat().st_size - 4 * sum(a.size for a in net.parameters().values()) < LIMIT


def loaded(proto: onnx.ModelProto, tmp_path: Path) -> onnx.ModelProto:
    """The graph after the optimisations that come before nodes are given to a device."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(tmp_path / "loaded.onnx")


MODES = [(False, "hold"), (True, "hold"), (True, "reset")]


@pytest.mark.parametrize(("masked", "mode"), MODES)
@pytest.mark.parametrize("reverse", [False, True])
def test_weights_and_biases_are_constants_once_the_file_is_loaded(masked: bool, mode: str, reverse: bool, tmp_path: Path) -> None:
    """CUDA drops a bias that is computed beside weights that are constant."""
    layers = [Layer("lstm", 4, reverse=reverse, mask_mode=mode), Layer("lstm", 3, reverse=reverse, mask_mode=mode)]
    got = loaded(model(stack(layers, masked=masked)), tmp_path)
    constants = {t.name for t in got.graph.initializer}
    fused = [n for n in got.graph.node if n.op_type == "LSTM"]
    assert len(fused) == 2
    assert all(n.input[k] in constants for n in fused for k in (1, 2, 3))


def test_without_optimisation_weights_are_computed_as_the_bias_is() -> None:
    proto = model(stack([Layer("lstm", 4)]))
    (node,) = [n for n in proto.graph.node if n.op_type == "LSTM"]
    assert not {t.name for t in proto.graph.initializer} & {node.input[1], node.input[3]}


@pytest.mark.parametrize(("masked", "mode"), MODES)
def test_what_is_made_has_the_bits_of_what_would_be_stored(masked: bool, mode: str, tmp_path: Path) -> None:
    graph = stack([Layer("lstm", 7, mask_mode=mode), Layer("lstm", 64, mask_mode=mode)], masked=masked)
    given = gapped(feeds(graph, 3, 30)) if masked else feeds(graph, 3, 30)
    proto = model(graph)
    stored = run(session(loaded(proto, tmp_path)), given)
    off = ort.SessionOptions()
    off.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = ort.InferenceSession(proto.SerializeToString(), off, providers=["CPUExecutionProvider"])
    for got in (session(proto), plain):
        for name, value in run(got, given).items():
            np.testing.assert_array_equal(value, stored[name])
    same(in_chunks(session(proto), given, [4, 9]), stored, given.get("features_mask"))


@pytest.mark.parametrize("masked", [False, True])
def test_names_tell_the_layer_and_what_it_is(masked: bool) -> None:
    proto = model(stack([Layer("lstm", 4), Layer("lstm", 3), Layer("graves_lstm", 3)], masked=masked))
    lstms = [n for n in proto.graph.node if n.op_type == "LSTM"]
    base = "masked_lstm" if masked else "lstm"
    assert [list(n.input[1:4]) for n in lstms] == [[f"{k}.{base}.{p}" for p in "WRB"] for k in (0, 1)]
    names = {o for n in proto.graph.node for o in n.output} | {t.name for t in proto.graph.initializer}
    assert "2.graves_lstm" in names
    assert not [n for n in names if re.search(r"_\d+_\d+", n) and "state_" not in n]


def test_states_that_are_no_output_keep_their_keys() -> None:
    proto = model(stack([Layer("lstm", 4)], masked=True))
    assert "0.h" in {o for n in proto.graph.node for o in n.output}
