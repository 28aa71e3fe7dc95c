"""Truncated BPTT: against loops under float64 autograd (``stepwise``), against whole sequences; its rules of masks, states, errors."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.lowering import lower
from rnngraph.training import tbptt
from rnngraph.training.noise import draw
from rnngraph.training.tbptt import cut
from tests.training.stepwise import Array, Stepwise, padded

RATE = 0.1


class Recorder(rg.TrainingListener):
    """Scores, iterations and parameters after each update."""

    def __init__(self) -> None:
        self.scores: list[float] = []
        self.iterations: list[int] = []
        self.history: list[dict[str, Array]] = []

    def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        self.scores.append(score)
        self.iterations.append(iteration)
        self.history.append(network.parameters())


def network(*layers: Any, backprop: Any = None, seed: int = 1, head: Any = None, **more: Any) -> rg.MultiLayerNetwork:
    head = head or rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent")
    more = {"updater": rg.Sgd(RATE), "data_type": "float64", "weight_init": "uniform", **more}
    return rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(seed=seed, layers=[*layers, head], backprop=backprop or rg.StandardBackprop(), **more)
    )


STACKS: dict[str, list[Any]] = {
    "lstm": [rg.LSTM(n_in=3, n_out=5)],
    "graves": [rg.GravesLSTM(n_in=3, n_out=4)],
    "simple": [rg.SimpleRnn(n_in=3, n_out=5)],
    "gru": [rg.GRU(n_in=3, n_out=4)],
    "gru, reset before": [rg.GRU(n_in=3, n_out=4, reset_after=False)],
    "lstm, lstm": [rg.LSTM(n_in=3, n_out=4), rg.LSTM(n_out=5)],
    "lstm, dense, graves": [rg.LSTM(n_in=3, n_out=4), rg.DenseLayer(n_out=3, activation="tanh"), rg.GravesLSTM(n_out=4)],
}
STEPS = 11


def compare(stack: list[Any], data: list[rg.DataSet], length: int, backward: int | None = None, seed: int = 1) -> None:
    """Two epochs over ``data``: scores and parameters after every update equal those of the loops."""
    net, told = network(*stack, backprop=rg.TruncatedBPTT(length, backward), seed=seed), Recorder()
    loops = Stepwise.of(net, RATE)
    net.fit(data, epochs=2, listeners=told, progress=False)
    for one in data * 2:
        loops.fit(one, length, backward)
    assert told.iterations == list(range(len(loops.scores)))
    np.testing.assert_allclose(told.scores, loops.scores, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(told.history, loops.history, strict=True):
        for name, w in theirs.items():
            np.testing.assert_allclose(ours[name], w, rtol=1e-9, atol=1e-11, err_msg=name)


def minibatches(seed: int) -> list[rg.DataSet]:
    """With masks of any pattern, of sequences of different length, without masks."""
    rng = np.random.default_rng(seed)
    return [padded(rng, 3, 3, STEPS, "any"), padded(rng, 2, 3, STEPS, "right"), padded(rng, 2, 3, STEPS)]


@pytest.mark.parametrize("length", [1, 4, STEPS - 1, STEPS, STEPS + 5])
@pytest.mark.parametrize("stack", STACKS)
def test_scores_and_parameters_are_those_of_loops_that_cut_at_the_segments_start(stack: str, length: int) -> None:
    compare(STACKS[stack], minibatches(0), length)


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize(("length", "backward"), [(4, 1), (5, 3), (20, 10)])
@pytest.mark.parametrize("stack", ["lstm", "gru", "lstm, dense, graves"])
def test_recurrent_layers_learn_from_the_last_steps_of_a_segment(stack: str, length: int, backward: int, mode: str) -> None:
    layers = [layer.replaced(mask_mode=mode) if layer.is_recurrent else layer for layer in STACKS[stack]]
    compare(layers, minibatches(1), length, backward)


@settings(max_examples=25, deadline=None)
@given(
    stack=st.sampled_from(sorted(STACKS)),
    steps=st.integers(1, 13),
    length=st.integers(1, 15),
    backward=st.none() | st.integers(1, 15),
    masks=st.sampled_from(["", "right", "any"]),
    seed=st.integers(0, 2**31),
)
def test_any_lengths(stack: str, steps: int, length: int, backward: int | None, masks: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    backward = None if backward is None else min(backward, length)
    compare(STACKS[stack], [padded(rng, 2, 3, steps, masks)], length, backward, seed)


def test_a_mask_that_a_layer_reads_from_zeros_is_cut_as_one_that_is_given() -> None:
    generator = np.random.default_rng(6)
    mask = (generator.random((3, STEPS)) > 0.4).astype(float)
    x, y = generator.standard_normal((3, 3, STEPS)) * mask[:, None], padded(generator, 3, 3, STEPS).labels
    backprop = rg.TruncatedBPTT(5, 2)
    read, given = (
        network(rg.MaskZeroLayer(rg.LSTM(n_in=3, n_out=4)), backprop=backprop),
        network(rg.LSTM(n_in=3, n_out=4), backprop=backprop),
    )
    read.fit(rg.DataSet(x, y), epochs=2, progress=False)
    given.fit(rg.DataSet(x, y, mask, np.ones_like(mask)), epochs=2, progress=False)
    for name, w in given.parameters().items():
        np.testing.assert_allclose(read.parameters()[name], w, rtol=1e-9, atol=1e-12)


def test_the_output_layer_learns_from_all_steps() -> None:
    """With ``backward_length`` its gradient is the one without; that of the layer before it is not."""
    data = padded(np.random.default_rng(2), 2, 3, 6)
    whole, last = (network(rg.LSTM(n_in=3, n_out=4), backprop=rg.TruncatedBPTT(6, b)) for b in (None, 2))
    for net in (whole, last):
        net.fit(data, progress=False)
    a, b = whole.parameters(), last.parameters()
    np.testing.assert_allclose(a["1.W"], b["1.W"], rtol=1e-12)
    assert np.abs(a["0.R"] - b["0.R"]).max() > 1e-4


@pytest.mark.parametrize("length", [7, 8, 100])
@pytest.mark.parametrize("masks", ["", "any"])
def test_a_length_that_covers_the_sequence_is_standard_backpropagation_bit_for_bit(length: int, masks: str) -> None:
    data = [padded(np.random.default_rng(k), 3, 3, 7, masks) for k in range(3)]
    layers = [rg.LSTM(n_in=3, n_out=4, dropout=rg.Dropout(retain=0.7)), rg.BatchNormalization(), rg.GravesLSTM(n_out=4)]
    nets, told = [], []
    for backprop in (rg.StandardBackprop(), rg.TruncatedBPTT(length)):
        nets.append(network(*layers, backprop=backprop, updater=rg.Adam(1e-2), l2=1e-3, data_type="float32"))
        told.append(rg.CollectScoresListener())
        nets[-1].fit(data, epochs=2, listeners=told[-1], progress=False)
    (a, b), (ours, theirs) = nets, told
    assert (ours.scores, ours.epochs, a.iteration) == (theirs.scores, theirs.epochs, b.iteration)
    np.testing.assert_equal(a.parameters(), b.parameters())
    np.testing.assert_equal(a.buffers(), b.buffers())
    moments = [{f"{k}/{s}": t.numpy() for k, v in n.updater_state.items() for s, t in v.items()} for n in nets]
    np.testing.assert_equal(moments[0], moments[1])


class Accumulator(rg.TrainingListener):
    """The sum of all scores."""

    total = 0.0

    def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        self.total += score


rng = np.random.default_rng(3)
MASK = (np.arange(9) < np.array([[9], [4], [6]])).astype(float)
LABELS = np.eye(3)[rng.integers(0, 3, (3, 9))].transpose(0, 2, 1)
VIDEO = rg.InputType.convolutional(4, 4, 1)
SPARSE = rg.RnnOutputLayer(n_out=3, activation="softmax", loss="sparse_mcxent")
EACH = rg.RnnOutputLayer(n_out=3, activation="sigmoid", loss="xent")
ALL: dict[str, tuple[list[Any], dict[str, Any], rg.DataSet]] = {
    "ids [N, T]": (
        [rg.EmbeddingSequenceLayer(n_in=5, n_out=3), rg.LSTM(n_out=4)],
        {},
        rg.DataSet(rng.integers(0, 5, (3, 9)), LABELS, MASK),
    ),
    "ids [N, 1, T]": (
        [rg.EmbeddingSequenceLayer(n_in=5, n_out=3), rg.SimpleRnn(n_out=4)],
        {},
        rg.DataSet(rng.integers(0, 5, (3, 1, 9)), LABELS, MASK, MASK),
    ),
    "video": (
        [rg.ConvolutionLayer(2, 2, n_out=2), rg.LSTM(n_out=3)],
        {"input_type": VIDEO},
        rg.DataSet(rng.standard_normal((3, 1, 4, 4, 9)), LABELS, None, MASK),
    ),
    "pooled video": (
        [rg.ConvolutionLayer(2, 2, n_out=2), rg.GlobalPoolingLayer("avg"), rg.LSTM(n_out=3)],
        {"input_type": VIDEO},
        rg.DataSet(rng.standard_normal((3, 1, 4, 4, 9)), LABELS, MASK),
    ),
    "flat video": (
        [rg.ConvolutionLayer(2, 2, n_out=2), rg.GRU(n_out=3)],
        {"input_type": rg.InputType.convolutional_flat(4, 4, 1)},
        rg.DataSet(rng.standard_normal((3, 16, 9)), LABELS),
    ),
    "class numbers": ([rg.LSTM(n_in=2, n_out=3)], {"head": SPARSE}, rg.DataSet(rng.standard_normal((3, 2, 9)), LABELS.argmax(1)[:, None])),
    "a mask of outputs": (
        [rg.LSTM(n_in=2, n_out=3)],
        {"head": EACH},
        rg.DataSet(rng.standard_normal((3, 2, 9)), LABELS, MASK, (rng.random((3, 3, 9)) > 0.5).astype(float)),
    ),
    "causal windows": (
        [
            rg.Convolution1DLayer(3, n_in=2, n_out=4, convolution_mode="causal", dilation=2),
            rg.Subsampling1DLayer("max", 2, 1, convolution_mode="causal"),
            rg.LSTM(n_out=3),
        ],
        {},
        rg.DataSet(rng.standard_normal((3, 2, 9)), LABELS, MASK),
    ),
    "mask of zeros": (
        [rg.MaskZeroLayer(rg.LSTM(n_in=2, n_out=3))],
        {},
        rg.DataSet(rng.standard_normal((3, 2, 9)) * (rng.random((3, 1, 9)) > 0.4), LABELS),
    ),
    "layer normalisation": (
        [rg.SimpleRnn(n_in=2, n_out=4, has_layer_norm=True)],
        {},
        rg.DataSet(rng.standard_normal((3, 2, 9)), LABELS, MASK),
    ),
}


@pytest.mark.parametrize("length", [1, 4, 8])
@pytest.mark.parametrize("kind", ALL)
def test_where_parameters_stand_still_segments_score_as_the_whole(kind: str, length: int) -> None:
    """So all that is cut is cut alike, and every state is carried."""
    layers, more, data = ALL[kind]
    net, told = network(*layers, backprop=rg.TruncatedBPTT(length), updater=rg.Sgd(1e-300), **more), Accumulator()
    net.fit(data, listeners=told, progress=False)
    assert net.iteration == -(-9 // length)
    assert told.total == pytest.approx(net.score(data), rel=1e-12)


def test_a_frame_is_a_sequence_of_one_step() -> None:
    layers, more, data = ALL["video"]
    net = network(*layers, backprop=rg.TruncatedBPTT(1), **more)
    net.fit(rg.DataSet(data.features[..., 0], data.labels[..., :1]), progress=False)
    assert net.iteration == 1


def test_score_and_gradient_are_of_whole_sequences() -> None:
    data = padded(rng, 3, 3, 9)
    nets = [network(rg.LSTM(n_in=3, n_out=4), backprop=b) for b in (rg.StandardBackprop(), rg.TruncatedBPTT(4, 2))]
    assert nets[0].score(data) == nets[1].score(data)
    np.testing.assert_equal(nets[0].gradient(data), nets[1].gradient(data))


def test_the_streaming_state_is_left_alone_and_nothing_stays_behind() -> None:
    data = [padded(rng, 3, 3, 9), padded(rng, 2, 3, 5)]
    net = network(rg.LSTM(n_in=3, n_out=4), backprop=rg.TruncatedBPTT(4))
    net.rnn_time_step(data[0].features[:, :, 0])
    before = net.rnn_get_previous_state(0)
    net.fit(data, progress=False)
    np.testing.assert_equal(net.rnn_get_previous_state(0), before)
    assert not net._position
    assert not net._position.states


def test_a_segment_without_labels_is_an_update_and_a_minibatch_without_is_none() -> None:
    """Adam's moments go on; DL4J's order, section 7 of its semantics."""
    data = padded(rng, 2, 3, 8)
    counts = np.ones((2, 8))
    counts[:, 4:] = 0
    net, told = network(rg.LSTM(n_in=3, n_out=4), backprop=rg.TruncatedBPTT(4), updater=rg.Adam(1e-2)), Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit(rg.DataSet(data.features, data.labels, None, counts), listeners=told, progress=False)
    assert told.scores[1] == 0.0
    first, second = told.history
    start = network(rg.LSTM(n_in=3, n_out=4), seed=1).parameters()
    for k, w in first.items():  # a zero gradient at t = 2: m = 0.9 m, v = 0.999 v, of g and g² at t = 1
        moved = first[k] - start[k]
        step = np.sqrt(1 - 0.999**2) / (1 - 0.9**2) * 0.09 / np.sqrt(0.999e-3)
        big = np.abs(moved) > 9e-3  # elsewhere epsilon counts
        np.testing.assert_allclose((second[k] - w)[big], step * moved[big], rtol=1e-3)
    nothing = rg.DataSet(data.features, data.labels, None, np.zeros((2, 8)))
    with pytest.warns(rg.TrainingWarning, match="a minibatch has no label that counts"):
        net.fit([nothing], listeners=told, progress=False)
    assert net.iteration == 2
    np.testing.assert_equal(net.parameters(), second)


CONVOLUTION = rg.Convolution1DLayer(3, n_in=2, n_out=3)
REFUSED: dict[str, tuple[list[Any], str]] = {
    "last step": (
        [rg.LSTM(n_in=2, n_out=3), rg.LastTimeStep(rg.LSTM(n_out=3))],
        "layers[1] (LastTimeStep(LSTM)): backprop=TruncatedBPTT(length=4) cannot train it: it gives one vector for the whole sequence, of "
        "which a segment's loss sees a part; use",
    ),
    "wrapped last step": (
        [rg.MaskZeroLayer(rg.LastTimeStep(rg.LSTM(n_in=2, n_out=3)))],
        "layers[0] (MaskZeroLayer(LastTimeStep(LSTM))): backprop=TruncatedBPTT(length=4) cannot train it: it gives one vector",
    ),
    "graves both ways": (
        [rg.GravesBidirectionalLSTM(n_in=2, n_out=3)],
        "layers[0] (GravesBidirectionalLSTM): backprop=TruncatedBPTT(length=4) cannot train it: it runs backwards in time and needs",
    ),
    "last step of both ways": (
        [rg.LastTimeStep(rg.Bidirectional("add", rg.LSTM(n_in=2, n_out=3)))],
        "layers[0] (LastTimeStep(Bidirectional(LSTM))): backprop=TruncatedBPTT(length=4) cannot train it: it runs backwards in time",
    ),
    "convolution": (
        [CONVOLUTION],
        "layers[0] (Convolution1DLayer): backprop=TruncatedBPTT(length=4) cannot train it: its windows of 3 steps, with "
        "convolution_mode='truncate' and padding=0, reach over the ends of segments; give it convolution_mode='causal'; use",
    ),
    "stride": (
        [rg.LSTM(n_in=2, n_out=3), rg.Subsampling1DLayer("max", 2, 2)],
        "layers[1] (Subsampling1DLayer): backprop=TruncatedBPTT(length=4) cannot train it: it moves by stride=2 steps, so that segments of "
        "its output are not those of its input; give it stride=1; use backprop=StandardBackprop()",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_layers_that_cannot_are_refused_at_construction(kind: str) -> None:
    layers, message = REFUSED[kind]
    ends = kind not in ("graves both ways", "convolution", "stride")
    head: Any = rg.OutputLayer(n_out=2) if ends else rg.RnnOutputLayer(n_out=2)
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}"):
        rg.MultiLayerConfiguration(layers=[*layers, head], backprop=rg.TruncatedBPTT(4))


def test_bad_input_is_told_before_anything_is_trained() -> None:
    net, good = network(rg.LSTM(n_in=3, n_out=4), backprop=rg.TruncatedBPTT(4)), padded(rng, 2, 3, 9)
    before = net.parameters()

    def refused(message: str, data: Any) -> None:
        with pytest.raises(rg.InputError, match=f"^{re.escape(message)}"):
            net.fit([good, data], progress=False)
        with pytest.raises(rg.InputError, match=re.escape(message.partition(": ")[2])):
            net.fit(iter([data]), progress=False)
        assert net.iteration == 0
        np.testing.assert_equal(net.parameters(), before)

    refused(
        "element 1 of data: labels have shape [2, 3], one label a sequence, but backprop=TruncatedBPTT(length=4) makes an update after "
        "every segment: give one label a step, [N, C, T], with a labels_mask that is 1 where a label counts (at the last step), or use "
        "backprop=StandardBackprop()",
        rg.DataSet(good.features, good.labels[:, :, 0]),
    )
    for labels, steps in ((good.labels[:, :, :7], 7), (np.concatenate([good.labels] * 2, 2), 18)):
        refused(
            f"element 1 of data: labels have shape [2, 3, {steps}]; expected [2, 3, 9], which is [N, C, T] of the network's output: "
            f"{steps} time steps of labels for 9 of the output",
            rg.DataSet(good.features, labels),
        )
    features = np.zeros((2, 3, 700))
    features[1, 2, 650] = np.nan
    long = np.concatenate([good.labels[:, :, :7]] * 100, 2)
    refused("element 1 of data: features is nan at row 1, feature 2, step 650", rg.DataSet(features, long))
    long[0, 1, 699] = 2.0
    refused(
        "element 1 of data: layers[1] (RnnOutputLayer): the label is 2 at row 0, output 1, step 699",
        rg.DataSet(np.zeros((2, 3, 700)), long),
    )


@pytest.mark.parametrize("length", [2, 3, 5, 11])
@pytest.mark.parametrize("block", [1, 4, 10])
def test_segments_are_parts_of_blocks(block: int, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequences that are longer than what is looked at and moved at once."""
    monkeypatch.setattr(tbptt, "_BLOCK", block)
    rng = np.random.default_rng(8)
    compare(STACKS["lstm"], [padded(rng, 3, 3, STEPS, "any"), padded(rng, 2, 3, 7, "right")], length)


@pytest.mark.parametrize("backward", [None, 2])
def test_noise_is_drawn_for_each_segment(backward: int | None) -> None:
    """A network without dropout, on features that the noise of each update has dropped, trains to the same parameters."""
    data, length, dropped = padded(np.random.default_rng(9), 3, 3, 10, "right"), 4, []
    noisy = network(rg.LSTM(n_in=3, n_out=4, dropout=rg.Dropout(retain=0.7)), backprop=rg.TruncatedBPTT(length, backward))
    for k, start in enumerate(range(0, 10, length)):
        part = cut(noisy.config, data, start, start + length)
        sizes = {"N": 3, "T": part.features.shape[2]}
        (noise,) = draw(lower(noisy.config, features_mask=True, labels_mask=True, loss=True), sizes, noisy.config.seed, k).values()
        dropped.append(np.where(noise.numpy().transpose(1, 2, 0) < 0.7, part.features / 0.7, 0.0))
    noisy.fit(data, progress=False)
    plain = network(rg.LSTM(n_in=3, n_out=4), backprop=rg.TruncatedBPTT(length, backward))
    plain.fit(rg.DataSet(np.concatenate(dropped, 2), data.labels, data.features_mask, data.labels_mask), progress=False)
    for name, array in plain.parameters().items():
        np.testing.assert_allclose(noisy.parameters()[name], array, rtol=0, atol=1e-14)


def test_a_network_without_time_has_nothing_to_cut() -> None:
    net = network(rg.DenseLayer(n_in=2, n_out=3), head=rg.OutputLayer(n_out=2), backprop=rg.TruncatedBPTT(4))
    message = "backprop=TruncatedBPTT(length=4) cuts sequences, but the network has no time axis; use backprop=StandardBackprop()"
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        net.fit(rg.DataSet(np.zeros((1, 2)), np.zeros((1, 2))), progress=False)


def test_a_minibatch_is_cut_in_all_its_arrays() -> None:
    data = padded(rng, 2, 3, 7, "any")
    config = network(rg.LSTM(n_in=3, n_out=4)).config
    part = cut(config, data, 4, 7)
    for name in ("features", "labels", "features_mask", "labels_mask"):
        np.testing.assert_array_equal(getattr(part, name), getattr(data, name)[..., 4:7])
    assert cut(config, data, 0, 7) is data
