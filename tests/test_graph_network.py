"""ComputationGraph: the same network as a MultiLayerNetwork, several inputs and outputs, data of every kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from tests.graph_networks import Net, R, graph, multi, one_hot, padded, two_heads

# The same network in both classes

STACKS: dict[str, Any] = {
    "lstm": lambda: [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)],
    "noise": lambda: [
        rg.LSTM(n_in=3, n_out=4, dropout=rg.Dropout(retain=0.7)),
        rg.DenseLayer(n_out=4, weight_noise=rg.DropConnect(retain=0.8)),
        rg.GravesLSTM(n_out=3),
        rg.RnnOutputLayer(n_out=2),
    ],
    "buffers": lambda: [
        rg.Convolution1DLayer(2, n_in=3, n_out=4, convolution_mode="causal"),
        rg.BatchNormalization(),
        rg.GRU(n_out=3),
        rg.RnnOutputLayer(n_out=2),
    ],
}


def both(kind: str, **settings: Any) -> tuple[rg.MultiLayerNetwork, Net]:
    """The stack as a network of layers in a row and as a graph."""
    layers, settings = STACKS[kind](), {"seed": 5, "l2": 1e-3, "input_type": R(3), **settings}
    row = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, **settings))
    names = ["x", *(f"layer {k}" for k in range(len(layers)))]
    vertices = {name: (layer, names[k]) for k, (name, layer) in enumerate(zip(names[1:], layers, strict=True))}
    del settings["input_type"]
    return row, graph(vertices, {"x": R(3)}, names[-1], **settings)


def same(row: dict[str, np.ndarray], of_graph: dict[str, np.ndarray]) -> None:
    """Equal to the bit, ``0.W`` and ``layer 0.W``."""
    assert list(of_graph) == [f"layer {name}" for name in row]
    for name, array in row.items():
        np.testing.assert_array_equal(of_graph[f"layer {name}"], array, err_msg=name)


UPDATERS = [rg.Sgd(0.1), rg.Adam(1e-2), rg.Nesterovs(0.05, momentum=0.8), rg.AdaDelta()]


@pytest.mark.parametrize("updater", UPDATERS, ids=lambda u: type(u).__name__)
@pytest.mark.parametrize("kind", STACKS)
def test_a_stack_as_a_graph_is_the_same_network(kind: str, updater: Any) -> None:
    """Noise is drawn by the number of the layer, so that even it is the same where the layers stand in the same order."""
    row, net = both(kind, updater=updater)
    data = padded()
    same(row.parameters(), net.parameters())
    np.testing.assert_array_equal(net.output(data.features, data.features_mask)[0], row.output(data.features, data.features_mask))
    assert net.score(data) == row.score(data)
    (score, gradient), (of_row, wanted) = net.gradient(data), row.gradient(data)
    assert score == of_row
    same(wanted, gradient)
    row.fit([data, padded(1, n=3)], epochs=3, progress=False)
    net.fit([data, padded(1, n=3)], epochs=3, progress=False)
    same(row.parameters(), net.parameters())
    same(row.buffers(), net.buffers())
    assert (net.iteration, net.epoch, net.fitted_with_mask) == (row.iteration, row.epoch, True)
    np.testing.assert_array_equal(net.evaluate(data).confusion, row.evaluate(data).confusion)


@pytest.mark.parametrize("backward", [None, 2])
@pytest.mark.parametrize("kind", STACKS)
def test_truncated_bptt_trains_both_alike(kind: str, backward: int | None) -> None:
    row, net = both(kind, updater=rg.Adam(1e-2), backprop=rg.TruncatedBPTT(4, backward))
    for one in (row, net):
        one.fit(padded(), epochs=2, progress=False)
    same(row.parameters(), net.parameters())
    assert net.iteration == row.iteration == 6


@pytest.mark.parametrize("kind", STACKS)
def test_both_stream_alike(kind: str) -> None:
    row, net = both(kind)
    x = padded().features
    for piece in (x[:, :, 0], x[:, :, 1:4], x[:, :, 4:]):
        np.testing.assert_array_equal(net.rnn_time_step([piece])[0], row.rnn_time_step(piece))
    recurrent = len(row.config.layers) - 2
    states = row.rnn_get_previous_state(recurrent)
    for name, array in net.rnn_get_previous_state(f"layer {recurrent}").items():
        np.testing.assert_array_equal(array, states[name])


# Several inputs and outputs


def cross_entropy(y: np.ndarray, labels: np.ndarray, binary: bool = False) -> np.ndarray:
    """The loss of each value."""
    return np.asarray(-labels * np.log(y) - (1 - labels) * np.log(1 - y) if binary else -labels * np.log(y))


def test_the_score_is_the_sum_over_heads_by_their_masks() -> None:
    net, data = two_heads(data_type="float64"), multi()
    x, who = data.features
    mask = data.features_masks[0]
    assert mask is not None
    steps, whole = net.output([x, who], [mask, None])
    first, second = cross_entropy(steps, data.labels[0]), cross_entropy(whole, data.labels[1], True)
    assert net.score(data) == pytest.approx(((first * mask[:, None]).sum() + second.sum()) / 5, rel=1e-12)
    own = np.random.default_rng(3).integers(0, 2, mask.shape).astype(float)
    rows = np.array([[1], [0], [1], [1], [0]], float)
    each = np.random.default_rng(4).integers(0, 2, (5, 3)).astype(float)
    for masks, wanted in (
        ([own, rows], (first * own[:, None]).sum() + (second * rows).sum()),
        ([None, each], (first * mask[:, None]).sum() + (second * each).sum()),
        ([np.zeros_like(own), rows], (second * rows).sum()),
    ):
        given = rg.MultiDataSet(data.features, data.labels, data.features_masks, masks)
        assert net.score(given) == pytest.approx(wanted / 5, rel=1e-12)


def test_gradients_of_heads_add_up() -> None:
    net, data = two_heads(data_type="float64"), multi()
    _, together = net.gradient(data)
    none, rows = np.zeros_like(data.features_masks[0]), np.zeros((5, 1))
    _, first = net.gradient(rg.MultiDataSet(data.features, data.labels, data.features_masks, [None, rows]))
    _, second = net.gradient(rg.MultiDataSet(data.features, data.labels, data.features_masks, [none, None]))
    for name, array in together.items():
        np.testing.assert_allclose(first[name] + second[name], array, rtol=0, atol=1e-12)


def test_each_output_is_evaluated_by_its_name() -> None:
    net, data = two_heads(), multi()
    mask = data.features_masks[0]
    assert mask is not None
    assert net.evaluate(data, "steps").confusion.sum() == mask.sum()
    assert net.evaluate(data, output="whole").confusion.sum() == 5
    message = "evaluate: the network has the outputs steps, whole; say which by output='steps'"
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}$"):
        net.evaluate(data)
    with pytest.raises(rg.InputError, match=r"^evaluate: output='y'; expected one of steps, whole$"):
        net.evaluate(data, "y")


def test_data_come_in_every_form() -> None:
    def trained(data: Any, epochs: int = 1) -> dict[str, np.ndarray]:
        net = two_heads()
        net.fit(data, epochs=epochs, progress=False)
        return net.parameters()

    def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
        for name, array in one.items():
            np.testing.assert_array_equal(other[name], array, err_msg=name)

    data = multi()
    pieces = data.batch_by(2)
    wanted = trained(pieces, 2)
    equal(wanted, trained(rg.MiniBatches(data, 2, shuffle=False), 2))
    equal(trained(pieces), trained(piece for piece in pieces))
    equal(trained(data), trained([data]))
    equal(trained(data), trained([([*data.features], [*data.labels], [*data.features_masks])]))

    class Again:
        def __iter__(self) -> Iterator[rg.MultiDataSet]:
            return iter(pieces)

    equal(wanted, trained(Again(), 2))


def test_scores_fall_and_outputs_come_in_order() -> None:
    net, data = two_heads(), multi(masked=False)
    before = net.score(data)
    net.fit(data, epochs=30, progress=False)
    assert net.score(data) < before
    by_name = net.output({"who": data.features[1], "x": data.features[0]})
    for one, other, shape in zip(net.output(data.features), by_name, [(5, 2, 9), (5, 3)], strict=True):
        assert one.shape == shape
        np.testing.assert_array_equal(one, other)


def test_ids_and_video_beside_features() -> None:
    vertices = {
        "word": (rg.EmbeddingSequenceLayer(n_in=7, n_out=3), "ids"),
        "image": (rg.ConvolutionLayer(2, 2, n_out=2), "video"),
        "seen": (rg.LSTM(n_out=3), "image"),
        "rnn": (rg.GRU(n_out=3), "word", "seen", "x"),
        "y": (rg.RnnOutputLayer(n_out=2), "rnn"),
    }
    types = {"ids": R(7), "video": rg.InputType.convolutional(3, 4, 2), "x": R(2)}
    net = graph(vertices, types, "y", data_type="float64")
    generator = np.random.default_rng(0)
    xs = [generator.integers(0, 7, (4, 6)), generator.standard_normal((4, 2, 3, 4, 6)), generator.standard_normal((4, 2, 6))]
    masks = [(np.arange(6) < generator.integers(1, 7, (4, 1))).astype(float) for _ in range(3)]
    (y,) = net.output(xs, masks)
    wild = [np.where(masks[0] > 0, xs[0], -3), *(np.where(np.expand_dims(m, tuple(range(1, x.ndim - 1))) > 0, x, np.nan)
            for x, m in zip(xs[1:], masks[1:], strict=True))]  # fmt: skip
    real = np.maximum.reduce(masks) > 0
    np.testing.assert_array_equal(net.output(wild, masks)[0].transpose(0, 2, 1)[real], y.transpose(0, 2, 1)[real])
    data = rg.MultiDataSet(xs, [one_hot(generator, 4, 6)], masks)
    before = net.score(data)
    net.fit(data, epochs=20, progress=False)
    assert net.score(data) < before
    whole = net.output(xs)[0]
    steps = [net.rnn_time_step([xs[0][:, t], xs[1][..., t], xs[2][..., t]])[0] for t in range(6)]
    np.testing.assert_allclose(np.stack(steps, axis=2), whole, rtol=0, atol=1e-12)


# What is refused

X, WHO = np.zeros((2, 3, 4)), np.zeros((2, 2))
Y, WHOLE = np.ones((2, 2, 4)), np.ones((2, 3))


@pytest.mark.parametrize(
    ("given", "masks", "message"),
    [
        ([X], None, "features is a list of 1, but the network has the inputs 'x', 'who'; give one for each, in this order"),
        ([X, WHO[:1]], None, "features[1] ('who') has 1 rows, but features[0] ('x') has 2; expected the same number in both"),
        (
            X,
            None,
            "features is array([[[0., 0., 0., 0.], [0., 0., 0., 0.], [0., 0., 0., 0.]], [[0., 0., 0., ..., "
            "but the network has the inputs 'x', 'who'; give a list in this order, or a mapping by name",
        ),
        ({"x": X}, None, "features: missing: 'who'; the network has the inputs 'x', 'who'"),
        ({"x": X, "who": WHO, "whom": WHO}, None, "features: unknown: 'whom'; the network has the inputs 'x', 'who'"),
        ([X, WHO], [None], "features_masks is a list of 1, but the network has the inputs 'x', 'who'; give one for each, in this order"),
        (
            [X, WHO],
            np.ones((2, 4)),
            "features_masks is array([[1., 1., 1., 1.], [1., 1., 1., 1.]]), "
            "but the network has the inputs 'x', 'who'; give a list in this order, or a mapping by name",
        ),
        ([X, WHO], {"whom": np.ones((2, 4))}, "features_masks: unknown: 'whom'; the network has the inputs 'x', 'who'"),
        (
            [X, WHO],
            [None, np.ones((2, 1))],
            "features_masks[1]: the network's input [N, 2] has no time axis to mask; leave the mask out",
        ),
        (
            [np.full((2, 3, 4), np.nan), WHO],
            None,
            "features[0] ('x') is nan at row 0, feature 0, step 0, the first of 24 values that are not finite at steps that are not "
            "masked; fill them in, or mask their steps",
        ),
    ],
)
def test_inputs_that_are_refused(given: Any, masks: Any, message: str) -> None:
    net = two_heads()
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}$"):
        net.output(given, masks)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            rg.DataSet(X, Y),
            "features has 1 array; expected 2, one for each input of the network, in its order; give rg.MultiDataSet([...], [...])",
        ),
        (rg.MultiDataSet([X, WHO], [Y]), "labels has 1 array; expected 2, one for each output of the network, in its order"),
        (rg.MultiDataSet([X, WHO], [Y, WHOLE, WHOLE]), "labels has 3 arrays; expected 2, one for each output of the network, in its order"),
        (rg.MultiDataSet([X, WHO], [Y, Y]), "labels[1] have shape [2, 2, 4]; expected [2, 3], which is [N, C]"),
    ],
)
@pytest.mark.parametrize("verb", ["fit", "score", "gradient"])
def test_data_that_are_refused(data: Any, message: str, verb: str) -> None:
    net = two_heads()
    before = net.parameters()
    with pytest.raises(rg.InputError, match=re.escape(message)):
        net.fit(data, progress=False) if verb == "fit" else getattr(net, verb)(data)
    for name, array in before.items():
        np.testing.assert_array_equal(net.parameters()[name], array)
    assert net.iteration == 0


def test_a_multi_data_set_of_one_trains_a_row_and_of_two_is_refused() -> None:
    one = padded()
    row, other = (both("lstm")[0] for _ in range(2))
    row.fit(one, progress=False)
    other.fit(rg.MultiDataSet([one.features], [one.labels], [one.features_mask]), progress=False)
    for name, array in row.parameters().items():
        np.testing.assert_array_equal(other.parameters()[name], array)
    message = "features has 2 arrays; expected 1, one for each input of the network, in its order"
    with pytest.raises(rg.InputError, match=re.escape(message)):
        row.fit(rg.MultiDataSet([one.features] * 2, [one.labels]), progress=False)


def test_a_configuration_of_the_other_kind_is_refused() -> None:
    config: Any = both("lstm")[0].config
    message = (
        "ComputationGraph takes a ComputationGraphConfiguration, not MultiLayerConfiguration; "
        "from JSON: ComputationGraphConfiguration.from_json(text)"
    )
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        Net(config)
