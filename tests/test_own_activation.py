"""A user's own activation: layers and gates, all backends, training, export and streaming."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.backends.torch.recurrent import run_body, run_body_by_autograd
from rnngraph.exporters import export_onnx
from rnngraph.ir import activations
from rnngraph.ir.activations import lookup
from rnngraph.ir.cell import absolute, activation, exp, log, minimum, sqrt, sum_last, trace, where
from rnngraph.ir.cells import graves_lstm, lstm
from rnngraph.ir.graph import Value
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession
from tests.backends.test_torch_recurrent import compare


def bent(x: Value) -> Value:
    """(√(x² + 1) - 1) / 2 + x: the bent identity."""
    return (sqrt(x * x + 1.0) - 1.0) * 0.5 + x


def tanhshrink(x: Value) -> Value:
    """Over another activation."""
    return x - activation(x, name="tanh")


def unit_row(x: Value) -> Value:
    """All features of a row together."""
    return x / sqrt(sum_last(x * x) + 1.0)


NUMPY: dict[str, Any] = {
    "bent": lambda x: (np.sqrt(x * x + 1) - 1) / 2 + x,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "unit_row": lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True) + 1),
}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    rg.register_activation("bent", bent)
    rg.register_activation("tanh_shrink", tanhshrink)
    rg.register_activation("unit_row", unit_row)
    yield
    activations._REGISTERED.clear()


def network(name: str, **options: Any) -> rg.MultiLayerNetwork:
    layers = [
        rg.GravesLSTM(n_in=3, n_out=5, activation=name, gate_activation="hardsigmoid"),
        rg.LSTM(n_out=4, gate_activation=name),
        rg.SimpleRnn(n_out=4, activation=name),
        rg.DenseLayer(n_out=4, activation=name),
        rg.RnnOutputLayer(n_out=2),
    ]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=3, layers=layers, **options))


def states(graph: Any, n: int) -> dict[str, np.ndarray]:
    return {p.name: np.zeros((n, p.value.shape[1])) for p in graph.ports("state")}


@pytest.mark.parametrize("name", NUMPY)
def test_a_dense_layer_computes_the_function(name: str) -> None:
    layer = rg.DenseLayer(n_in=3, n_out=4, activation=name)
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer], data_type="float64"))
    x = np.random.default_rng(0).standard_normal((5, 3))
    p = net.parameters()
    np.testing.assert_allclose(net.output(x), NUMPY[name](x @ p["0.W"].T + p["0.b"]), rtol=1e-13)


@pytest.mark.parametrize("name", NUMPY)
def test_all_backends_agree_and_a_file_streams_bit_for_bit(name: str, tmp_path: Path) -> None:
    net = network(name)
    x = np.random.default_rng(0).standard_normal((3, 3, 7)).astype(np.float32)
    y = net.output(x)
    graph = lower(net.config)
    np.testing.assert_allclose(run(graph, {"x": x, **net.parameters(), **states(graph, 3)})["y"], y, atol=1e-6)
    export_onnx(net, tmp_path / "net.onnx")
    session = StreamingSession(tmp_path / "net.onnx")
    whole = session.output(x)
    np.testing.assert_allclose(whole, y, atol=1e-6)
    stepped = np.stack([session.rnn_time_step(x[:, :, t]) for t in range(7)], axis=2)
    assert np.array_equal(stepped, whole)
    assert np.array_equal(session.output(x[1:2]), whole[1:2])


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize("act", ["tanh", None])
def test_the_derived_backward_of_cells(name: str, act: str | None) -> None:
    for cell in (lstm, graves_lstm):
        compare(trace(cell, act=act or name, gate=name))


@pytest.mark.parametrize("name", NUMPY)
def test_gradients_equal_differences(name: str) -> None:
    net = network(name, data_type="float64")
    generator = np.random.default_rng(1)
    labels = np.eye(2)[generator.integers(0, 2, (3, 5))].transpose(0, 2, 1)
    data = rg.DataSet(generator.standard_normal((3, 3, 5)), labels)
    _, gradient = net.gradient(data)
    p = net.parameters()
    for key in ("0.W", "0.P", "1.R", "2.R", "3.W"):
        for position in ((0, 0), (2, 1)):
            scores = []
            for sign in (1, -1):
                changed = {k: v.copy() for k, v in p.items()}
                changed[key][position] += sign * 1e-6
                net.set_parameters(changed)
                scores.append(net.score(data))
            expected = (scores[0] - scores[1]) / 2e-6 * 3
            assert gradient[key][position] == pytest.approx(expected, rel=1e-6, abs=1e-8), key


def test_a_derivative_that_is_given_is_used_everywhere() -> None:
    """A step with the derivative of a line: in cells, where it is part of the derived backward, and in dense layers."""
    rg.register_activation("straight", lambda x: where(minimum(x, 0.0).block.add("greater", [x, 0.0]), 1.0, 0.0 * x), lambda x, y: 2.0)
    rg.register_activation("by_x", lambda x: x * x, lambda x, y: 3.0 * x)
    for name, expected in (("straight", [2.0, 2.0]), ("by_x", [-3.0, 6.0])):
        x = torch.tensor([[-1.0, 2.0]], requires_grad=True)
        from rnngraph.backends.torch.rows import activate

        activate(name, x).sum().backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        assert x.grad.tolist() == [expected]
        body = trace(graves_lstm, act="tanh", gate=name)
        given = [torch.full(s, 0.3, dtype=torch.float64, requires_grad=True) for s in ((2, 1, 4), (1, 1), (1, 1), (4, 1), (3, 1))]
        ours, oracle = run_body(body, given), run_body_by_autograd(body, given)
        for a, b in zip(torch.autograd.grad(ours[0].sum(), given), torch.autograd.grad(oracle[0].sum(), given), strict=True):
            torch.testing.assert_close(a, b)


def test_what_is_known_of_it() -> None:
    rg.register_activation("logs", lambda x: log(1.0 + absolute(x)))
    rg.register_activation("over_logs", lambda x: activation(x, name="logs") * 2.0, saturates=True)
    assert [lookup(n).elementwise for n in ("bent", "tanh_shrink", "unit_row", "logs")] == [True, True, False, True]
    assert [lookup(n).invariant for n in ("bent", "unit_row", "logs", "over_logs")] == [True, True, False, False]
    assert [lookup(n).saturates for n in ("logs", "over_logs")] == [False, True]


def test_configurations_name_it_and_offer_it() -> None:
    config = network("TANH-SHRINK").config
    assert rg.MultiLayerConfiguration.from_json(config.to_json()) == config
    schema = rg.MultiLayerConfiguration.json_schema()
    assert "tanh_shrink" in str(schema["properties"]["activation"])
    with pytest.raises(rg.ConfigurationError, match=r"thresholdedrelu, bent, tanh_shrink, unit_row; did you mean 'bent'"):
        rg.DenseLayer(n_out=1, activation="bents")


def test_registering_again_replaces_it() -> None:
    before = trace(lstm, act="bent", gate="sigmoid")
    rg.register_activation("Bent", lambda x: x * 2.0)
    assert rg.DenseLayer(n_out=1, activation="bent").activation == "Bent"
    rg.register_activation("bent", lambda x: exp(minimum(x, 0.0)))
    assert trace(lstm, act="bent", gate="sigmoid") is not before
    compare(trace(lstm, act="bent", gate="sigmoid"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b", bent), "register_activation: name='a b'; expected letters, digits and underscores, beginning with a letter"),
        (("Hard_Tanh", bent), "register_activation: 'Hard_Tanh' is the name of a built-in activation; give yours another one"),
        (("f", lambda x: 1.0), "register_activation('f'): the function gives float for x [M, F]; expected a value of the type of x"),
        (("f", sum_last), "register_activation('f'): the function gives [M, 1] for x [M, F]; expected a value of the type of x"),
        (("f", lambda x: x.block.add("outer_sum", [x, x])), "register_activation('f'): the function gives [F, F] for x [M, F]; expected"),
        (
            ("f", lambda x: x.block.add("zeros", [x])),
            "register_activation('f'): op 'zeros' is no primitive; primitives are abs,",
        ),
        (
            ("f", lambda x: x.block.add("tanh_backward", [x, x])),
            "register_activation('f'): f(): op 'tanh_backward' has no derivative",
        ),
        (("f", bent, lambda x, y: sum_last(x)), "register_activation('f'): the derivative gives [M, 1] for x [M, F]; expected a value of"),
    ],
)
def test_what_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}"):
        rg.register_activation(*arguments)
    assert "f" not in activations.names()
