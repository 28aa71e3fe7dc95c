"""The documentation's network of convolutions and an LSTM over video: written as there, by hand, exported and streamed frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify
from tests.lowering.properties import check_gradient, dataset, network

H, W, C = 12, 10, 3
GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((3, C, H, W, 7)).astype(np.float32)
LABELS = np.eye(4)[GENERATOR.integers(0, 4, (3, 7))].transpose(0, 2, 1)
MASK = np.array([[1] * 7, [1, 1, 1, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0, 1]])


def layers() -> list[Any]:
    """Two convolutions with pooling, an LSTM, one output a frame."""
    return [
        rg.ConvolutionLayer(3, 3, n_out=4, activation="relu"),
        rg.SubsamplingLayer(pooling_type="max", kernel_size=(2, 2), stride=(2, 2)),
        rg.ConvolutionLayer(3, 3, n_out=5, activation="relu"),
        rg.SubsamplingLayer(pooling_type="max", kernel_size=(2, 2), stride=(2, 2)),
        rg.LSTM(n_out=6),
        rg.RnnOutputLayer(n_out=4, activation="softmax", loss="mcxent"),
    ]


def documented(**settings: Any) -> rg.MultiLayerNetwork:
    return network(layers(), input_type=rg.InputType.convolutional(H, W, C), updater=rg.Adam(0.01), **settings)


def by_hand() -> rg.MultiLayerNetwork:
    between = {0: rg.RnnToCnnPreProcessor(H, W, C), 4: rg.CnnToRnnPreProcessor(1, 1, 5)}
    return network(layers(), preprocessors=between, updater=rg.Adam(0.01))


def test_each_frame_is_convolved_alone() -> None:
    net = documented()
    stages = [stage.gives.layout for stage in net.config.stages]
    assert stages == ["[N, 4, 10, 8, T]", "[N, 4, 5, 4, T]", "[N, 5, 3, 2, T]", "[N, 5, 1, 1, T]", "[N, 6, T]", "[N, 4, T]"]
    y = net.output(X)
    assert y.shape == (3, 4, 7)
    changed = X.copy()
    changed[..., 4] += 1
    np.testing.assert_array_equal(net.output(changed)[..., :4], y[..., :4])


def test_both_ways_of_writing_it_give_equal_outputs(tmp_path: Path) -> None:
    """One has [N, C, H, W, T], or the same memory as [N, C · H · W, T]; the other takes the latter."""
    net, other = documented(), by_hand()
    other.set_parameters(net.parameters())
    flat = X.reshape(3, -1, 7)
    y = net.output(X, MASK)
    np.testing.assert_array_equal(net.output(flat, MASK), y)
    np.testing.assert_array_equal(other.output(flat, MASK), y)
    for data in (rg.DataSet(X, LABELS, MASK), rg.DataSet(flat, LABELS, MASK)):
        assert net.score(data) == other.score(rg.DataSet(flat, LABELS, MASK))
    flatter = network(layers(), input_type=rg.InputType.convolutional_flat(H, W, C))
    flatter.set_parameters(net.parameters())
    for x in (X, flat):
        np.testing.assert_array_equal(flatter.output(x, MASK), y)
    export_onnx(net, tmp_path / "a.onnx")
    export_onnx(other, tmp_path / "b.onnx")
    a, b = StreamingSession(tmp_path / "a.onnx"), StreamingSession(tmp_path / "b.onnx")
    assert a.manifest.port("input").shape == ("N", C, H, W, "T")
    np.testing.assert_array_equal(a.output(X), b.output(flat))
    np.testing.assert_array_equal(a.output(flat), b.output(flat))


def test_it_trains() -> None:
    net = documented()
    data = rg.DataSet(X, LABELS)
    before = net.score(data)
    net.fit(data, epochs=150, progress=False)
    assert net.score(data) < 0.3 * before
    assert net.evaluate(data).accuracy() > 0.7


@pytest.mark.parametrize("masked", [False, True])
def test_it_streams_frame_by_frame(masked: bool, tmp_path: Path) -> None:
    net = documented()
    export_onnx(net, tmp_path / "net.onnx", features_mask=masked, streaming=True)
    assert verify(tmp_path / "net.onnx", net)
    session = StreamingSession(tmp_path / "net.onnx")
    mask = MASK if masked else None
    whole = session.output(X, mask)
    real = MASK[:, None] != 0 if masked else np.ones((3, 1, 7), bool)
    forms: list[Callable[[int], np.ndarray]] = [lambda t: X[..., t], lambda t: X[..., t : t + 1], lambda t: X[..., t].reshape(3, -1)]
    for form in forms:
        for one in (session, net):
            one.rnn_clear_previous_state()
            frames = [one.rnn_time_step(form(t), None if mask is None else mask[:, t]) for t in range(7)]
            assert all(f.shape == ((3, 4, 1) if form(0).ndim == 5 else (3, 4)) for f in frames)
            y = np.stack([f.reshape(3, 4) for f in frames], axis=2)
            np.testing.assert_allclose(y * real, whole * real, rtol=0, atol=0 if one is session else 1e-6)
    session.rnn_clear_previous_state()
    chunks = [session.rnn_time_step(X[..., a:b], None if mask is None else mask[:, a:b]) for a, b in ((0, 2), (2, 7))]
    np.testing.assert_array_equal(np.concatenate(chunks, axis=2) * real, whole * real)


def test_one_frame_is_a_video_of_length_one(tmp_path: Path) -> None:
    net = documented()
    export_onnx(net, tmp_path / "net.onnx")
    for one in (net, StreamingSession(tmp_path / "net.onnx")):
        y = one.output(X[..., 0])
        assert y.shape == (3, 4, 1)
        np.testing.assert_array_equal(y, one.output(X[..., :1]))
    data = rg.DataSet(X[..., 0], LABELS[:, :, :1], MASK[:, 1])
    assert np.isfinite(net.score(data))


def test_gradients_of_masked_video() -> None:
    small = [
        rg.ConvolutionLayer(2, n_out=2, activation="tanh"),
        rg.SubsamplingLayer("avg", 2, 1),
        rg.LSTM(n_out=2),
        rg.RnnOutputLayer(n_out=2),
    ]
    net = network(small, input_type=rg.InputType.convolutional(4, 3, 2), data_type="float64")
    data = dataset(net, 3, 7, MASK.astype(float))
    check_gradient(net, data)
    wild = rg.DataSet(np.where(MASK[:, None, None, None] != 0, data.features, np.nan), data.labels, MASK)
    assert net.score(wild) == net.score(data)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.transpose(0, 4, 1, 2, 3), "features has shape [3, 7, 3, 12, 10]; expected video [N, 3, 12, 10, T] or [N, 360, T], one frame as "
         "[N, 3, 12, 10], with at least one row and frame. If it is [N, T, C, H, W], give features.transpose(0, 2, 3, 4, 1)"),
        (X.transpose(0, 4, 2, 3, 1), "If it is [N, T, H, W, C], give features.transpose(0, 4, 2, 3, 1)"),
        (X[..., 0].transpose(0, 2, 3, 1), "If it is [N, H, W, C], give features.transpose(0, 3, 1, 2)"),
        (X[..., 0].reshape(3, -1), "features has shape [3, 360]; expected video [N, 3, 12, 10, T] or [N, 360, T], one frame as"),
        (X[:, :, :, :5], "features has shape [3, 3, 12, 5, 7]; expected video"),
        (X[:, :, :, :, :0], "features has shape [3, 3, 12, 10, 0]; expected video"),
        (np.where(np.arange(7) == 5, np.nan, X), "features is nan at row 0, channel 0, line 0, column 0, step 5, the first of 1080 values"),
    ],
)  # fmt: skip
def test_what_is_no_video_is_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(rg.InputError) as caught:
        documented().output(x)
    assert message in str(caught.value)


def test_a_network_of_images_takes_images(tmp_path: Path) -> None:
    """Without a layer that needs time there is none: [N, C, H, W], or the same memory as [N, C · H · W]."""
    net = network([*layers()[:2], rg.OutputLayer(n_out=4)], input_type=rg.InputType.convolutional(H, W, C))
    assert not net.config.starts_in_time_series
    export_onnx(net, tmp_path / "net.onnx")
    assert verify(tmp_path / "net.onnx", net)
    session = StreamingSession(tmp_path / "net.onnx")
    assert session.manifest.port("input").shape == ("N", C, H, W)
    images = X[..., 0]
    for one in (net, session):
        np.testing.assert_array_equal(one.output(images), one.output(images.reshape(3, -1)))
        with pytest.raises(rg.InputError, match=r"expected images \[N, 3, 12, 10\] or \[N, 360\], with at least one row$"):
            one.output(X)
    net.fit(rg.DataSet(images, LABELS[:, :, 0]), progress=False)


def test_a_network_may_end_in_images(tmp_path: Path) -> None:
    for more, given in (([], X[..., 0]), ([rg.ActivationLayer(activation="relu")], X[..., 0])):
        net = network([rg.ConvolutionLayer(3, n_out=2), *more], input_type=rg.InputType.convolutional(H, W, C))
        export_onnx(net, tmp_path / "net.onnx")
        y = net.output(given)
        assert y.shape == (3, 2, 10, 8)
        np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx").output(given), y, rtol=0, atol=1e-6)


def test_summary() -> None:
    assert documented().summary().splitlines() == [
        "index  type                  takes              gives             parameters  streams",
        "-------------------------------------------------------------------------------------",
        "    0  ConvolutionLayer      [N, 3, 12, 10, T]  [N, 4, 10, 8, T]         112  yes",
        "    1  SubsamplingLayer      [N, 4, 10, 8, T]   [N, 4, 5, 4, T]            0  yes",
        "    2  ConvolutionLayer      [N, 4, 5, 4, T]    [N, 5, 3, 2, T]          185  yes",
        "    3  SubsamplingLayer      [N, 5, 3, 2, T]    [N, 5, 1, 1, T]            0  yes",
        "       CnnToRnnPreProcessor  [N, 5, 1, 1, T]    [N, 5, T]",
        "    4  LSTM                  [N, 5, T]          [N, 6, T]                288  yes",
        "    5  RnnOutputLayer        [N, 6, T]          [N, 4, T]                 28  yes",
        "-------------------------------------------------------------------------------------",
        "613 parameters, float32",
    ]
