"""ConvolutionLayer, Convolution1DLayer and their pools: backends, gradients, masks and streams on drawn networks, and by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.lowering import initial_parameters, lower
from rnngraph.lowering.head_masks import head_masks
from rnngraph.runtime import StreamingSession
from tests.lowering.properties import check_backends, check_gradient, dataset, inputs, network

SMALL = st.integers(1, 3)
ACTIVATIONS = st.sampled_from(["tanh", "relu", "identity"])
KINDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "pooling_type": st.sampled_from(["max", "avg", "sum", "pnorm"]),
        "pnorm": st.integers(1, 3),
        "avg_pool_include_pad_in_divisor": st.booleans(),
    }
)


@st.composite
def image_layers(draw: st.DrawFn) -> Any:
    """A convolution or a pool over images, small enough to fit at least in the mode "same"."""
    mode = draw(st.sampled_from(["truncate", "same"]))
    kernel = draw(st.tuples(SMALL, SMALL))
    fields: dict[str, Any] = {"stride": draw(st.tuples(SMALL, SMALL)), "dilation": draw(st.tuples(SMALL, SMALL)), "convolution_mode": mode}
    if mode == "truncate":
        fields["padding"] = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    if draw(st.booleans()):
        return rg.SubsamplingLayer(kernel_size=kernel, **fields, **draw(KINDS))
    return rg.ConvolutionLayer(*kernel, n_out=draw(SMALL), activation=draw(ACTIVATIONS), has_bias=draw(st.booleans()), **fields)


@st.composite
def step_layers(draw: st.DrawFn, modes: tuple[str, ...] = ("truncate", "same", "causal")) -> Any:
    """A convolution or a pool over time."""
    mode, kernel = draw(st.sampled_from(modes)), draw(st.integers(1, 4))
    fields: dict[str, Any] = {"dilation": draw(SMALL), "convolution_mode": mode, "stride": draw(SMALL)}
    if mode == "truncate":
        fields["padding"] = draw(st.integers(0, kernel - 1))
    if draw(st.booleans()):
        return rg.Subsampling1DLayer(kernel_size=kernel, **fields, **draw(KINDS))
    return rg.Convolution1DLayer(kernel, n_out=draw(SMALL), activation=draw(ACTIVATIONS), has_bias=draw(st.booleans()), **fields)


IMAGES = st.builds(rg.InputType.convolutional, st.integers(1, 9), st.integers(1, 9), SMALL)


@st.composite
def of_images(draw: st.DrawFn, video: bool) -> dict[str, Any]:
    """A network that begins with images; of a video each frame."""
    layers = draw(st.lists(image_layers(), min_size=1, max_size=2))
    middle: list[Any] = [rg.DenseLayer(n_out=3, activation="tanh"), rg.GlobalPoolingLayer("avg"), rg.BatchNormalization()]
    layers += draw(st.lists(st.sampled_from(middle), max_size=1))
    layers += [rg.LSTM(n_out=3), rg.RnnOutputLayer(n_out=2)] if video else [rg.OutputLayer(n_out=2)]
    fields: dict[str, Any] = {"layers": layers, "input_type": draw(IMAGES)}
    try:
        rg.MultiLayerConfiguration(**fields)
    except rg.ConfigurationError as error:
        assume("is larger than the input's" not in str(error))
        raise
    return fields


@st.composite
def of_steps(draw: st.DrawFn, modes: tuple[str, ...] = ("truncate", "same", "causal")) -> dict[str, Any]:
    """A network that begins with windows over time."""
    layers: list[Any] = draw(st.lists(step_layers(modes), min_size=1, max_size=2))
    layers += draw(st.lists(st.just(rg.SimpleRnn(n_out=3)), max_size=1))
    return {"layers": [*layers, rg.RnnOutputLayer(n_out=2)], "input_type": rg.InputType.recurrent(draw(SMALL))}


@settings(max_examples=25, deadline=None)
@given(fields=of_images(True), masked=st.booleans(), target=st.sampled_from(["portable", "cpu"]))
def test_backends_agree_on_video_and_bits_do_not_depend_on_pieces(fields: dict[str, Any], masked: bool, target: str) -> None:
    check_backends(network(**fields), features_mask=masked, target=target)


@settings(max_examples=15, deadline=None)
@given(fields=of_images(False))
def test_backends_agree_on_images(fields: dict[str, Any]) -> None:
    check_backends(network(**fields))
    net = network(**fields, data_type="float64")
    check_gradient(net, dataset(net, 3, 1))


@settings(max_examples=40, deadline=None)
@given(fields=of_steps(), masked=st.booleans(), mode=st.sampled_from(["hold", "ignore"]))
def test_backends_agree_on_steps(fields: dict[str, Any], masked: bool, mode: str) -> None:
    check_backends(network(**fields, mask_mode=mode), features_mask=masked)


@settings(max_examples=20, deadline=None)
@given(fields=of_steps(modes=("causal",)), masked=st.booleans(), steps=st.sampled_from([None, 1]))
def test_causal_windows_stream_to_the_bit(fields: dict[str, Any], masked: bool, steps: Any) -> None:
    """``verify`` compares whole, chunked, stepped and row alone with equality; a stride above 1 does not stream."""
    fields["layers"] = [layer.replaced(stride=1) if hasattr(layer, "stride") else layer for layer in fields["layers"]]
    net = network(**fields)
    assume(all(not isinstance(x, rg.Subsampling1DLayer) or x.avg_pool_include_pad_in_divisor for x in net.config.layers))
    assert "does not stream" not in net.summary()
    check_backends(net, features_mask=masked, steps=steps, streaming=True)


MASKS = (
    st.tuples(st.integers(1, 3), st.integers(8, 12))
    .flatmap(lambda s: st.lists(st.lists(st.integers(0, 1), min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0]))
    .filter(lambda rows: any(map(any, rows)))
)


@settings(max_examples=20, deadline=None)
@given(fields=of_images(True) | of_steps(), mask=MASKS, mode=st.sampled_from(["hold", "ignore"]))
def test_gradients_are_those_of_the_reference(fields: dict[str, Any], mask: list[list[int]], mode: str) -> None:
    net = network(**fields, data_type="float64", mask_mode=mode)
    real = np.array(mask, float)
    assume(net._inputs.inputs[0].least <= real.shape[1])
    check_gradient(net, dataset(net, real.shape[0], real.shape[1], real))
    check_gradient(net, dataset(net, real.shape[0], real.shape[1]))


@settings(max_examples=40, deadline=None)
@given(fields=of_images(True) | of_steps(), mask=MASKS, more=st.integers(0, 5))
def test_padding_behind_and_values_at_masked_steps_change_nothing(fields: dict[str, Any], mask: list[list[int]], more: int) -> None:
    """Windows over time read 0 at masked steps; padding behind the end is as the end itself, but where windows reach over it."""
    net = network(**fields, data_type="float64")
    real = np.array(mask, float)
    assume(net._inputs.inputs[0].least <= real.shape[1])
    data = dataset(net, real.shape[0], real.shape[1], real)
    wild = np.where(np.expand_dims(real, tuple(range(1, data.features.ndim - 1))) != 0, data.features, np.nan)
    (behind,) = head_masks(net.config, {"x": real})
    assert behind is not None
    assume(behind.any())  # a stride may pass over the only real step
    score, gradient = net.gradient(data)
    again, same = net.gradient(rg.DataSet(wild, data.labels, real))
    assert again == score
    assert all(np.array_equal(same[k], v) for k, v in gradient.items())
    longer = np.concatenate([wild, np.full((*wild.shape[:-1], more), np.nan)], axis=-1)
    y = net.output(wild, real)
    got = net.output(longer, np.concatenate([real, np.zeros((len(real), more))], axis=1))[:, :, : y.shape[2]]
    whole = all(layer.convolution_mode != "same" or layer.stride == 1 for layer in net.config.layers if isinstance(layer, STEPS))
    if whole and all(
        end_reads_zero(layer) for layer in net.config.layers
    ):  # in the mode "same" with a stride the windows lie where the length puts them
        got, y = (np.where(behind[:, None] != 0, a, 0.0) for a in (got, y))
        np.testing.assert_allclose(got, y, rtol=0, atol=1e-12)


STEPS = (rg.Convolution1DLayer, rg.Subsampling1DLayer)


def end_reads_zero(layer: Any) -> bool:
    """Whether what lies behind the end counts as 0, as masked steps do; a largest value and a mean of what is there leave it out."""
    if not isinstance(layer, rg.Subsampling1DLayer) or layer.added(1)[1] == 0:
        return True
    return layer.pooling_type in ("sum", "pnorm") or (layer.pooling_type == "avg" and layer.avg_pool_include_pad_in_divisor)


def test_a_layer_by_hand() -> None:
    """Weights [n_out, n_in, kH, kW] and [n_out, n_in, k] as torch has them."""
    net = rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(
            layers=[rg.ConvolutionLayer(1, 2, n_out=1, activation="identity")], input_type=rg.InputType.convolutional(2, 3, 2)
        )
    )
    net.set_parameters({"0.W": np.array([[[[1.0, 10.0]], [[100.0, 1000.0]]]]), "0.b": np.array([0.5])})
    x = np.arange(12.0).reshape(1, 2, 2, 3)
    want = [
        [[x[0, 0, h, w] + 10 * x[0, 0, h, w + 1] + 100 * x[0, 1, h, w] + 1000 * x[0, 1, h, w + 1] + 0.5 for w in (0, 1)] for h in (0, 1)]
    ]
    assert net.output(x).tolist() == [want]
    layer = rg.Convolution1DLayer(2, n_in=1, n_out=1, activation="identity", convolution_mode="causal")
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer]))
    net.set_parameters({"0.W": np.array([[[1.0, 10.0]]]), "0.b": np.array([0.0])})
    assert net.output([[[1, 2, 3]]]).tolist() == [[[10.0, 21.0, 32.0]]]
    assert net.rnn_time_step([[1]]).tolist() == [[10.0]]
    assert net.rnn_get_previous_state(0)["x"].tolist() == [[[1.0]]]
    assert net.rnn_time_step([[[2, 3]]]).tolist() == [[[21.0, 32.0]]]


def test_a_masked_step_reads_zero_and_a_shorter_output_has_a_shorter_mask() -> None:
    layers = [
        rg.Convolution1DLayer(2, n_in=1, n_out=1, activation="identity", stride=2),
        rg.RnnLossLayer(activation="identity", loss="mse"),
    ]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    net.set_parameters({"0.W": np.array([[[1.0, 10.0]]]), "0.b": np.array([0.0])})
    mask = [[1, 0, 0, 0, 1]]
    x = [[[1, np.nan, np.nan, np.nan, 5]]]
    assert net.output(x, mask).tolist() == [[[1.0, 0.0]]]
    assert net.score(rg.DataSet(x, [[[1, 7]]], mask)) == 0.0  # the second window has no real step
    assert net.score(rg.DataSet(x, [[[1, 7]]], mask, [[1, 1]])) == 49.0


def test_weights_are_drawn_by_the_fans_of_the_kernel() -> None:
    """fan_in = n_in kH kW, fan_out = n_out kH kW / (sH sW)."""
    layers = [
        rg.ConvolutionLayer(3, 5, n_out=40, stride=(1, 3), weight_init="xavier_uniform"),
        rg.Convolution1DLayer(3, n_out=50, stride=3, weight_init="xavier_uniform"),
        rg.RnnOutputLayer(n_out=2),
    ]
    drawn = initial_parameters(rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.convolutional(6, 8, 20), seed=1))
    for name, fan_in, fan_out in (("0.W", 300, 200), ("1.W", 40 * 4 * 2 * 3, 50)):
        bound = np.sqrt(6 / (fan_in + fan_out))
        assert 0.98 * bound <= np.abs(drawn[name]).max() <= bound
    assert not drawn["0.b"].any()


def test_why_windows_do_not_stream(tmp_path: Path) -> None:
    def why(**fields: Any) -> str:
        layer = rg.Convolution1DLayer(n_in=2, n_out=2, **{"kernel_size": 3, **fields})
        net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer, rg.RnnOutputLayer(n_out=2)]))
        (reason,) = [line for line in net.summary().splitlines() if line.startswith("does not stream: ")]
        with pytest.raises(rg.ExportError, match=re.escape(reason.removeprefix("does not stream: "))):
            export_onnx(net, tmp_path / "net.onnx", streaming=True)
        export_onnx(net, tmp_path / "net.onnx")
        session = StreamingSession(tmp_path / "net.onnx")
        with pytest.raises(rg.StreamingError, match=re.escape(reason.removeprefix("does not stream: "))):
            session.rnn_time_step(np.zeros((1, 2)))
        return reason.removeprefix("does not stream: layer 0 (convolution over time) ")

    assert why() == "gives T - 2 steps for T: in pieces the windows across the seams would be missing (convolution_mode='causal' streams)"
    assert why(convolution_mode="same").startswith("pads the sequence: outputs at its ends need to know that it ends there")
    assert why(kernel_size=1, stride=2) == "moves by 2 steps: a piece may end between two windows"


@settings(max_examples=60, deadline=None)
@given(layer=step_layers())
def test_layers_tell_whether_they_stream(layer: Any) -> None:
    net = network([layer], input_type=rg.InputType.recurrent(2))
    assert net.config.layers[0].causal == ("does not stream" not in net.summary())


def test_sequences_shorter_than_the_windows_are_refused(tmp_path: Path) -> None:
    layers = [rg.Convolution1DLayer(3, n_in=2, n_out=2, dilation=2), rg.RnnOutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    export_onnx(net, tmp_path / "net.onnx")
    session = StreamingSession(tmp_path / "net.onnx")
    assert session.manifest.time.least_steps == 5
    assert net.output(np.zeros((1, 2, 5))).shape == session.output(np.zeros((1, 2, 5))).shape == (1, 2, 1)
    message = r"^x has 4 time steps, but the windows over time of .*net\.onnx need 5 at least; pad it, and mask what was added$"
    with pytest.raises(rg.InputError, match=message):
        session.output(np.zeros((1, 2, 4)))
    message = r"^features has 4 time steps, but the network's windows over time need 5 at least; pad it, and mask what was added$"
    with pytest.raises(rg.InputError, match=message):
        net.output(np.zeros((1, 2, 4)))
    with pytest.raises(rg.InputError, match=r"^labels have shape \[1, 2, 7\]; expected \[1, 2, 3\], which is \[N, C, T\]"):
        net.score(rg.DataSet(np.zeros((1, 2, 7)), np.zeros((1, 2, 7))))


def test_evaluation_counts_steps_by_the_reduced_mask() -> None:
    layers = [rg.Subsampling1DLayer("max", 2, 2, n_in=2), rg.RnnLossLayer()]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    x = inputs(net, 3, 7)
    mask = np.array([[1] * 7, [1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 0, 0, 0, 0]])
    labels = np.zeros((3, 2, 3))
    labels[:, 0] = 1
    assert net.evaluate(rg.DataSet(x, labels, mask)).confusion.sum() == 3 + 2 + 1


def test_labels_of_a_training_graph_have_the_length_of_the_output() -> None:
    layers = [rg.Convolution1DLayer(3, n_in=2, n_out=2, stride=2), rg.RnnOutputLayer(n_out=2)]
    graph = lower(rg.MultiLayerConfiguration(layers=layers), features_mask=True, labels_mask=True, loss=True)
    types = {p.name: str(p.value.type) for p in [*graph.inputs, *graph.outputs]}
    assert types["labels"] == types["y"] == "[N, 2, floor((T + 1) / 2) - 1]"
    assert types["labels_mask"] == "[N, floor((T + 1) / 2) - 1]"
