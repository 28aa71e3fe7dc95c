"""Initial states in files: the manifest has them bit for bit, and all that streams begins with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, StreamPool, read_manifest, verify
from rnngraph.runtime.manifest import parse_manifest

X = np.random.default_rng(0).standard_normal((4, 3, 7)).astype(np.float32)


def trained(data_type: str = "float32", initial_state: Any = "learned") -> rg.MultiLayerNetwork:
    """A network whose initial states were moved by training."""
    layers = [rg.LSTM(n_in=3, n_out=5, initial_state=initial_state), rg.GRU(n_out=4), rg.RnnOutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=2, updater=rg.Adam(0.05), data_type=data_type))
    labels = np.eye(2)[np.random.default_rng(1).integers(0, 2, (4, 7))].transpose(0, 2, 1)
    net.fit(rg.DataSet(X, labels), epochs=5)
    return net


@pytest.fixture(scope="module")
def net() -> rg.MultiLayerNetwork:
    return trained()


@pytest.fixture(scope="module")
def path(net: rg.MultiLayerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "net.onnx"
    export_onnx(net, file, features_mask=True)
    return file


@pytest.mark.parametrize("data_type", ["float32", "float64"])
def test_the_manifest_has_every_bit(data_type: str, tmp_path: Path) -> None:
    net = trained(data_type)
    export_onnx(net, tmp_path / "net.onnx")
    manifest = read_manifest(tmp_path / "net.onnx")
    h, c, other = manifest.states
    assert manifest.format == 4
    assert other.initial == 0.0
    for state, name in ((h, "0.h0"), (c, "0.c0")):
        assert isinstance(state.initial, tuple)
        assert np.array(state.initial, data_type).tobytes() == net.parameters()[name].tobytes()
    assert manifest.parameters_sha256 == net._model()


@pytest.mark.parametrize(
    ("initial_state", "told", "version"),
    [(None, [0.0, 0.0], 1), (0.1, [float(np.float32(0.1))] * 2, 1), ({"c": [1.0, 1.0, 1.0, 1.0, 1.0]}, [0.0, 1.0], 1)],
)
def test_a_single_number_is_told_as_before(initial_state: Any, told: list[float], version: int, tmp_path: Path) -> None:
    export_onnx(trained(initial_state=initial_state), tmp_path / "net.onnx")
    meta = {p.key: p.value for p in onnx.load(tmp_path / "net.onnx").metadata_props}
    content = json.loads(meta["rnngraph"])
    assert (content["format"], [s["initial"] for s in content["states"]]) == (version, [*told, 0.0])


def test_zeros_of_different_sign_are_not_one_number(tmp_path: Path) -> None:
    net = trained(initial_state={"h": "learned"})
    net.set_parameters({**net.parameters(), "0.h0": [0.0, -0.0, 0.0, 0.0, 0.0]})
    export_onnx(net, tmp_path / "net.onnx")
    (initial, *_) = [s.initial for s in read_manifest(tmp_path / "net.onnx").states]
    assert list(np.signbit(initial)) == [False, True, False, False, False]


def test_a_reader_of_older_formats_refuses_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnngraph.runtime.manifest.FORMAT", 3)
    with pytest.raises(
        rg.ModelFileError, match=r"net\.onnx has format 4 \(written by rnngraph .*\), this version of rnngraph reads up to 3"
    ):
        read_manifest(path)


def test_too_few_initial_values_are_no_manifest_of_ours(path: Path) -> None:
    meta = {p.key: p.value for p in onnx.load(path).metadata_props}
    content = json.loads(meta["rnngraph"])
    content["states"][0]["initial"].pop()
    with pytest.raises(rg.ModelFileError, match=r"its manifest is not as rnngraph writes it .*4 initial values for a state of shape \[5\]"):
        parse_manifest(json.dumps(content), path)


def test_a_sample_begins_there(net: rg.MultiLayerNetwork, path: Path) -> None:
    last = sorted(Path(f"{path}.golden").iterdir())[-1]
    tensors = [onnx.load_tensor(file) for file in last.glob("input_*.pb")]
    arrays = {t.name: numpy_helper.to_array(t) for t in tensors}
    np.testing.assert_array_equal(arrays["state_00_h"], np.tile(net.parameters()["0.h0"], (2, 1)))
    assert len(list(last.parent.iterdir())) == 3
    assert verify(path, net)


def test_whole_chunked_and_stepped_are_equal_and_torchs(net: rg.MultiLayerNetwork, path: Path) -> None:
    session = StreamingSession(path)
    whole = session.output(X)
    for cuts in ([1, 2, 3, 4, 5, 6], [2, 3], []):
        session.rnn_clear_previous_state()
        net.rnn_clear_previous_state()
        pieces = np.split(X, cuts, axis=2)
        assert np.array_equal(np.concatenate([session.rnn_time_step(piece) for piece in pieces], 2), whole)
        np.testing.assert_allclose(np.concatenate([net.rnn_time_step(piece) for piece in pieces], 2), whole, rtol=0, atol=2e-6)
    without = StreamingSession(path).clone()
    without.rnn_set_previous_state(0, {key: np.zeros((4, 5), np.float32) for key in "hc"})
    assert np.abs(without.rnn_time_step(X) - whole).max() > 1e-3


def test_rows_that_begin_anew_begin_there(net: rg.MultiLayerNetwork, path: Path) -> None:
    session = StreamingSession(path)
    for verbs in (session, net):
        verbs.rnn_clear_previous_state()
        first = verbs.rnn_time_step(X)
        held = verbs.rnn_get_previous_state(0)
        verbs.rnn_clear_previous_state(rows=[1, 3])
        state = verbs.rnn_get_previous_state(0)
        for key in "hc":
            np.testing.assert_array_equal(state[key][[1, 3]], np.tile(net.parameters()[f"0.{key}0"], (2, 1)))
            np.testing.assert_array_equal(state[key][[0, 2]], held[key][[0, 2]])
        np.testing.assert_array_equal(verbs.rnn_time_step(X)[[1, 3]], first[[1, 3]])


def test_a_leading_masked_step_holds_them(net: rg.MultiLayerNetwork, path: Path) -> None:
    session, mask = StreamingSession(path), np.array([1, 0, 1, 0])
    for verbs in (session, net):
        verbs.rnn_clear_previous_state()
        verbs.rnn_time_step(X[:, :, 0], mask)
        np.testing.assert_array_equal(verbs.rnn_get_previous_state(0)["c"][[1, 3]], np.tile(net.parameters()["0.c0"], (2, 1)))


def test_streams_of_a_pool_begin_there(path: Path) -> None:
    pool, whole = StreamPool(path, capacity=1), StreamingSession(path).output(X)
    pool.open("a")
    first = pool.push({"a": X[0, :, :2]})
    pool.open("b")  # the pool grows
    pool.open("c")
    later = pool.push({"c": X[2], "a": X[0, :, 2:]})
    assert np.array_equal(np.concatenate([first["a"], later["a"]], 1), whole[0])
    assert np.array_equal(later["c"], whole[2])
    pool.close("a")
    pool.open("a")
    step = pool.step({"b": X[1, :, 0], "a": X[3, :, 0]})
    assert np.array_equal(step["b"], whole[1, :, 0])
    assert np.array_equal(step["a"], whole[3, :, 0])


def test_snapshots_go_on_between_torch_and_file(net: rg.MultiLayerNetwork, path: Path) -> None:
    net.rnn_clear_previous_state()
    net.rnn_time_step(X[:, :, :3])
    session = StreamingSession(path)
    session.restore(net.snapshot())
    np.testing.assert_allclose(session.rnn_time_step(X[:, :, 3:]), session.output(X)[:, :, 3:], rtol=0, atol=2e-6)


def test_they_are_what_they_are_now(net: rg.MultiLayerNetwork) -> None:
    other = trained()
    before, model = other.output(X), other._model()
    other.set_parameters({**other.parameters(), "0.h0": np.full(5, 0.9)})
    assert np.abs(other.output(X) - before).max() > 1e-3
    assert other._model() != model
    other.set_parameters(net.parameters())
    assert np.array_equal(other.output(X), before)


def test_what_was_given_can_be_set_as_buffers_are() -> None:
    net = trained(initial_state={"h": 0.5})
    net.set_buffers({"0.h0": np.arange(5)})
    net.rnn_time_step(X)
    net.rnn_clear_previous_state(rows=[2])
    assert list(net.rnn_get_previous_state(0)["h"][2]) == [0, 1, 2, 3, 4]


def test_a_graph(tmp_path: Path) -> None:
    vertices: dict[str, Any] = {
        "rnn": (rg.SimpleRnn(n_out=3, initial_state=[0.5, 1.0, -1.0]), "x"),
        "last": (rg.LastTimeStep(rg.LSTM(n_out=2, mask_mode="reset", initial_state={"h": [1.0, 2.0]})), "rnn"),
        "y": (rg.OutputLayer(n_out=2), "last"),
    }
    config = rg.ComputationGraphConfiguration(inputs=["x"], vertices=vertices, outputs=["y"], input_types={"x": rg.InputType.recurrent(3)})
    net = rg.ComputationGraph(config)
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    manifest = read_manifest(tmp_path / "net.onnx")
    assert (manifest.format, manifest.is_graph) == (4, True)
    assert {s.key: s.initial for s in manifest.states if s.layer == 1} == {"h": (1.0, 2.0), "c": 0.0, "last": (1.0, 2.0)}
    assert verify(tmp_path / "net.onnx", net)
    mask = np.ones((4, 7))
    mask[2] = 0
    (y,) = net.output([X], [mask])
    np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx").output([X], features_masks=[mask])[0], y, rtol=0, atol=1e-6)
    z = net.parameters()["y.W"] @ [1.0, 2.0] + net.parameters()["y.b"]
    np.testing.assert_allclose(y[2], np.exp(z) / np.exp(z).sum(), rtol=0, atol=1e-6)


def test_saved_and_loaded(net: rg.MultiLayerNetwork, tmp_path: Path) -> None:
    net.save(tmp_path / "net.rnng")
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    assert again.config == net.config
    assert np.array_equal(again.output(X), net.output(X))


def test_a_network_that_lacks_them_is_not_exported(tmp_path: Path) -> None:
    class Bare:
        """What an exporter needs, but for buffers."""

        config = trained(initial_state=[1.0, 2.0, 3.0, 4.0, 5.0]).config

        def parameters(self) -> dict[str, np.ndarray]:
            return rg.MultiLayerNetwork(self.config).parameters()

    with pytest.raises(rg.ExportError, match=r"^the network has no parameter '0\.h0'; it has 0\.R, 0\.W, .*; set all parameters before"):
        export_onnx(Bare(), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
