"""Lowering: the shape of the graph, its ports, and its numbers against loops written out in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.errors import ConfigurationError, GraphError
from rnngraph.ir.graph import Graph
from rnngraph.ir.types import evaluate
from rnngraph.lowering import initial_parameters, lower, parameter_shapes

Array = npt.NDArray[Any]


def network(*layers: Any, **options: Any) -> rg.MultiLayerConfiguration:
    return rg.MultiLayerConfiguration(layers=list(layers), data_type="float64", seed=5, **options)


def ops(graph: Graph, name: str) -> list[Any]:
    return [n for n in graph.nodes if n.op == name]


def ports(graph: Graph, *roles: Any) -> dict[str, str]:
    return {p.name: str(p.value.type) for p in graph.ports(*roles)}


def feeds(config: rg.MultiLayerConfiguration, graph: Graph) -> dict[str, Array]:
    """Random features and states, the initial parameters with random biases, a mask with a gap, left and right padding and an empty row."""
    generator = np.random.default_rng(0)
    out: dict[str, Array] = {k: v + 0.1 * generator.standard_normal(v.shape) for k, v in initial_parameters(config).items()}
    for port in graph.ports("input", "state", "label"):
        out[port.name] = generator.standard_normal([d if isinstance(d, int) else {"N": 3, "T": 6}[str(d)] for d in port.value.shape])
    steps = np.array([[0, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], float)
    masks = {"features_mask": steps, "labels_mask": steps}
    out.update({p.name: masks[p.name] for p in graph.ports("mask")})
    return out


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def lstm_loop(p: dict[str, Array], x: Array, h: Array, c: Array, mask: Array, mode: Any) -> tuple[Array, Array, Array]:
    """x [N, F, T], mask [N, T] -> y [N, H, T], h, c; the LSTM's equations, one row and one step at a time."""
    n, _, t = x.shape
    h, c, y = h.copy(), c.copy(), np.zeros((n, h.shape[1], t))
    for row in range(n):
        for step in range(t):
            if mode != "ignore" and not mask[row, step]:
                if mode == "reset":
                    h[row], c[row] = 0, 0
                continue
            i, f, g, o = np.split(p["W"] @ x[row, :, step] + p["R"] @ h[row] + p["b"], 4)
            if "P" in p:
                i, f = i + p["P"][0] * c[row], f + p["P"][1] * c[row]
            c[row] = sigmoid(f) * c[row] + sigmoid(i) * np.tanh(g)
            if "P" in p:
                o = o + p["P"][2] * c[row]
            h[row] = sigmoid(o) * np.tanh(c[row])
            y[row, :, step] = h[row]
    return y, h, c


def of_layer(given: dict[str, Array], index: int) -> dict[str, Array]:
    return {k.split(".")[1]: v for k, v in given.items() if k.startswith(f"{index}.")}


def test_ports_of_inference() -> None:
    graph = lower(network(rg.LSTM(n_in=3, n_out=4), rg.SimpleRnn(n_out=5), rg.RnnOutputLayer(n_out=2)))
    assert ports(graph, "input", "mask") == {"x": "[N, 3, T]"}
    assert ports(graph, "parameter") == {
        "0.W": "[16, 3]",
        "0.R": "[16, 4]",
        "0.b": "[16]",
        "1.W": "[5, 4]",
        "1.R": "[5, 5]",
        "1.b": "[5]",
        "2.W": "[2, 5]",
        "2.b": "[2]",
    }
    assert ports(graph, "state") == {"state_00_h": "[N, 4]", "state_00_c": "[N, 4]", "state_01_h": "[N, 5]"}
    assert [p.name for p in graph.outputs] == ["y", "next_state_00_h", "next_state_00_c", "next_state_01_h"]
    assert ports(graph, "output") == {"y": "[N, 2, T]"}


def test_ports_of_training() -> None:
    config = network(rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2))
    graph = lower(config, features_mask=True, labels_mask=True, loss=True)
    assert ports(graph, "mask") == {"features_mask": "[N, T]", "labels_mask": "[N, T]"}
    assert {p.name: p.of for p in graph.ports("mask")} == {"features_mask": "x", "labels_mask": "labels"}
    assert ports(graph, "label") == {"labels": "[N, 2, T]"}
    assert ports(graph, "loss") == {"loss": "[]"}
    assert ports(graph, "output") == {"y": "[N, 2, T]"}
    config = network(rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4)), rg.OutputLayer(n_out=2))
    graph = lower(config, labels_mask=True, loss=True)
    assert ports(graph, "label", "mask") == {"labels": "[N, 2]", "labels_mask": "[N, 1]"}


def test_three_digits_from_101_layers_on() -> None:
    layers = [
        rg.SimpleRnn(n_in=1, n_out=1),
        *(rg.DenseLayer(n_out=1) for _ in range(99)),
        rg.RnnLossLayer(activation="identity", loss="mse"),
    ]
    assert list(ports(lower(network(*layers)), "state")) == ["state_000_h"]
    assert list(ports(lower(network(*layers[:-1])), "state")) == ["state_00_h"]


def test_without_time_axis() -> None:
    config = network(rg.DenseLayer(n_in=3, n_out=4, activation="relu"), rg.OutputLayer(n_out=2))
    graph = lower(config)
    assert ports(graph, "input") == {"x": "[N, 3]"}
    given = feeds(config, graph)
    z = np.maximum(given["x"] @ given["0.W"].T + given["0.b"], 0) @ given["1.W"].T + given["1.b"]
    np.testing.assert_allclose(run(graph, given)["y"], np.exp(z) / np.exp(z).sum(1, keepdims=True), rtol=1e-12)


def test_without_bias() -> None:
    config = network(rg.SimpleRnn(n_in=3, n_out=4), rg.DenseLayer(n_out=4, has_bias=False), rg.RnnOutputLayer(n_out=2, has_bias=False))
    graph = lower(config)
    assert list(ports(graph, "parameter")) == ["0.W", "0.R", "0.b", "1.W", "2.W"]
    given = feeds(config, graph)
    assert np.isfinite(run(graph, given)["y"]).all()


def test_a_loss_needs_an_output_layer() -> None:
    with pytest.raises(ConfigurationError, match=r"layers\[0\] \(LSTM\): the network does not end in a layer with a loss"):
        lower(network(rg.LSTM(n_in=3, n_out=4)), loss=True)


def test_masks_that_have_no_use_are_refused() -> None:
    with pytest.raises(GraphError, match=r"features_mask=True: the network's input \[N, F\] has no time axis to mask"):
        lower(network(rg.DenseLayer(n_in=3, n_out=4), rg.OutputLayer(n_out=2)), features_mask=True)
    with pytest.raises(GraphError, match=r"labels_mask=True: .*pass loss=True"):
        lower(network(rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)), labels_mask=True)


def test_one_mask_conversion_and_no_needless_cleaning() -> None:
    config = network(rg.LSTM(n_in=3, n_out=4), rg.GravesLSTM(n_out=4), rg.RnnOutputLayer(n_out=2))
    graph = lower(config, features_mask=True)
    assert len(ops(graph, "greater")) == 1
    assert [n.inputs[1].name for n in ops(graph, "where")] == ["x_steps"]
    dense = network(rg.LSTM(n_in=3, n_out=4), rg.DenseLayer(n_out=3), rg.LSTM(n_out=4), rg.RnnOutputLayer(n_out=2))
    assert len(ops(lower(dense, features_mask=True), "where")) == 2


def test_ignore_reads_padding() -> None:
    config = network(rg.LSTM(n_in=3, n_out=4, mask_mode="ignore"), rg.RnnOutputLayer(n_out=2, mask_mode="ignore"))
    graph = lower(config, features_mask=True)
    assert ops(graph, "where") == []
    assert ops(graph, "recurrent")[0].attributes["mask_mode"] is None


def test_values_tell_their_layer() -> None:
    graph = lower(network(rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)))
    assert [n.outputs[0].name for n in graph.nodes if n.op in ("recurrent", "activation")] == ["0.lstm", "1.y"]


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("peephole", [False, True])
def test_lstm_equals_a_loop(mode: Any, peephole: bool) -> None:
    layer = rg.GravesLSTM if peephole else rg.LSTM
    config = network(layer(n_in=3, n_out=4, mask_mode=mode), rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse", mask_mode=mode))
    graph = lower(config, features_mask=True)
    given = feeds(config, graph)
    mask = given["features_mask"]
    y, h, c = lstm_loop(of_layer(given, 0), given["x"], given["state_00_h"], given["state_00_c"], mask, mode)
    results = run(graph, given)
    z = np.einsum("ch,nht->nct", given["1.W"], y) + given["1.b"][:, None]
    real = np.broadcast_to(mask[:, None] > 0, z.shape)
    np.testing.assert_allclose(results["y"][real], z[real], rtol=1e-11)
    np.testing.assert_allclose(results["next_state_00_h"], h, rtol=1e-11)
    np.testing.assert_allclose(results["next_state_00_c"], c, rtol=1e-11)


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
def test_last_time_step_equals_a_loop_whole_and_in_chunks(mode: Any) -> None:
    config = network(rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4, mask_mode=mode)), rg.OutputLayer(n_out=4, activation="identity", loss="mse"))
    graph = lower(config, features_mask=True)
    given = feeds(config, graph)
    given.update({"1.W": np.eye(4), "1.b": np.zeros(4)}, **{p.name: np.zeros((3, 4)) for p in graph.ports("state")})
    mask = given["features_mask"]
    y, _, _ = lstm_loop(of_layer(given, 0), given["x"], np.zeros((3, 4)), np.zeros((3, 4)), mask, mode)
    expected = np.stack([y[0, :, 4], y[1, :, 5], np.zeros(4)])
    np.testing.assert_allclose(run(graph, given)["y"], expected, rtol=1e-11)

    states = {p.name: given[p.name] for p in graph.ports("state")}
    for start, stop in ((0, 1), (1, 4), (4, 5), (5, 6)):
        results = run(graph, {**given, **states, "x": given["x"][:, :, start:stop], "features_mask": mask[:, start:stop]})
        states = {name: results[f"next_{name}"] for name in states}
    np.testing.assert_allclose(results["y"], expected, rtol=1e-11)


@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_last_time_step_state_only_where_it_is_needed(mode: Any) -> None:
    config = network(rg.LastTimeStep(rg.SimpleRnn(n_in=3, n_out=4, mask_mode=mode)), rg.OutputLayer(n_out=2))
    assert list(ports(lower(config), "state")) == ["state_00_h"]
    expected = ["state_00_h", "state_00_last"] if mode == "reset" else ["state_00_h"]
    assert list(ports(lower(config, features_mask=True), "state")) == expected


@pytest.mark.parametrize("loss", ["mcxent", "negativeloglikelihood"])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_cross_entropy(loss: str, activation: str) -> None:
    config = network(rg.RnnOutputLayer(n_in=3, n_out=2, activation=activation, loss=loss), validate_output_layer=False)
    graph = lower(config, loss=True)
    given = feeds(config, graph)
    given["labels"] = np.eye(2)[np.arange(18) % 2].reshape(3, 6, 2).transpose(0, 2, 1)
    results = run(graph, given)
    np.testing.assert_allclose(results["loss"], -(given["labels"] * np.log(results["y"])).sum(), rtol=1e-12)


def test_cross_entropy_of_a_class_that_is_not_labelled_and_has_probability_zero() -> None:
    config = network(rg.RnnLossLayer(n_in=2, activation="relu", loss="mcxent"), validate_output_layer=False)
    graph = lower(config, loss=True)
    given = {"x": np.array([[[-1.0], [0.5]]]), "labels": np.array([[[0.0], [1.0]]])}
    np.testing.assert_allclose(run(graph, given)["loss"], np.log(2.0), rtol=1e-12)


def test_squared_error_divides_by_the_width() -> None:
    config = network(rg.LastTimeStep(rg.SimpleRnn(n_in=3, n_out=4)), rg.OutputLayer(n_out=2, activation="identity", loss="mse"))
    graph = lower(config, loss=True)
    given = feeds(config, graph)
    results = run(graph, given)
    np.testing.assert_allclose(results["loss"], ((results["y"] - given["labels"]) ** 2).sum() / 2, rtol=1e-12)


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("masks", [{"features_mask": True}, {"labels_mask": True}, {"features_mask": True, "labels_mask": True}])
def test_loss_counts_steps_that_exist(mode: Any, masks: dict[str, bool]) -> None:
    config = network(
        rg.LSTM(n_in=3, n_out=4, mask_mode=mode), rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse", mask_mode=mode)
    )
    graph = lower(config, loss=True, **masks)
    given = feeds(config, graph)
    counts = np.array([[1, 0, 0, 1, 1, 1], [0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], float)
    if "labels_mask" in masks:
        given["labels_mask"] = counts
    else:
        counts = given["features_mask"]
    clean = run(graph, given)
    expected = (((clean["y"] - given["labels"]) ** 2).sum(1) / 2 * counts).sum()
    np.testing.assert_allclose(clean["loss"], expected, rtol=1e-12)
    given["labels"] = np.where(counts[:, None] > 0, given["labels"], np.nan)
    np.testing.assert_array_equal(run(graph, given)["loss"], clean["loss"])


def test_labels_mask_of_rows() -> None:
    config = network(rg.LastTimeStep(rg.SimpleRnn(n_in=3, n_out=4)), rg.OutputLayer(n_out=2, activation="identity", loss="mse"))
    graph = lower(config, loss=True, labels_mask=True)
    given = feeds(config, graph)
    given["labels_mask"] = np.array([[1.0], [0.0], [1.0]])
    given["labels"][1] = np.nan
    results = run(graph, given)
    np.testing.assert_allclose(results["loss"], ((results["y"] - given["labels"])[[0, 2]] ** 2).sum() / 2, rtol=1e-12)


@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_what_stands_at_masked_steps_leaves_no_trace(mode: Any) -> None:
    config = network(
        rg.DenseLayer(n_out=3, mask_mode=mode),
        rg.SimpleRnn(n_out=4, mask_mode=mode),
        rg.RnnOutputLayer(n_out=2, mask_mode=mode),
        input_type=rg.InputType.recurrent(3),
    )
    graph = lower(config, loss=True, features_mask=True)
    given = feeds(config, graph)
    real = given["features_mask"][:, None] > 0
    expected = run(graph, given)
    given["x"], given["labels"] = np.where(real, given["x"], np.nan), np.where(real, given["labels"], np.inf)
    results = run(graph, given)
    for name, array in expected.items():
        seen = np.broadcast_to(real, array.shape) if name == "y" else np.ones(array.shape, bool)
        np.testing.assert_array_equal(results[name][seen], array[seen], err_msg=name)


def test_initial_parameters_follow_dl4j_fans() -> None:
    i, h, c = 300, 200, 100
    config = network(
        rg.GravesLSTM(n_in=i, n_out=h, forget_gate_bias_init=1.5),
        rg.SimpleRnn(n_out=c, bias_init=0.25),
        rg.RnnOutputLayer(n_out=50),
        weight_init="xavier",
    )
    drawn = initial_parameters(config)
    assert {k: v.shape for k, v in drawn.items()} == parameter_shapes(config)
    fans = {"0.W": i + 2 * h, "0.R": i + 2 * h, "0.P": i + 2 * h, "1.W": h + c, "1.R": 2 * c, "2.W": c + 50}
    for name, total in fans.items():
        assert drawn[name].std() == pytest.approx(np.sqrt(2 / total), rel=0.1 if name == "0.P" else 0.03), name
        assert drawn[name].dtype == np.float64
    np.testing.assert_array_equal(drawn["0.b"], np.repeat([0, 1.5, 0, 0], h))
    np.testing.assert_array_equal(drawn["1.b"], np.full(c, 0.25))
    np.testing.assert_array_equal(drawn["2.b"], np.zeros(50))


def test_initial_parameters_are_seeded_per_layer() -> None:
    def drawn(seed: int) -> dict[str, Array]:
        return initial_parameters(rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)], seed=seed))

    for name, array in drawn(1).items():
        np.testing.assert_array_equal(array, drawn(1)[name])
    assert not np.array_equal(drawn(1)["0.W"], drawn(2)["0.W"])
    first = initial_parameters(network(rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)))
    deeper = initial_parameters(network(rg.LSTM(n_in=3, n_out=4), rg.LSTM(n_out=7), rg.RnnOutputLayer(n_out=2)))
    np.testing.assert_array_equal(first["0.R"], deeper["0.R"])


OBJECTS = [
    rg.LeakyReLU(alpha=0.2),
    rg.ELU(alpha=0.5),
    rg.ReLU(max=2.0, negative_slope=0.1),
    rg.ThresholdedReLU(theta=0.5),
    rg.GELU(precise=True),
]


@pytest.mark.parametrize("activation", OBJECTS, ids=str)
def test_every_layer_takes_activations_with_parameters(activation: Any) -> None:
    """The network gives what the reference gives, with the object in each layer that has an activation and as the network's own."""
    stacks: list[list[Any]] = [
        [rg.EmbeddingSequenceLayer(n_in=5, n_out=3, activation=activation), rg.Convolution1DLayer(2, n_out=3, convolution_mode="causal")],
        [rg.DenseLayer(n_in=3, n_out=3), rg.ActivationLayer(), rg.TimeDistributed(rg.DenseLayer(n_out=3)), rg.SimpleRnn(n_out=3)],
        [rg.ConvolutionLayer(2, n_out=2), rg.GRU(n_out=3), rg.LSTM(n_out=3), rg.GravesLSTM(n_out=2), rg.Bidirectional(rg.GRU(n_out=2))],
    ]
    kinds = [None, rg.InputType.recurrent(3), rg.InputType.convolutional(3, 3, 1)]
    for layers, kind in zip(stacks, kinds, strict=True):
        end = rg.RnnOutputLayer(n_out=2, activation=activation, loss="mse")
        config = rg.MultiLayerConfiguration(seed=1, activation=activation, layers=[*layers, end], input_type=kind, data_type="float64")
        net, rng = rg.MultiLayerNetwork(config), np.random.default_rng(0)
        x = rng.integers(0, 5, (2, 4)) if kind is None else rng.standard_normal((2, 3, 4) if layers is stacks[1] else (2, 1, 3, 3, 4))
        graph = lower(config)
        states = {p.name: np.full([evaluate(d, {"N": 2}) for d in p.value.shape], p.initial) for p in graph.ports("state")}
        np.testing.assert_allclose(net.output(x), run(graph, {"x": x, **net.parameters(), **states})["y"], rtol=1e-9, atol=1e-12)
