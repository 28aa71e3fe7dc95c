"""normalizer.bin: DL4J's own files to the byte, and what is refused."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.normalizers import normalizer_bytes, read_normalizer
from tests.dl4j.documents import lstm, network, output
from tests.dl4j.files import array_bytes, write_model
from tests.dl4j.test_graphs import merged

ONE = rg.NormalizerStandardize.from_statistics([1.0, 2.0], [3.0, 4.0], [5.0], [6.0])


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def row(*values: float, kind: str = "f4", mode: str = "MIXED_DATA_TYPES") -> bytes:
    """An array [1, F]."""
    return array_bytes(np.array([values], kind), mode)


def made(kind: str, body: bytes, version: int = 1) -> bytes:
    return text("NORMALIZER") + struct.pack(">i", version) + text(kind) + body


ENDS = struct.pack(">dd", -1, 2)
STANDARDIZE = made("STANDARDIZE", b"\1" + row(1, 2) + row(3, 4) + row(5) + row(6))


@pytest.mark.parametrize("name", ["standardize", "minmax"])
def test_dl4j_s_own_files_to_the_byte(name: str, goldens: Path, tmp_path: Path) -> None:
    file = goldens / "normalizers" / f"{name}.bin"
    if not file.is_file():
        pytest.skip("the recorded files of normalizers are not here")
    normalizer: Any = dl4j.load_normalizer(file)
    dl4j.save_normalizer(normalizer, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == file.read_bytes()
    in_zip = write_model(tmp_path / "model.zip", **{"normalizer.bin": file.read_bytes()})
    assert dl4j.load_normalizer(in_zip) == normalizer
    assert normalizer.is_fit_label == (name == "standardize")
    with np.load(file.with_name("arrays.npz")) as arrays:
        held = (normalizer.mean, normalizer.std) if name == "standardize" else (normalizer.min, normalizer.max)
        recorded = ("standardize_masked_two_batches_mean", "standardize_masked_two_batches_std", "minmax_masked_min", "minmax_masked_max")
        for ours, key in zip(held, recorded[:2] if name == "standardize" else recorded[2:], strict=True):
            np.testing.assert_array_equal(ours.astype(np.float32), arrays[key][0])


def test_each_type() -> None:
    assert read_normalizer(STANDARDIZE, "x") == ONE
    assert normalizer_bytes(ONE)[:40] == STANDARDIZE[:40]
    bare: Any = read_normalizer(made("MIN_MAX", b"\0" + ENDS + row(0, 1) + row(2, 1)), "x")
    assert bare == rg.NormalizerMinMaxScaler.from_statistics([0, 1], [2, 1], min_range=-1, max_range=2)
    two = struct.pack(">ii", 2, 1)
    several = read_normalizer(made("MULTI_STANDARDIZE", b"\1" + two + row(1, 2) + row(3, 4) + row(7) + row(8) + row(5) + row(6)), "x")
    parts = [rg.NormalizerStandardize.from_statistics(*pair) for pair in (([1, 2], [3, 4]), ([7], [8]), ([5], [6]))]
    assert several == rg.MultiNormalizer(parts[:2], parts[2:])
    ranged = read_normalizer(made("MULTI_MIN_MAX", b"\0" + struct.pack(">ii", 1, -1) + ENDS + row(0, 1) + row(2, 1)), "x")
    assert ranged == rg.MultiNormalizer([bare])
    for one in (ONE, bare, several, ranged):
        assert read_normalizer(normalizer_bytes(one), "x") == one


@pytest.mark.parametrize("mode", ["MIXED_DATA_TYPES", "LONG_SHAPE", "JAVACPP"])
def test_arrays_of_other_versions_and_types(mode: str) -> None:
    body = b"\1" + row(1, 2, kind="f8", mode=mode) + row(3, 4, mode=mode) + array_bytes(np.array([5.0]), mode) + row(6, mode=mode)
    assert read_normalizer(made("STANDARDIZE", body), "x") == ONE


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=5), st.floats(-10, 9), st.booleans())
def test_what_is_written_is_read(values: list[float], low: float, labels: bool) -> None:
    lows = np.array(values, np.float32)
    highs = lows + abs(lows) + 1
    of_labels = (lows[:1], highs[:1]) if labels else (None, None)
    normalizer = rg.NormalizerMinMaxScaler.from_statistics(lows, highs, of_labels[0], of_labels[1], low, 10)
    assert read_normalizer(normalizer_bytes(normalizer), "x") == normalizer


def test_entries_of_a_model(tmp_path: Path) -> None:
    assert dl4j.load_normalizer(write_model(tmp_path / "without.zip", configuration="{}")) is None
    old = write_model(tmp_path / "old.zip", **{"preprocessor.bin": b"\xac\xed\0\5"})
    with pytest.raises(
        rg.ModelFileError,
        match=r"old.zip, preprocessor.bin: Java objects of an old version of DL4J, which could run code when they are read, so they are "
        r"not; load them in DL4J and save them by ModelSerializer.addNormalizerToModel, which writes normalizer.bin",
    ):
        dl4j.load_normalizer(old)
    both = write_model(tmp_path / "both.zip", **{"preprocessor.bin": b"\xac\xed\0\5", "normalizer.bin": STANDARDIZE})
    assert dl4j.load_normalizer(both) == ONE
    for name in ("missing.zip", "missing.bin"):
        with pytest.raises(rg.ModelFileError, match=rf"{name}: cannot be read \(No such file or directory\)"):
            dl4j.load_normalizer(tmp_path / name)


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.bin").open("wb") as file:
        file.write(STANDARDIZE)
        file.truncate(2**30)
    with pytest.raises(rg.ModelFileError, match=r"large.bin: more than 16777216 bytes, which is no normalizer; it is not read"):
        dl4j.load_normalizer(tmp_path / "large.bin")
    zipped = write_model(tmp_path / "model.zip", **{"normalizer.bin": STANDARDIZE + bytes(2**25)})
    with pytest.raises(rg.ModelFileError, match=r"model.zip, normalizer.bin: .* where at most 16777216 are expected; it is not read"):
        dl4j.load_normalizer(zipped)


@pytest.mark.parametrize("kind", ["IMAGE_MIN_MAX", "CUSTOM", "VGG16", "IMAGE_VGG16", "MULTI_HYBRID", "MULTI_CUSTOM"])
def test_other_types_are_named(kind: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=f"^x: normalizer {kind} is not supported in this version of rnngraph") as caught:
        read_normalizer(made(kind, b""), "x")
    assert caught.value.element == f"normalizer {kind}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x: it does not begin with NORMALIZER, as normalizers of DL4J's do; save it again from DL4J"),
        (b"\xac\xed\0\5sr", "x: it does not begin with NORMALIZER"),
        (made("STANDARDIZE", b"", version=2), "x: version 2 of NORMALIZER is not supported in this version of rnngraph"),
        (made("STANDARDIZE", b"\2"), "x: 2 where 1 or 0 says whether labels are normalised; the file is altered: copy it again"),
        (STANDARDIZE + b"\0", "x: 1 bytes follow the normalizer; the file is altered: copy it again"),
        (made("STANDARDIZE", b"\0" + row(1, 2) + row(3)), "x: mean has 2 columns, std 1; expected one number of each for every column"),
        (made("STANDARDIZE", b"\0" + row(1) + row(np.nan)), "x: std is nan in column 0; expected finite numbers"),
        (
            made("STANDARDIZE", b"\0" + array_bytes(np.ones((2, 2), "f4")) * 2),
            "x: mean has shape [2, 2]; expected [F], one number for each column",
        ),
        (
            made("MIN_MAX", b"\0" + struct.pack(">dd", 1, 1) + row(1) + row(2)),
            "x: min_range=1.0, max_range=1.0: expected two finite numbers, the first below the second",
        ),
        (made("MULTI_MIN_MAX", b"\0" + struct.pack(">ii", 0, -1)), "x: 0 inputs and -1 outputs; expected one at least: copy it again"),
        (made("MULTI_MIN_MAX", b"\1" + struct.pack(">ii", 1, -1)), "x: 1 inputs and -1 outputs; expected one at least: copy it again"),
        (
            made("MULTI_STANDARDIZE", b"\0" + struct.pack(">ii", 2**31 - 1, -1) + row(1) + row(1)),
            "x: 2 bytes are to follow at byte 310, but 0 do; the file is truncated or altered: copy it again",
        ),
    ],
)
def test_refusals(data: bytes, message: str) -> None:
    with pytest.raises(rg.ModelFileError, match=f"^{re.escape(message)}"):
        read_normalizer(data, "x")


def test_every_truncation_is_refused() -> None:
    for end in range(len(STANDARDIZE)):
        with pytest.raises(rg.ModelFileError):
            read_normalizer(STANDARDIZE[:end], "x")


@pytest.mark.parametrize(
    ("normalizer", "message"),
    [
        (rg.NormalizerStandardize(), "NormalizerStandardize is not fitted: call fit(data) with the training data first"),
        ("x", "expected a normalizer, not a str; rg.NormalizerStandardize() and fit(data) make one"),
        (
            rg.MultiNormalizer([rg.NormalizerStandardize.from_statistics([0.0], [1.0]), None]),
            "MultiNormalizer([<NormalizerStandardize(fit_label=False), 1 features>, None], labels=[]): a MultiNormalizer of DL4J's has the "
            "same type and range for all of its inputs and outputs",
        ),
        (rg.NormalizerStandardize.from_statistics([1e42], [1.0]), "1e+42 among the statistics is beyond float32, in which DL4J has them"),
    ],
)
def test_what_dl4j_cannot_have(normalizer: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}"):
        dl4j.save_normalizer(normalizer, tmp_path / "n.bin")
    assert not list(tmp_path.iterdir())
    with pytest.raises(rg.ModelFileError, match=r"n\.bin: there is no folder .*nowhere; create it first"):
        dl4j.save_normalizer(ONE, tmp_path / "nowhere" / "n.bin")


JSON = network(lstm(nin=2), output(nout=1))
VECTOR = array_bytes(np.arange(2 * 16 + 4 * 16 + 16 + 4 * 1 + 1, dtype=np.float32))


def test_a_network_is_loaded_with_its_normalizer(tmp_path: Path) -> None:
    entries: dict[str, Any] = {"configuration": JSON, "coefficients": VECTOR}
    assert dl4j.load(write_model(tmp_path / "model.zip", **entries)).normalizer is None
    found = dl4j.load(write_model(tmp_path / "model.zip", **entries, **{"normalizer.bin": STANDARDIZE}))
    assert found.normalizer == ONE
    for name, content in (("normalizer.bin", made("IMAGE_MIN_MAX", b"")), ("preprocessor.bin", b"\xac\xed\0\5")):
        file = write_model(tmp_path / "model.zip", **entries, **{name: content})
        with pytest.warns(dl4j.ImportNote, match=f"model.zip, {name}: .* the network is read without its normalizer: normalise what it is"):
            assert dl4j.load(file).normalizer is None
    with pytest.raises(rg.ModelFileError, match=r"model.zip, normalizer.bin: 1 bytes follow the normalizer"):
        dl4j.load(write_model(tmp_path / "model.zip", **entries, **{"normalizer.bin": STANDARDIZE + b"\0"}))


def test_a_network_is_saved_with_its_normalizer(tmp_path: Path) -> None:
    net = dl4j.load(write_model(tmp_path / "model.zip", configuration=JSON, coefficients=VECTOR, **{"normalizer.bin": STANDARDIZE}))
    dl4j.save(net, tmp_path / "again.zip")
    assert dl4j.load_normalizer(tmp_path / "again.zip") == ONE
    assert dl4j.load(tmp_path / "again.zip").normalizer == ONE
    net.normalizer = rg.NormalizerStandardize()
    with pytest.raises(rg.InputError, match=r"^NormalizerStandardize is not fitted: call fit\(data\)"):
        dl4j.save(net, tmp_path / "unfitted.zip")
    assert not (tmp_path / "unfitted.zip").exists()


COLUMNS = [rg.NormalizerStandardize.from_statistics(np.zeros(n), np.ones(n)) for n in (2, 3)]
LABELLED = rg.NormalizerStandardize.from_statistics(np.zeros(3), np.ones(3), np.zeros(4), np.ones(4))


@pytest.mark.parametrize(
    ("normalizer", "message"),
    [
        (COLUMNS[0], "it is of 2 features, but x of the network has 3; they are of two models"),
        (LABELLED, "it is of 4 labels, but y of the network has 2; they are of two models"),
        (rg.MultiNormalizer([COLUMNS[1], COLUMNS[1]]), "it is for 2 inputs, but the network has 1; they are of two models"),
        (rg.MultiNormalizer([COLUMNS[1]], [COLUMNS[0], COLUMNS[0]]), "it is for 2 outputs, but the network has 1; they are of two models"),
    ],
)
def test_a_normalizer_of_another_model_is_told(normalizer: Any, message: str, tmp_path: Path) -> None:
    entries: Any = {"configuration": network(lstm(), output()), "coefficients": array_bytes(np.zeros(138, "f4"))}
    path = write_model(tmp_path / "m.zip", **entries, **{"normalizer.bin": normalizer_bytes(normalizer)})
    with pytest.raises(rg.ModelFileError, match=rf"normalizer\.bin: {message}"):
        dl4j.load(path)


def test_the_columns_of_an_input_of_unknown_width_are_not_compared(tmp_path: Path) -> None:
    normalizer = rg.MultiNormalizer([rg.NormalizerStandardize.from_statistics(np.zeros(n), np.ones(n)) for n in (1, 4)])
    count = 5 * 16 + 4 * 16 + 16 + 4 * 2 + 2
    entries: Any = {"configuration": merged(), "coefficients": array_bytes(np.zeros(count, "f4"))}
    path = write_model(tmp_path / "m.zip", **entries, **{"normalizer.bin": normalizer_bytes(normalizer)})
    with pytest.warns(dl4j.ImportNote, match="'a' 3 and 'b' 2 are taken until the first arrays tell"):
        assert dl4j.load(path).normalizer == normalizer
    types = {"a": rg.InputType.recurrent(2), "b": rg.InputType.recurrent(3)}
    with pytest.raises(
        rg.ModelFileError, match=r"normalizer\.bin: it is of 1 features, but a of the network has 2; they are of two models"
    ):
        dl4j.load(path, input_types=types)
