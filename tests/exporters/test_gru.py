"""The fused GRU: which layers become one, its attributes, orders and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.targets import Target
from rnngraph.ir.passes.fuse_gru import fuse_gru
from tests.exporters.networks import Layer, model, parameters, stack


def ops(proto: onnx.ModelProto) -> list[str]:
    return [n.op_type for n in proto.graph.node]


def attributes(layer: Layer, target: Target = "cpu") -> dict[str, Any]:
    (node,) = [n for n in model(stack([layer]), target).graph.node if n.op_type == "GRU"]
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("layer", "portable", "cpu"),
    [
        (Layer("gru", 3), "GRU", "GRU"),
        (Layer("gru", 3, reverse=True), "GRU", "GRU"),
        (Layer("gru", 3, mask_mode="reset"), "GRU", "GRU"),
        (Layer("gru", 3, "elu"), "Scan", "GRU"),
        (Layer("gru", 3, "tanh", "hardsigmoid"), "Scan", "GRU"),
        (Layer("gru", 3, "tanh", "softsign"), "Scan", "Scan"),
        (Layer("gru", 3, "sigmoid"), "Scan", "Scan"),
        (Layer("gru", 3, "rationaltanh"), "Scan", "Scan"),
        (Layer("gru_reset_before", 3), "Scan", "GRU"),
        (Layer("layer_norm_rnn", 3), "Scan", "Scan"),
    ],
)
def test_what_each_target_fuses(layer: Layer, portable: str, cpu: str, masked: bool) -> None:
    graph = stack([layer], masked=masked)
    targets: tuple[tuple[Target, str], ...] = (("portable", portable), ("cpu", cpu))
    for target, op in targets:
        assert [o for o in ops(model(graph, target)) if o in ("LSTM", "Scan", "Loop", "RNN", "GRU")] == [op]


def test_float64_is_never_fused() -> None:
    assert "GRU" not in ops(model(stack([Layer("gru", 3)], data_type="float64"), "cpu"))


def test_no_attribute_that_could_be_left_out() -> None:
    assert attributes(Layer("gru", 3), "portable") == {"hidden_size": 3, "linear_before_reset": 1}
    assert attributes(Layer("gru_reset_before", 3)) == {"hidden_size": 3}
    assert attributes(Layer("gru", 3, reverse=True), "portable") == {"hidden_size": 3, "linear_before_reset": 1, "direction": b"reverse"}


def test_alpha_and_beta_stand_in_the_order_in_which_they_are_consumed() -> None:
    got = attributes(Layer("gru", 3, "elu", "hardsigmoid"))
    assert got["activations"] == [b"HardSigmoid", b"Elu"]
    assert got["activation_alpha"] == pytest.approx([0.2, 1.0])
    assert got["activation_beta"] == pytest.approx([0.5])


@pytest.mark.parametrize("cell", ["gru", "gru_reset_before"])
def test_orders_of_gates(cell: str) -> None:
    graph = stack([Layer(cell, 2)])
    proto = model(graph, "cpu")
    (node,) = [n for n in proto.graph.node if n.op_type == "GRU"]
    arrays = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    w, r, b = (arrays[node.input[k]] for k in (1, 2, 3))
    have = parameters(graph)
    zrh = np.array([2, 3, 0, 1, 4, 5])  # rows of z, r, n in our r, z, n of two units each
    assert np.array_equal(w[0], have["0.W"][zrh])
    assert np.array_equal(r[0], have["0.R"][zrh])
    assert np.array_equal(b[0], np.concatenate([have["0.b"][zrh], have.get("0.bR", np.zeros(6))[zrh]]))


def test_a_start_at_zero_is_left_out() -> None:
    for cell, op, first in (("gru", "GRU", 5), ("lstm", "LSTM", 5)):
        (node,) = [n for n in model(stack([Layer(cell, 3)], whole=True)).graph.node if n.op_type == op]
        assert list(node.input)[first:] == [""] * (len(node.input) - first)


def test_a_masked_gru_needs_the_pass() -> None:
    graph = fuse_gru(stack([Layer("gru", 3)], masked=True), lambda act, gate, reset_after: True)
    with pytest.raises(GraphError, match=r"0\.gru\w*: a masked gru has no ONNX form; run the pass mask_weights first"):
        build_model(graph, parameters(graph))
