"""The .rnng file: what comes back, and that nothing damaged, newer or foreign is taken."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as save_arrays

import rnngraph as rg
from rnngraph.errors import ModelFileError
from rnngraph.serialization import _DIGEST_LENGTH, _MARK


def network(updater: Any = None) -> rg.MultiLayerNetwork:
    layers = [rg.LSTM(n_in=3, n_out=4), rg.GravesLSTM(n_out=5), rg.RnnOutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=3, l2=1e-3, updater=updater or rg.Adam(1e-2)))


def batches() -> list[rg.DataSet]:
    generator = np.random.default_rng(0)
    out = []
    for _ in range(3):
        labels = np.moveaxis(np.eye(2)[generator.integers(2, size=(4, 6))], -1, 1)
        mask = (np.arange(6) < generator.integers(1, 7, size=(4, 1))).astype(float)
        out.append(rg.DataSet(generator.standard_normal((4, 3, 6)), labels, mask))
    return out


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    net = network()
    net.fit(batches())
    net.save(tmp_path / "net.rnng")
    return tmp_path / "net.rnng"


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """A file with these parts and a digest that fits."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.comment = _MARK + b"0" * _DIGEST_LENGTH
    content = path.read_bytes()[:-_DIGEST_LENGTH]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())


@pytest.mark.parametrize("updater", [rg.Adam(1e-2), rg.Sgd(1e-2)])
def test_going_on_after_load_equals_never_having_stopped(tmp_path: Path, updater: Any) -> None:
    unbroken, broken = network(updater), network(updater)
    unbroken.fit(batches(), epochs=4)
    broken.fit(batches(), epochs=2)
    broken.save(tmp_path / "net.rnng")
    loaded = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    assert (loaded.iteration, loaded.epoch, loaded.fitted_with_mask) == (6, 2, True)
    assert loaded.config == broken.config
    loaded.fit(batches(), epochs=2)
    assert (loaded.iteration, loaded.epoch) == (unbroken.iteration, unbroken.epoch)
    for name, array in unbroken.parameters().items():
        np.testing.assert_array_equal(loaded.parameters()[name], array, err_msg=name)
    for name, states in unbroken.updater_state.items():
        for key, tensor in states.items():
            np.testing.assert_array_equal(loaded.updater_state[name][key].numpy(), tensor.numpy(), err_msg=f"{name}/{key}")


def test_a_fresh_network_comes_back(tmp_path: Path) -> None:
    net = network()
    net.save(tmp_path / "a.rnng")
    loaded = rg.MultiLayerNetwork.load(str(tmp_path / "a.rnng"))
    assert (loaded.iteration, loaded.updater_state, loaded.fitted_with_mask) == (0, {}, False)
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    np.testing.assert_array_equal(loaded.output(x), net.output(x))
    loaded.save(tmp_path / "b.rnng")
    assert (tmp_path / "a.rnng").read_bytes() == (tmp_path / "b.rnng").read_bytes()


def test_the_parts_are_plain_json_and_safetensors(saved: Path) -> None:
    parts = parts_of(saved)
    assert list(parts) == ["training.json", "configuration.json", "parameters.safetensors", "updater_state.safetensors"]
    training = json.loads(parts["training.json"])
    assert training == {"format": 1, "producer": f"rnngraph {rg.__version__}", "iteration": 3, "epoch": 1, "fitted_with_mask": True}


def test_saving_replaces_the_file_or_leaves_it(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    net = network()
    monkeypatch.setattr("os.replace", lambda a, b: (_ for _ in ()).throw(OSError("disk is full")))
    with pytest.raises(
        ModelFileError, match=rf"^{re.escape(str(saved))}: cannot be written \(disk is full\); what stood there is as it was$"
    ):
        net.save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
    monkeypatch.undo()
    net.save(saved)
    assert rg.MultiLayerNetwork.load(saved).iteration == 0


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        ModelFileError,
        match=r"none.rnng: cannot be read \(No such file or directory\); expected a .rnng file written by Multi.* or ComputationGraph",
    ):
        rg.MultiLayerNetwork.load(tmp_path / "none.rnng")
    with pytest.raises(ModelFileError, match=r"cannot be read \(Is a directory\)"):
        rg.MultiLayerNetwork.load(tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    net = network()
    cases: list[tuple[Any, str]] = [
        (tmp_path / "no" / "x.rnng", f"{tmp_path}/no/x.rnng: there is no folder {tmp_path}/no; create it first"),
        (tmp_path, f"{tmp_path}: is a folder; give the name of a file in it, such as {tmp_path}/net.rnng"),
        (None, 'save: the path is None; expected the name of a file, such as "net.rnng"'),
    ]
    for path, message in cases:
        with pytest.raises(ModelFileError, match=f"^{re.escape(message)}$"):
            net.save(path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelFileError, match=r"^load: the path is None; expected the name of a file, such as \"net.rnng\"$"):
        rg.MultiLayerNetwork.load(None)  # type: ignore[arg-type]


def test_saving_goes_through_a_link(saved: Path) -> None:
    link = saved.with_name("link.rnng")
    link.symlink_to(saved)
    network().save(link)
    assert link.is_symlink()
    assert rg.MultiLayerNetwork.load(saved).iteration == 0


def test_what_load_would_refuse_is_not_saved(saved: Path) -> None:
    before = saved.read_bytes()
    head = f"{saved}: not written, since it could not be loaded again: "

    def parameter(net: rg.MultiLayerNetwork) -> None:
        net._parameters["1.b"].detach()[3] = float("nan")

    def state(net: rg.MultiLayerNetwork) -> None:
        net.updater_state["0.W"]["v"][2, 1] = float("inf")

    def owner(net: rg.MultiLayerNetwork) -> None:
        net.updater_state["7.W"] = {}
        net.updater_state["7.W"]["m"] = net.updater_state["0.W"]["m"]

    def count(net: rg.MultiLayerNetwork) -> None:
        net.iteration = -1

    cases = [
        (parameter, "array 1.b has values that are not finite, the first at [3]; a file of rnngraph has none"),
        (state, "array 0.W/v has values that are not finite, the first at [2, 1]; a file of rnngraph has none"),
        (owner, "updater state '7.W/m' belongs to no parameter of the configuration (0.W, 0.R, 0.b, 1.W, 1.R, 1.b, 1.P, 2.W, 2.b)"),
        (count, "training.json: iteration is -1, expected a whole number from 0 on"),
    ]
    for change, message in cases:
        net = rg.MultiLayerNetwork.load(saved)
        change(net)
        with pytest.raises(ModelFileError, match=f"^{re.escape(head + message)}$"):
            net.save(saved)
        assert saved.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"PK", b"hello, this is text", pickle.dumps({"a": 1})])
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.rnng").write_bytes(content)
    with pytest.raises(
        ModelFileError,
        match=r"x.rnng: not a .rnng file \(it does not .* does\); expected one written by MultiLayerNetwork.save or ComputationGraph.save$",
    ):
        rg.MultiLayerNetwork.load(tmp_path / "x.rnng")


def test_any_truncation_is_noticed(saved: Path) -> None:
    content = saved.read_bytes()
    for length in [4, 30, *range(100, len(content), len(content) // 20), len(content) - 1]:
        saved.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match=r"net.rnng: "):
            rg.MultiLayerNetwork.load(saved)


def test_any_altered_byte_is_noticed(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    positions = {*range(0, len(content), 37), *range(60), *range(len(content) - 400, len(content))}
    for position in sorted(positions):
        content[position] ^= 0x04
        saved.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"net.rnng: "):
            rg.MultiLayerNetwork.load(saved)
        content[position] ^= 0x04
    saved.write_bytes(content)
    rg.MultiLayerNetwork.load(saved)


def test_trailing_bytes_are_noticed(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match=r"net.rnng: "):
        rg.MultiLayerNetwork.load(saved)


Change = Callable[[dict[str, Any]], None]


def changed(saved: Path, change: Change) -> None:
    """Rewrite the file with ``change`` made to its training.json, the digest made anew."""
    parts = parts_of(saved)
    training = json.loads(parts["training.json"])
    change(training)
    write(saved, {**parts, "training.json": json.dumps(training).encode()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(format=6, producer="rnngraph 9.0"), r"format 6, written by rnngraph 9.0; .* reads up to format 5: upgrade it"),
        (
            lambda t: t.update(format="1"),
            r"training.json has no format version \(format='1'\); .* by MultiLayerNetwork.save or ComputationGraph.save$",
        ),
        (lambda t: t.pop("epoch"), r"training.json lacks epoch; .* by MultiLayerNetwork.save or ComputationGraph.save$"),
        (lambda t: t.update(iteration=-1), r"training.json: iteration is -1, expected a whole number from 0 on"),
        (lambda t: t.update(epoch="a"), r"training.json: epoch is 'a'"),
    ],
)
def test_training_json_that_does_not_fit_is_told(saved: Path, change: Change, message: str) -> None:
    changed(saved, change)
    with pytest.raises(ModelFileError, match=message):
        rg.MultiLayerNetwork.load(saved)


@pytest.fixture
def between(tmp_path: Path) -> Path:
    """A network that was saved after the first of two segments."""

    class Save(rg.TrainingListener):
        def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
            if iteration == 0:
                network.save(tmp_path / "net.rnng")

    layers = [rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, backprop=rg.TruncatedBPTT(2)))
    net.fit(rg.DataSet(np.ones((1, 2, 4)), np.ones((1, 1, 4))), listeners=Save(), progress=False)
    return tmp_path / "net.rnng"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(position=3), r"position is 3, expected an object with batches, score, segments, steps$"),
        (lambda t: t["position"].pop("steps"), r"position is {.*}, expected an object with batches, score, segments, steps$"),
        (lambda t: t["position"].update(batches=-1), r"position: batches is -1, expected a whole number from 0 on$"),
        (lambda t: t["position"].update(segments=True), r"position: segments is True, expected a whole number from 0 on$"),
        (lambda t: t["position"].update(score=float("nan")), r"position: score is nan, expected a finite number$"),
        (lambda t: t["position"].update(segments=0), r"it has carried.safetensors, but its position is between two minibatches$"),
        (lambda t: t.pop("position"), r"it has carried.safetensors, but training.json has no position$"),
    ],
)
def test_a_position_that_does_not_fit_is_told(between: Path, change: Change, message: str) -> None:
    assert rg.MultiLayerNetwork.load(between).iteration == 1
    changed(between, change)
    with pytest.raises(ModelFileError, match=message):
        rg.MultiLayerNetwork.load(between)


def test_states_that_do_not_fit_are_told(between: Path) -> None:
    parts = parts_of(between)
    for states, message in (
        ({"state_00_h": np.zeros((1, 3), np.float32)}, "it has the arrays state_00_h; the configuration asks for state_00_c, state_00_h"),
        (
            {f"state_00_{k}": np.zeros((1, 4), np.float32) for k in "hc"},
            r"state_00_h is float32\[1, 4\]; .* asks for float32\[1, 3\]",
        ),
        (
            {"state_00_h": np.zeros((2, 3), np.float32), "state_00_c": np.zeros((1, 3), np.float32)},
            r"array state_00_\w is float32\[\d, 3\]; the configuration asks for float32\[\d, 3\]",
        ),
    ):
        write(between, {**parts, "carried.safetensors": save_arrays(states)})
        with pytest.raises(ModelFileError, match=message):
            rg.MultiLayerNetwork.load(between)
    write(between, {**parts, "carried.safetensors": save_arrays({f"state_00_{k}": np.full((1, 3), np.inf, np.float32) for k in "hc"})})
    assert rg.MultiLayerNetwork.load(between).iteration == 1  # a state may overflow where nothing that is trained does


def test_parts_of_another_network_are_told(saved: Path, tmp_path: Path) -> None:
    other = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=3, n_out=40), rg.RnnOutputLayer(n_out=2)]))
    other.save(tmp_path / "other.rnng")
    ours, theirs = parts_of(saved), parts_of(tmp_path / "other.rnng")
    for name, message in (
        ("configuration.json", r"asks for \d+ bytes of parameters, parameters.safetensors has \d+; the two are not of one network"),
        ("parameters.safetensors", r"it has the arrays 0.R, .*; the configuration asks for"),
    ):
        write(tmp_path / "mixed.rnng", {**ours, name: theirs[name]})
        with pytest.raises(ModelFileError, match=message):
            rg.MultiLayerNetwork.load(tmp_path / "mixed.rnng")
    write(tmp_path / "mixed.rnng", {**theirs, "updater_state.safetensors": ours["updater_state.safetensors"]})
    with pytest.raises(ModelFileError, match=r"belongs to no parameter of the configuration|the configuration asks for"):
        rg.MultiLayerNetwork.load(tmp_path / "mixed.rnng")


def test_a_configuration_of_absurd_size_allocates_nothing(saved: Path) -> None:
    parts = parts_of(saved)
    text = parts["configuration.json"].decode().replace('"n_out":4', '"n_out":4000000000').replace('"n_in":4', '"n_in":4000000000')
    text = text.replace('"n_out": 4', '"n_out": 4000000000').replace('"n_in": 4', '"n_in": 4000000000')
    write(saved, {**parts, "configuration.json": text.encode()})
    with pytest.raises(ModelFileError, match=r"asks for 2[0-9]{20} bytes|does not describe a network"):
        rg.MultiLayerNetwork.load(saved)


def test_a_configuration_that_is_none_is_told(saved: Path) -> None:
    write(saved, {**parts_of(saved), "configuration.json": b"{}"})
    with pytest.raises(ModelFileError, match=r"configuration.json does not describe a network: "):
        rg.MultiLayerNetwork.load(saved)


def test_other_parts_and_compressed_parts_are_refused(saved: Path) -> None:
    parts = parts_of(saved)
    write(saved, {**parts, "extra.pkl": pickle.dumps(1)})
    with pytest.raises(ModelFileError, match=r"a zip with the parts .*extra.pkl.*; a .rnng file has training.json, configuration.json"):
        rg.MultiLayerNetwork.load(saved)
    write(saved, {**parts, "parameters.safetensors": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match=r"part \S+ claims \d+ bytes in a file of \d+"):
        rg.MultiLayerNetwork.load(saved)


def test_nan_in_a_file_is_told(saved: Path) -> None:
    from safetensors.numpy import load, save

    parts = parts_of(saved)
    arrays = load(parts["parameters.safetensors"])
    arrays["0.b"][3] = np.nan
    write(saved, {**parts, "parameters.safetensors": save(arrays)})
    with pytest.raises(ModelFileError, match=r"array 0.b has values that are not finite"):
        rg.MultiLayerNetwork.load(saved)


def test_the_normalizer_comes_along(tmp_path: Path) -> None:
    data = batches()
    for normalizer in (rg.NormalizerStandardize(fit_label=True), rg.NormalizerMinMaxScaler(-1, 1)):
        normalizer.fit(data)
        net = network()
        assert net.normalizer is None
        net.normalizer = normalizer
        net.save(tmp_path / "net.rnng")
        loaded = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
        assert loaded.normalizer == normalizer
        np.testing.assert_array_equal(loaded.output(data[0].features), net.output(data[0].features))
        loaded.save(tmp_path / "again.rnng")
        assert (tmp_path / "again.rnng").read_bytes() == (tmp_path / "net.rnng").read_bytes()
        training = json.loads(parts_of(tmp_path / "net.rnng")["training.json"])
        assert (training["format"], training["network"]) == (4, "MultiLayerNetwork")
        loaded.normalizer = None
        loaded.save(tmp_path / "again.rnng")
        assert json.loads(parts_of(tmp_path / "again.rnng")["training.json"])["format"] == 1


def test_a_normalizer_that_is_none(tmp_path: Path) -> None:
    net = network()
    with pytest.raises(rg.InputError, match=r"^normalizer: expected a normalizer or None, not 3; rg.NormalizerStandardize\(\) is one$"):
        net.normalizer = 3  # type: ignore[assignment]
    net.normalizer = rg.NormalizerStandardize()
    with pytest.raises(ModelFileError, match=r"net.rnng: not written: normalizer: NormalizerStandardize is not fitted: call fit\(data\)"):
        net.save(tmp_path / "net.rnng")
    assert not list(tmp_path.iterdir())
    net.normalizer = rg.NormalizerStandardize.from_statistics([0.0] * 3, [1.0] * 3)
    net.save(tmp_path / "net.rnng")
    parts = parts_of(tmp_path / "net.rnng")
    for told in (
        3,
        {"type": "log"},
        {"type": "standardize", "features": {"type": "standardize", "mean": ["x"], "std": [1]}, "labels": None},
    ):
        training = {**json.loads(parts["training.json"]), "normalizer": told}
        write(tmp_path / "net.rnng", {**parts, "training.json": json.dumps(training).encode()})
        with pytest.raises(ModelFileError, match=r"net.rnng: training.json: normalizer: .*expected"):
            rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
