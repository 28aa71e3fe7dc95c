"""BatchNormalization: running statistics and what keeps them, masks, options. Its gradients are tried with the other layers'."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import ModelFileError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession
from rnngraph.serialization import _DIGEST_LENGTH, _MARK
from tests.lowering.properties import dataset, network

X = np.random.default_rng(0).standard_normal((4, 3, 6)) * 2 + 1
MASK = np.array([[1, 0, 1, 1, 0, 0], [0] * 6, [1] * 6, [0, 0, 0, 1, 1, 1]], float)


def series(**fields: Any) -> rg.MultiLayerNetwork:
    layers = [rg.BatchNormalization(n_in=3, **fields), rg.RnnOutputLayer(n_out=2)]
    config = rg.MultiLayerConfiguration(layers=layers, input_type=rg.InputType.recurrent(3), data_type="float64", updater=rg.Sgd(0.1))
    return rg.MultiLayerNetwork(config)


def labelled(mask: np.ndarray | None = None) -> rg.DataSet:
    return rg.DataSet(np.where(MASK[:, None] > 0, X, np.nan) if mask is not None else X, np.full((4, 2, 6), 0.5), mask)


@pytest.mark.parametrize("masked", [False, True])
def test_running_statistics(masked: bool) -> None:
    """Over rows and real steps; the variance is the population's, averaged as a variance."""
    net, mean, var = series(decay=0.7), np.zeros(3), np.ones(3)
    rows = X.transpose(0, 2, 1).reshape(-1, 3)
    rows = rows[MASK.reshape(-1) > 0] if masked else rows
    for _ in range(3):
        net.fit(labelled(MASK if masked else None), progress=False)
        mean, var = 0.7 * mean + 0.3 * rows.mean(0), 0.7 * var + 0.3 * rows.var(0)
        np.testing.assert_allclose(net.buffers()["0.mean"], mean, rtol=1e-12)
        np.testing.assert_allclose(net.buffers()["0.var"], var, rtol=1e-12)


def test_inference_uses_the_running_statistics() -> None:
    net = network([rg.BatchNormalization(n_in=3, epsilon=0.01)], input_type=rg.InputType.recurrent(3), data_type="float64")
    p, b = net.parameters(), net.buffers()
    mean, var, gamma, beta = (a[:, None] for a in (b["0.mean"], b["0.var"], p["0.gamma"], p["0.beta"]))
    np.testing.assert_allclose(net.output(X), gamma * (X - mean) / np.sqrt(var + 0.01) + beta, rtol=1e-12)


def test_a_minibatch_without_a_real_step_changes_no_statistics() -> None:
    net = series()
    net.fit(rg.DataSet(X, np.full((4, 2, 6), 0.5), np.zeros((4, 6)), np.ones((4, 6))), progress=False)
    assert (net.buffers()["0.mean"].tolist(), net.buffers()["0.var"].tolist()) == ([0.0] * 3, [1.0] * 3)


def test_locked_gamma_and_beta_are_numbers() -> None:
    net = series(lock_gamma_beta=True, gamma=2.0, beta=-1.0)
    assert [k for k in net.parameters() if k.startswith("0.")] == []
    layers = [rg.BatchNormalization(n_in=3, lock_gamma_beta=True, gamma=2.0, beta=-1.0, eps=1e-9)]  # type: ignore[call-arg]
    alone = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))
    np.testing.assert_allclose(alone.output(X[:, :, 0]), 2 * X[:, :, 0] - 1, rtol=1e-8)


def test_no_penalty_on_gamma_beta_and_biases() -> None:
    layers = [rg.DenseLayer(n_in=3, n_out=2, has_layer_norm=True), rg.BatchNormalization(), rg.OutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, l2=0.5, data_type="float64"))
    plain = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))
    data = rg.DataSet(X[:, :, 0], np.eye(2)[[0, 1, 1, 0]])
    weights = sum((net.parameters()[k] ** 2).sum() for k in ("0.W", "0.g", "2.W"))  # a gain is a weight, as in DL4J
    np.testing.assert_allclose(net.score(data) - plain.score(data), 0.25 * weights)


def test_set_buffers() -> None:
    net = series()
    net.set_buffers({"0.mean": [1, 2, 3], "0.var": [0, 1, 2]})
    assert net.buffers()["0.mean"].tolist() == [1, 2, 3]
    for bad, message in (
        ({"0.mean": [1, 2, 3]}, r"set_buffers: missing: 0\.var\. It takes all of 0\.mean, 0\.var; to change some, .* buffers\(\) gives"),
        ({"0.mean": [1, 2, 3], "0.var": [1, -2, 1]}, r"set_buffers: 0\.var holds -2\.0; expected variances, which are at least 0"),
        ({"0.mean": [1, 2], "0.var": [1, 2, 1]}, r"set_buffers: 0\.mean is int64\[2\], expected float64\[3\]"),
        (3, r"set_buffers: expected a mapping from names to arrays \(0\.mean, 0\.var\), not 3"),
    ):
        with pytest.raises(rg.InputError, match=message):
            net.set_buffers(bad)  # type: ignore[arg-type]
    assert net.buffers()["0.mean"].tolist() == [1, 2, 3]


# Files


def mixed() -> rg.MultiLayerNetwork:
    layers = [
        rg.LSTM(n_in=3, n_out=4),
        rg.DropoutLayer(dropout=rg.Dropout(retain=0.6)),
        rg.BatchNormalization(),
        rg.DenseLayer(n_out=5, has_layer_norm=True),
        rg.DropoutLayer(dropout=rg.Dropout(retain=0.9)),
        rg.RnnOutputLayer(n_out=2),
    ]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=4, updater=rg.Adam(0.01)))


def test_going_on_after_load_equals_never_having_stopped(tmp_path: Path) -> None:
    """Parameters, running statistics and the noise of dropout, bit for bit."""
    unbroken, broken = mixed(), mixed()
    data = [dataset(unbroken, 4, 6, MASK), dataset(unbroken, 2, 3)]
    unbroken.fit(data, epochs=4, progress=False)
    broken.fit(data, epochs=2, progress=False)
    broken.save(tmp_path / "net.rnng")
    loaded = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    for name, array in broken.buffers().items():
        np.testing.assert_array_equal(loaded.buffers()[name], array)
    loaded.fit(data, epochs=2, progress=False)
    for name, array in {**unbroken.parameters(), **unbroken.buffers()}.items():
        got = {**loaded.parameters(), **loaded.buffers()}[name]
        np.testing.assert_array_equal(got, array, err_msg=name)
    unbroken.save(tmp_path / "a.rnng")
    loaded.save(tmp_path / "b.rnng")
    assert (tmp_path / "a.rnng").read_bytes() == (tmp_path / "b.rnng").read_bytes()


def test_a_file_without_its_running_statistics_is_refused(tmp_path: Path) -> None:
    mixed().save(tmp_path / "net.rnng")
    with zipfile.ZipFile(tmp_path / "net.rnng") as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != "buffers.safetensors"}
    with zipfile.ZipFile(tmp_path / "less.rnng", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.comment = _MARK + b"0" * _DIGEST_LENGTH
    content = (tmp_path / "less.rnng").read_bytes()[:-_DIGEST_LENGTH]
    (tmp_path / "less.rnng").write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(ModelFileError, match=r"asks for the buffers 2\.mean, 2\.var, the file has no part buffers\.safetensors"):
        rg.MultiLayerNetwork.load(tmp_path / "less.rnng")


def test_files_and_networks_with_other_statistics_know_each_other_apart(tmp_path: Path) -> None:
    net = mixed()
    export_onnx(net, tmp_path / "net.onnx")
    session = StreamingSession(tmp_path / "net.onnx")
    net.rnn_time_step(X)
    session.restore(net.snapshot())
    net.set_buffers({k: v + 1 for k, v in net.buffers().items()})
    with pytest.raises(rg.StateError, match=r"parameters have the sha-256"):
        session.restore(net.snapshot())


def test_an_update_that_fails_leaves_the_statistics() -> None:
    net = series()
    data = rg.DataSet(X * 1e300, np.full((4, 2, 6), 0.5))
    before = net.buffers()
    with pytest.raises(rg.TrainingError, match=r"iteration 0: 0\.var \(layers\[0\], BatchNormalization\) would become inf at \[0\]"):
        net.fit(data, progress=False)
    for name, array in before.items():
        np.testing.assert_array_equal(net.buffers()[name], array)
