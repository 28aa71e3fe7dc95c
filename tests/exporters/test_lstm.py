"""The fused LSTM: which layers become one, its attributes, orders and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.emit import IR_VERSION, OPSET, build_model
from rnngraph.exporters.onnx.targets import Target
from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from tests.exporters.networks import Layer, model, parameters, session, stack


def ops(proto: onnx.ModelProto) -> list[str]:
    return [n.op_type for n in proto.graph.node]


def constants(proto: onnx.ModelProto, names: list[str]) -> list[np.ndarray]:
    """The values that onnxruntime makes when it loads the model."""
    info = onnx.TypeProto(tensor_type=onnx.TypeProto.Tensor(elem_type=onnx.TensorProto.FLOAT))
    proto.graph.output.extend(onnx.ValueInfoProto(name=name, type=info) for name in names)
    sess = session(proto)
    sizes = {"N": 1, "T": 1}
    given = {i.name: np.zeros([sizes.get(d, d) for d in i.shape], np.float32) for i in sess.get_inputs()}
    return [np.asarray(a) for a in sess.run(names, given)]


def attributes(layer: Layer, target: Target = "cpu") -> dict[str, Any]:
    (node,) = [n for n in model(stack([layer]), target).graph.node if n.op_type == "LSTM"]
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def test_opset_and_ir_version_are_said() -> None:
    proto = model(stack([Layer("lstm", 3)]))
    assert (OPSET, IR_VERSION) == (21, 10)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 21)]
    assert proto.ir_version == 10


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("layer", "portable", "cpu"),
    [
        (Layer("lstm", 3), "LSTM", "LSTM"),
        (Layer("lstm", 3, reverse=True), "LSTM", "LSTM"),
        (Layer("lstm", 3, "elu"), "Scan", "LSTM"),
        (Layer("lstm", 3, "tanh", "hardsigmoid"), "Scan", "LSTM"),
        (Layer("lstm", 3, "tanh", "softsign"), "Scan", "Scan"),
        (Layer("lstm", 3, "rationaltanh"), "Scan", "Scan"),
        (Layer("lstm", 3, "identity"), "Scan", "Scan"),
        (Layer("graves_lstm", 3), "Scan", "LSTM"),
        (Layer("simple_rnn", 3), "Scan", "Scan"),
    ],
)
def test_what_each_target_fuses(layer: Layer, portable: str, cpu: str, masked: bool) -> None:
    graph = stack([layer], masked=masked)
    targets: tuple[tuple[Target, str], ...] = (("portable", portable), ("cpu", cpu))
    for target, op in targets:
        assert [o for o in ops(model(graph, target)) if o in ("LSTM", "Scan", "Loop", "RNN", "GRU")] == [op]


def test_float64_is_never_fused() -> None:
    assert "LSTM" not in ops(model(stack([Layer("lstm", 3)], data_type="float64"), "cpu"))


def test_default_lstm_has_no_attribute_that_could_be_left_out() -> None:
    assert attributes(Layer("lstm", 3), "portable") == {"hidden_size": 3}
    assert attributes(Layer("graves_lstm", 3)) == {"hidden_size": 3}
    assert attributes(Layer("lstm", 3, reverse=True), "portable") == {"hidden_size": 3, "direction": b"reverse"}


def test_alpha_and_beta_stand_in_the_order_in_which_they_are_consumed() -> None:
    got = attributes(Layer("lstm", 3, "elu", "hardsigmoid"))
    assert got["activations"] == [b"HardSigmoid", b"Elu", b"Elu"]
    assert got["activation_alpha"] == pytest.approx([0.2, 1.0, 1.0])
    assert got["activation_beta"] == pytest.approx([0.5])
    got = attributes(Layer("lstm", 3, "softsign"))
    assert got == {"hidden_size": 3, "activations": [b"Sigmoid", b"Softsign", b"Softsign"]}


def test_orders_of_gates_and_peepholes() -> None:
    graph = stack([Layer("graves_lstm", 2)])
    proto = model(graph, "cpu")
    (node,) = [n for n in proto.graph.node if n.op_type == "LSTM"]
    w, r, b, p = constants(proto, [node.input[k] for k in (1, 2, 3, 7)])
    have = parameters(graph)
    iofc = np.array([0, 1, 6, 7, 2, 3, 4, 5])  # rows of i, o, f, g in our i, f, g, o of two units each
    assert np.array_equal(w[0], have["0.W"][iofc])
    assert np.array_equal(r[0], have["0.R"][iofc])
    assert np.array_equal(b[0], np.concatenate([have["0.b"][iofc], np.zeros(8)]))
    assert np.array_equal(p[0], np.concatenate([have["0.P"][0], have["0.P"][2], have["0.P"][1]]))


def test_weights_are_stored_once_and_inside_the_scan() -> None:
    graph = stack([Layer("graves_lstm", 64)], features=32)
    proto = model(graph)
    assert len(proto.SerializeToString()) < 4 * sum(a.size for a in parameters(graph).values()) + 8192
    (scan,) = [n for n in proto.graph.node if n.op_type == "Scan"]
    body = next(a.g for a in scan.attribute if a.name == "body")
    assert {tuple(t.dims) for t in body.initializer} >= {(64, 256), (64,)}
    assert sorted(tuple(t.dims) for t in proto.graph.initializer if len(t.dims) == 2) == [(32, 256), (64, 3)]


def test_a_masked_lstm_needs_the_pass() -> None:
    graph = fuse_lstm(stack([Layer("lstm", 3)], masked=True), lambda act, gate, peephole: True)
    with pytest.raises(GraphError, match=r"0\.lstm\w*: a masked lstm has no ONNX form; run the pass mask_weights first"):
        build_model(graph, parameters(graph))
