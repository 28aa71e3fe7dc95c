from __future__ import annotations

import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.conf.parameters import updater_of
from rnngraph.dl4j.arrays import read_array
from tests.dl4j.documents import layer, lstm, network, object_, output, updater
from tests.dl4j.files import array_bytes, write_model
from tests.goldens import Case
from tests.test_goldens import CASES, WHOLE

JSON = network(lstm(), output(), iterationCount=12, epochCount=3)
COUNT = 3 * 16 + 4 * 16 + 16 + 4 * 2 + 2
VECTOR = np.arange(COUNT, dtype=np.float32)


@pytest.mark.parametrize("case", [c for c in CASES if (c.folder / "model.zip").is_file()], ids=lambda c: c.name)
def test_parameters_of_recorded_models_are_those_that_dl4j_shows(case: Any) -> None:
    if case.lacking:
        pytest.skip(f"not yet: {case.lacking}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.ImportNote)
        net = dl4j.load(case.folder / "model.zip", case.input_type)
    found = dl4j.table(net, net.parameters())
    for key, array in case.named("param").items():
        # A deviation is kept as a variance: its logarithm comes back within a rounding.
        rtol = 1e-6 if key.endswith("log10stdev") else 0.0
        np.testing.assert_allclose(found[key].reshape(array.shape), array, rtol=rtol, err_msg=key)


FITTED = [c for c in CASES if (c.folder / "model_fit.zip").is_file() and c.gradients_count]


@pytest.mark.skipif(not (WHOLE / "index.json").is_file(), reason="the whole collection is not here")
@pytest.mark.parametrize("case", FITTED, ids=lambda case: case.name)
def test_a_recorded_fit_leaves_what_ours_leaves(case: Case) -> None:
    """Parameters, what updaters keep, and the count of iterations, after the same fits in both; and after one more from both."""
    ours, theirs = dl4j.load(case.folder / "model.zip"), dl4j.load(case.folder / "model_fit.zip")
    for key, array in case.named("fit_param").items():
        np.testing.assert_array_equal(dl4j.table(theirs, theirs.parameters())[key], array)
    for _ in range(int(case.arrays["fit_iterations"])):
        ours.fit(case.data(), progress=False)
    assert ours.iteration == theirs.iteration
    for last in (False, True):
        assert set(ours.updater_state) == set(theirs.updater_state)
        for key, kept in theirs.updater_state.items():
            assert set(kept) == set(updater_of(ours.config, key).states)
            for state, tensor in kept.items():
                largest = float(tensor.abs().max())  # the limit of parameters after fits, whose differences gradients follow
                np.testing.assert_allclose(ours.updater_state[key][state], tensor, rtol=0, atol=1e-4 * largest)
        for key, array in theirs.parameters().items():
            np.testing.assert_allclose(ours.parameters()[key], array, rtol=0, atol=1e-4 * max(1.0, float(np.abs(array).max())))
        if not last:
            ours.fit(case.data(), progress=False)
            theirs.fit(case.data(), progress=False)


def test_the_vector_holds_layers_in_order_each_array_by_columns(tmp_path: Path) -> None:
    net = dl4j.load(write_model(tmp_path / "m.zip", configuration=JSON, coefficients=array_bytes(VECTOR)))
    found = dl4j.table(net, net.parameters())
    assert found["0_W"][:, 0].tolist() == [0, 1, 2]
    assert found["0_RW"][:, 0].tolist() == [48, 49, 50, 51]
    assert found["0_b"].tolist() == list(range(112, 128))
    assert found["1_W"][:, 1].tolist() == [132, 133, 134, 135]
    assert found["1_b"].tolist() == [136, 137]
    assert (net.iteration, net.epoch) == (12, 3)


def test_a_network_goes_on_training_where_dl4j_stopped(tmp_path: Path) -> None:
    """Adam's m and v of all layers are one block, since their updaters are equal: all of m, then all of v."""
    state = np.concatenate([VECTOR / 1000, VECTOR / 100])
    path = write_model(tmp_path / "m.zip", configuration=JSON, coefficients=array_bytes(VECTOR), updater=array_bytes(state))
    net = dl4j.load(path)
    for name, scale in (("m", 1000), ("v", 100)):
        kept = dl4j.table(net, {key: held[name].numpy() for key, held in net.updater_state.items()})
        for key, array in dl4j.table(net, net.parameters()).items():
            np.testing.assert_allclose(kept[key], array / scale, rtol=1e-6)


def test_updaters_that_differ_have_blocks_of_their_own(tmp_path: Path) -> None:
    other = network(lstm(), output(iupdater=updater("Adam", beta1=0.5, beta2=0.999, epsilon=1e-8, learningRate=0.01)))
    first = 3 * 16 + 4 * 16 + 16
    state = np.concatenate([np.full(first, 1.0), np.full(first, 2.0), np.full(10, 3.0), np.full(10, 4.0)]).astype(np.float32)
    path = write_model(tmp_path / "m.zip", configuration=other, coefficients=array_bytes(VECTOR), updater=array_bytes(state))
    kept = dl4j.load(path).updater_state
    assert [float(kept[key][name].mean()) for key in ("0.R", "1.W") for name in ("m", "v")] == [1.0, 2.0, 3.0, 4.0]


def the_only(tensor: torch.Tensor) -> int:
    """The number that stands everywhere."""
    assert (tensor == tensor.flatten()[0]).all()
    return int(tensor.flatten()[0])


def test_biases_with_an_updater_of_their_own_part_the_blocks(tmp_path: Path) -> None:
    """0.W and 0.R, 0.b, 1.W, 1.b: four blocks, Adam's m and v of each together, Nesterovs' v."""
    nesterovs = updater("Nesterovs", learningRate=0.1, momentum=0.9)
    stored = network(lstm(biasUpdater=nesterovs), output(biasUpdater=nesterovs))
    sizes = {"0.W": (7 * 16, ("m", "v")), "0.b": (16, ("v",)), "1.W": (8, ("m", "v")), "1.b": (2, ("v",))}
    numbers = iter(range(1, 9))
    wanted = {(name, state): next(numbers) for name, (_, states) in sizes.items() for state in states}
    state = np.concatenate([np.full(size, wanted[name, s]) for name, (size, states) in sizes.items() for s in states]).astype(np.float32)
    path = write_model(tmp_path / "m.zip", configuration=stored, coefficients=array_bytes(VECTOR), updater=array_bytes(state))
    kept = dl4j.load(path).updater_state
    assert {(name, s): the_only(t) for name, held in kept.items() if name != "0.R" for s, t in held.items()} == wanted
    assert {s: the_only(t) for s, t in kept["0.R"].items()} == {"m": 1, "v": 2}


def test_neighbours_with_equal_updaters_are_one_block_across_layers(tmp_path: Path) -> None:
    """In the second layer the biases alone differ: 0.W .. 1.W, then 1.b."""
    stored = network(lstm(), output(biasUpdater=updater("AMSGrad", beta1=0.9, beta2=0.999, epsilon=1e-8, learningRate=0.1)))
    sizes = [(8 * 16 + 8, 1), (8 * 16 + 8, 2), (2, 3), (2, 4), (2, 5)]
    state = np.concatenate([np.full(size, number) for size, number in sizes]).astype(np.float32)
    path = write_model(tmp_path / "m.zip", configuration=stored, coefficients=array_bytes(VECTOR), updater=array_bytes(state))
    kept = dl4j.load(path).updater_state
    assert {s: the_only(t) for s, t in kept["1.W"].items()} == {"m": 1, "v": 2}
    assert {s: the_only(t) for s, t in kept["1.b"].items()} == {"m": 3, "v": 4, "v_hat": 5}


def test_the_parameters_tell_the_data_type(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.zip", configuration=JSON, coefficients=array_bytes(VECTOR.astype(np.float64)))
    assert dl4j.load(path).config.data_type == "float64"


@pytest.mark.parametrize("mode", ["MIXED_DATA_TYPES", "LONG_SHAPE", "JAVACPP", "HEAP", "DIRECT"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i4", "i8"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (1, 7), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("order", ["c", "f"])
def test_arrays_of_every_kind(mode: str, dtype: str, shape: tuple[int, ...], order: str) -> None:
    array = np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
    got = read_array(array_bytes(array, mode, order), "x")
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_strides_tell_how_an_array_lies_and_not_its_order() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = array_bytes(array, order="f")
    lying = data.replace(struct.pack(">q", ord("f")), struct.pack(">q", ord("c")))
    assert lying != data
    np.testing.assert_array_equal(read_array(lying, "x"), array)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "^x: 2 bytes are to follow at byte 0, but 0 do; the file is truncated or altered"),
        (array_bytes(VECTOR)[:-1], "bytes are to follow at byte"),
        (array_bytes(VECTOR) + b"0", "^x: 1 bytes follow the array"),
        (array_bytes(VECTOR).replace(b"MIXED", b"FIXED"), "^x: an array's allocation mode is 'FIXED_DATA_TYPES'; expected one of"),
        (array_bytes(VECTOR).replace(b"FLOAT", b"FLUTE"), "^x: an array's data type is 'FLUTE'; expected one of BFLOAT16, DOUBLE"),
        (array_bytes(np.array(1.0)).replace(struct.pack(">q", 4), struct.pack(">q", -4), 1), "^x: -1 bytes are to follow"),
        (array_bytes(np.zeros((2, 3))).replace(struct.pack(">q", 2), struct.pack(">q", 9), 1), "cannot be of rank 9"),
        (array_bytes(np.zeros((2, 3))).replace(struct.pack(">q", 3), struct.pack(">q", 300)), r"shape \[2, 300\] .* in 6 elements"),
        (array_bytes(np.zeros((2, 3))).replace(struct.pack(">q", 3), struct.pack(">q", -3)), r"shape \[2, -3\]"),
    ],
)
def test_arrays_that_are_none(data: bytes, message: str) -> None:
    with pytest.raises(rg.ModelFileError, match=message):
        read_array(data, "x")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"configuration": JSON}, r"coefficients\.bin is missing \(there are configuration\.json\)"),
        ({"coefficients": array_bytes(VECTOR)}, r"configuration\.json is missing"),
        ({"configuration": b"\xff", "coefficients": b""}, r"configuration\.json: not UTF-8"),
        ({"configuration": JSON, "coefficients": array_bytes(VECTOR[1:])}, "137 parameters, but the configuration describes 138"),
        ({"configuration": JSON, "coefficients": array_bytes(VECTOR[:9])}, "9 parameters, but the configuration describes 138; they"),
        ({"configuration": JSON, "coefficients": array_bytes(VECTOR).ljust(9000, b"0")}, "9000 bytes, which cannot be 138 numbers as its"),
        (
            {"configuration": JSON, "coefficients": array_bytes(VECTOR), "updater": array_bytes(np.zeros(3 * COUNT))},
            r"updaterState\.bin: 414 numbers, but the configuration's updaters keep 276; they are of two models",
        ),
        ({"configuration": JSON, "coefficients": array_bytes(VECTOR.astype("i8"))}, "int64.* expected a vector of floats"),
        ({"configuration": JSON, "coefficients": array_bytes(VECTOR.reshape(2, -1))}, r"float32\[2, 69\]; expected a vector"),
        ({"configuration": JSON, "coefficients": array_bytes(VECTOR * np.nan)}, r"coefficients\.bin: 0\.W is nan at \[0, 0\], "),
        (
            {"configuration": JSON, "coefficients": array_bytes(VECTOR), "updater": array_bytes(VECTOR)},
            "138 numbers, but the configuration's updaters keep 276; they are of two models",
        ),
        ({"configuration": network(lstm(nout=2**31 - 1, nin=2**31 - 1)), "coefficients": array_bytes(VECTOR)}, "138 parameters, "),
    ],
    ids=lambda v: "" if isinstance(v, dict) else v[:30],
)  # fmt: skip
def test_files_that_are_no_model(entries: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(rg.ModelFileError, match=message):
        dl4j.load(write_model(tmp_path / "m.zip", **entries))


def test_what_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_text("text")
    with pytest.raises(rg.ModelFileError, match=r"m\.zip: not a zip archive \(File is not a zip file\)"):
        dl4j.load(tmp_path / "m.zip")
    with pytest.raises(rg.ModelFileError, match=r"gone\.zip: cannot be read \(No such file or directory\)"):
        dl4j.load(tmp_path / "gone.zip")


def test_a_zip_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.zip", configuration=b" " * 9_000_000)
    with pytest.raises(
        rg.ModelFileError, match=r"configuration\.json: 9000000 bytes out of \d+, where at most 8388608 are expected; it is"
    ):
        dl4j.load(path)


def test_a_damaged_entry_is_told(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.zip", configuration=JSON, coefficients=array_bytes(VECTOR))
    with zipfile.ZipFile(path) as file:
        start = file.getinfo("coefficients.bin").header_offset + 60
    data = bytearray(path.read_bytes())
    data[start : start + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(rg.ModelFileError, match=r"coefficients\.bin: damaged \("):
        dl4j.load(path)


@settings(max_examples=1000)
@given(data=st.data(), seed=st.sampled_from([VECTOR, np.zeros((2, 3, 4)), np.zeros((1, 5), "f2")]))
def test_altered_arrays_raise_nothing_but_our_errors(data: st.DataObject, seed: np.ndarray) -> None:
    content = bytearray(array_bytes(seed))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert read_array(bytes(content), "x").nbytes <= 8 * len(content)
    except rg.ModelFileError as error:
        assert str(error).startswith("x: ")  # noqa: PT017  (any of its messages will do)


@settings(max_examples=100)
@given(data=st.data())
def test_altered_files_raise_nothing_but_our_errors(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "altered.zip"
    write_model(path, configuration=JSON, coefficients=array_bytes(VECTOR), updater=array_bytes(np.concatenate([VECTOR, VECTOR])))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    try:
        dl4j.load(path)
    except rg.RnnGraphError as error:
        assert str(path) in str(error) or "configuration.json" in str(error)  # noqa: PT017  (any of our errors will do)


def test_statistics_that_no_network_has_are_told(tmp_path: Path) -> None:
    """10^(2 · 1e30) is no number of float32."""
    norm = layer("BatchNormalization", 3, 3, decay=0.9, eps=1e-5, gamma=1.0, beta=0.0, lockGammaBeta=False, useLogStd=True)
    vector = np.zeros(4 * 3 + 3 * 2 + 2, np.float32)
    vector[9] = 1e30
    path = write_model(tmp_path / "m.zip", configuration=network(norm, output("OutputLayer", n_in=3)), coefficients=array_bytes(vector))
    with pytest.raises(rg.ModelFileError, match=r"coefficients\.bin: .*0\.var is inf"):
        dl4j.load(path)


ADAM_STATE = np.concatenate([VECTOR, VECTOR]) / 1000


@pytest.mark.parametrize(
    ("coefficients", "state", "message"),
    [
        (
            {137: np.nan},
            {},
            r"coefficients\.bin: 1\.b is nan at \[1\], where a finite number is expected: the training diverged, or the file",
        ),
        ({128: -np.inf}, {}, r"coefficients\.bin: 1\.W is -inf at \[0, 0\], .*; load an earlier checkpoint$"),
        ({}, {COUNT - 1: np.nan}, r"updaterState\.bin: m of 1\.b is nan at \[1\], where a finite number is expected: the training"),
        ({}, {2 * COUNT - 2: np.inf}, r"updaterState\.bin: v of 1\.b is inf at \[0\], where a finite number of at least 0 is expected"),
        ({}, {2 * COUNT - 1: -0.5}, r"updaterState\.bin: v of 1\.b is -0\.5 at \[1\], where a finite number of at least 0 is expected"),
    ],
)
def test_numbers_of_a_training_that_diverged_are_told(
    coefficients: dict[int, float], state: dict[int, float], message: str, tmp_path: Path
) -> None:
    vectors: list[np.ndarray] = [VECTOR.copy(), ADAM_STATE.copy()]
    for vector, changes in zip(vectors, (coefficients, state), strict=True):
        np.put(vector, list(changes), list(changes.values()))
    stored: Any = {"coefficients": array_bytes(vectors[0]), "updater": array_bytes(vectors[1])}
    with pytest.raises(rg.ModelFileError, match=message):
        dl4j.load(write_model(tmp_path / "m.zip", configuration=JSON, **stored))


def test_the_momentum_of_nesterovs_may_be_negative(tmp_path: Path) -> None:
    nesterovs: Any = {"iupdater": updater("Nesterovs", learningRate=0.1, momentum=0.9)}
    text = network(lstm(**nesterovs), output(**nesterovs))
    path = write_model(tmp_path / "m.zip", configuration=text, coefficients=array_bytes(VECTOR), updater=array_bytes(-VECTOR))
    assert dl4j.load(path).updater_state["1.b"]["v"].tolist() == [-136, -137]


def test_an_initialiser_that_cannot_draw_the_weights_does_not_matter(tmp_path: Path) -> None:
    """They are in the file; DL4J itself cannot draw them again either."""
    text = network(lstm(weightInitFn=object_("w", "WeightInitIdentity")), output())
    with pytest.raises(rg.ConfigurationError):
        rg.MultiLayerNetwork(dl4j.read_configuration(text))  # type: ignore[arg-type]
    net = dl4j.load(write_model(tmp_path / "m.zip", configuration=text, coefficients=array_bytes(VECTOR)))
    assert dl4j.table(net, net.parameters())["1_b"].tolist() == [136, 137]


READERS: dict[str, Any] = {"dl4j.load": dl4j.load, "dl4j.describe": dl4j.describe, "dl4j.load_normalizer": dl4j.load_normalizer}


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.parametrize("path", [None, 5, b"m.zip"])
def test_a_path_is_expected(verb: str, path: Any) -> None:
    message = rf'^{verb}: the path is {path!r}; expected the name of a file, such as "'
    with pytest.raises(rg.ModelFileError, match=message):
        READERS[verb](path)


@pytest.mark.parametrize("read", [dl4j.load, dl4j.describe])
def test_a_file_of_our_own_is_told_with_what_reads_it(read: Any, tmp_path: Path) -> None:
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)).save(tmp_path / "net.rnng")
    with pytest.raises(
        rg.ModelFileError, match=r"net\.rnng: a file of rnngraph's own, not a model of DL4J's; read it by rg\.MultiLayerNetwork\.load\("
    ):
        read(tmp_path / "net.rnng")
    vertices = {"lstm": (layers[0], "in"), "out": (layers[1], "lstm")}
    rg.ComputationGraph(rg.ComputationGraphConfiguration(inputs=["in"], vertices=vertices, outputs=["out"])).save(tmp_path / "graph.rnng")
    with pytest.raises(rg.ModelFileError, match=r"graph\.rnng: .* read it by rg\.ComputationGraph\.load\(path\)"):
        read(tmp_path / "graph.rnng")
