"""Files that are no model of DL4J's, or were made to do harm."""

from __future__ import annotations

import re
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.archive import Archive
from tests.dl4j.dialects import DIALECTS, VECTOR
from tests.dl4j.documents import lstm, network, output
from tests.dl4j.files import array_bytes, write_model


def model(tmp_path: Path, **entries: str | bytes) -> Path:
    """A sound model, and ``entries``."""
    return write_model(tmp_path / "m.zip", configuration=DIALECTS["M2.1"].text(), coefficients=array_bytes(VECTOR), **entries)


READERS = [dl4j.load, dl4j.describe]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["../outside.json", "objects/../../outside", "/etc/own", "C:\\own", "a\\..\\b"])
def test_names_that_point_out_of_the_file_are_refused(read: Callable[[Path], object], name: str, tmp_path: Path) -> None:
    path = model(tmp_path, **{name: b"0"})
    with pytest.raises(rg.ModelFileError, match=r"m\.zip: the entry '.*' points out of the file; expected a model file of DL4J's"):
        read(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.zip"]


@pytest.mark.parametrize("read", READERS)
def test_two_entries_of_a_name_are_refused(read: Callable[[Path], object], tmp_path: Path) -> None:
    path = model(tmp_path)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("coefficients.bin", b"0")
    with pytest.raises(rg.ModelFileError, match=r"m\.zip: 2 entries are called 'coefficients\.bin'; expected one: the file is altered"):
        read(path)


@pytest.mark.parametrize("read", READERS)
def test_a_graph_of_samediff_is_named(read: Callable[[Path], object], tmp_path: Path) -> None:
    fields = struct.pack("<HHHH", 8, 8, 4, 0)  # the list of fields, then the table, which points back to it
    (tmp_path / "graph.fb").write_bytes(struct.pack("<I", 12) + fields + struct.pack("<iI", 8, 0) + b"\0" * 40)
    whole = r"^[^ ]*/graph\.fb: a FlatBuffers file, as SameDiff saves its graphs; expected a MultiLayer[^()]*has no layers to read$"
    with pytest.raises(rg.ModelFileError, match=whole):
        read(tmp_path / "graph.fb")
    with pytest.raises(rg.ModelFileError, match=r"m\.zip: the entry 'model\.fb' is a graph of SameDiff; expected a MultiLayerNetwork"):
        read(model(tmp_path, **{"model.fb": b"0"}))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\x0c\0\0\0", b"\x0c\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"text" * 50]
)
def test_what_is_no_zip(read: Callable[[Path], object], content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_bytes(content)
    with pytest.raises(rg.ModelFileError, match=r"m\.zip: not a zip archive \(File is not a zip file\)"):
        read(tmp_path / "m.zip")


def test_a_long_list_of_entries_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(20):
            file.writestr(f"{number:060000}", b"")
    with pytest.raises(rg.ModelFileError, match=r"^[^ ]*m\.zip: \d+ bytes of names of entries; expected the few entries of a model[^()]*$"):
        dl4j.load(path)


@pytest.mark.parametrize("read", [*READERS, dl4j.load_normalizer])
def test_what_could_be_read_for_ever_is_not_opened(read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")  # which, unlike a pipe, nobody who opens it waits for
    (tmp_path / "link").symlink_to("socket")
    for name in ("socket", "link"):
        with pytest.raises(rg.ModelFileError, match=f"^{name}: is not a regular file, but a device, a pipe or a socket; expected a model"):
            read(Path(name))
    with pytest.raises(rg.ModelFileError, match=r"cannot be read \(Is a directory\); expected a model file of DL4J's"):
        read(tmp_path)


def test_numbers_that_were_packed_far_too_well_are_not_unpacked(tmp_path: Path) -> None:
    units = 2**20
    zeros = array_bytes(np.zeros((1, 4 * units + 12), "f4"))  # four gates of one unit, and the output layer
    path = write_model(tmp_path / "m.zip", configuration=network(lstm(n_in=units, n_out=1), output(n_in=1)), coefficients=zeros)
    packed = path.stat().st_size
    message = f"coefficients.bin: {len(zeros)} bytes out of a file of {packed}, which is more than 100 times as many and no trained numbers"
    with pytest.raises(rg.ModelFileError, match=re.escape(message)):
        dl4j.load(path)


def test_zeros_beside_numbers_are_read(tmp_path: Path) -> None:
    """As what Adam keeps of a network that was never trained."""
    numbers, zeros = np.random.default_rng(1).bytes(2**20), bytes(20 * 2**20)
    with Archive(write_model(tmp_path / "m.zip", coefficients=numbers, updater=zeros)) as archive:
        assert archive.read("updaterState.bin", len(zeros)) == zeros


def test_an_encrypted_entry_is_told(tmp_path: Path) -> None:
    path = model(tmp_path)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of each entry, and in the list
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    with pytest.raises(rg.ModelFileError, match=r"m\.zip, configuration\.json: encrypted; save it without a password$"):
        dl4j.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (network(*[lstm(n_in=4)] * 1001), "confs has 1001 layers; expected at most 1000"),
        ('{"confs": ' + '{"a":' * 500 + "1" + "}" * 500 + "}", r"objects and lists inside of each other, more than 64 deep"),
        ('{"a":' * 10_000, "not JSON"),
        ('{"a":' * 30_000, "30000 objects and lists; expected at most 20000, more than any network has"),
        ("[" + "0," * 200_001 + "0]", "200001 values; expected at most 200000, more than any network has"),
        ('{"confs": [{"seed": ' + "9" * 5000 + "}]}", "not JSON"),
        (network(lstm(n_out=2_000_000_000), output(n_in=2_000_000_000)), "they are of two models"),
    ],
    ids=["layers", "deep", "deeper", "objects", "values", "digits", "units"],
)
def test_sizes_that_no_model_has(text: str, message: str, tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.zip", configuration=text, coefficients=array_bytes(VECTOR))
    with pytest.raises(rg.ModelFileError, match=message):
        dl4j.load(path)


@pytest.mark.parametrize("key", ["iterationCount", "epochCount"])
@pytest.mark.parametrize("value", [-1, 2**63])
def test_counts_that_no_training_has(key: str, value: int, tmp_path: Path) -> None:
    path = DIALECTS["M2.1"].write(tmp_path / "m.zip", **{key: value})  # type: ignore[arg-type]
    with pytest.raises(rg.ModelFileError, match=f"{key} is {value}; expected a number of at least 0"):
        dl4j.load(path)
