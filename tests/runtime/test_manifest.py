"""Reading the manifest, and refusing files that are not what was exported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from rnngraph.errors import ModelFileError
from rnngraph.runtime import Manifest, StreamingSession, read_manifest
from rnngraph.runtime.manifest import MaskRule, Port, State, TimeRule, parse_manifest
from tests.runtime.files import ZEROS, Spec, manifest, serialized, write


def test_all_that_the_file_says(file: Callable[[Spec], Path]) -> None:
    assert read_manifest(file(Spec(masked=True, seed=3))) == Manifest(
        format=1,
        producer="rnngraph 0.1.0",
        data_type="float32",
        target="portable",
        steps=None,
        batch=None,
        parameters_count=5 * 3 + 5 * 5 + 5 + 5 * 4 + 4,
        parameters_sha256=63 * "0" + "3",
        inputs=(
            Port("x", "input", ("N", 3, "T"), "float32"),
            Port("features_mask", "mask", ("N", "T"), "float32"),
            Port("state_00_h", "state", ("N", 5), "float32"),
        ),
        outputs=(Port("y", "output", ("N", 4, "T"), "float32"), Port("next_state_00_h", "next_state", ("N", 5), "float32")),
        states=(State(0, "h", "state_00_h", "next_state_00_h", (5,), "float32", 0.0),),
        mask=MaskRule("features_mask", (0, 1), "0 does not exist"),
        time=TimeRule(2, 2, "feed any number of steps"),
        streams=True,
        why_not=None,
        layers=({"index": 0, "type": "SimpleRnn"}, {"index": 1, "type": "RnnOutputLayer"}),
        class_labels=("a", "b", "c", "d"),
        normalizer=None,
    )


def test_a_port_by_its_role(file: Callable[[Spec], Path]) -> None:
    content = read_manifest(file(Spec(masked=True)))
    assert [content.port(role).name for role in ("input", "mask", "output")] == ["x", "features_mask", "y"]


def test_unknown_entries_of_the_same_format_are_passed_over(tmp_path: Path) -> None:
    assert read_manifest(write(tmp_path / "net.onnx", golden=False, later={"a": 1})).format == 1


# Files that cannot be used. StreamingSession opens a file as read_manifest does.

Open = Callable[[Path], object]
both = pytest.mark.parametrize("open_file", [read_manifest, StreamingSession])


@both
def test_missing(open_file: Open, tmp_path: Path) -> None:
    with pytest.raises(
        ModelFileError, match=r"absent\.onnx: there is no such file \(the working folder is /.*\); write one with .*export_onnx"
    ):
        open_file(tmp_path / "absent.onnx")


@both
def test_a_folder(open_file: Open, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"is a folder; give the \.onnx file that export_onnx wrote"):
        open_file(tmp_path)


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ModelFileError, match=r"net\.onnx cannot be read: Permission denied"):
        read_manifest(tmp_path / "net.onnx")


@both
def test_empty(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.touch()
    with pytest.raises(ModelFileError, match=r"net\.onnx is empty; get a whole copy"):
        open_file(path)


@both
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_truncated(open_file: Open, part: float, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(
        ModelFileError, match=r"net\.onnx (is truncated, damaged or no ONNX file|was altered or damaged).*export the network again"
    ):
        open_file(path)


def test_every_truncation_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False)
    data = path.read_bytes()
    for length in range(1, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match=r"net\.onnx (is|was) "):
            read_manifest(path)


@both
@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_one_altered_byte(open_file: Open, place: float, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False)
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        ModelFileError, match=r"net\.onnx was altered or damaged: its digest says [0-9a-f]{12}\.\.\., its bytes have [0-9a-f]{12}"
    ):
        open_file(path)


@both
def test_appended_bytes(open_file: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ModelFileError, match=r"was altered or damaged"):
        open_file(path)


@both
def test_saved_again_by_another_program(open_file: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False)
    model = onnx.load(path)
    model.doc_string = "optimised"
    onnx.save(model, path)
    with pytest.raises(ModelFileError, match=r"was altered or damaged"):
        open_file(path)


@both
def test_without_its_digest(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(serialized(Spec(), {"rnngraph": json.dumps(manifest(Spec()))}))
    with pytest.raises(ModelFileError, match=r"net\.onnx was altered: its digest is gone; what it computes is no longer what was exported"):
        open_file(path)


@both
def test_not_ours(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(serialized(Spec(), {"author": "somebody"}))
    wanted = (
        r"net\.onnx is an ONNX file, but none of rnngraph's: its metadata has no 'rnngraph' \(its producer is 'by hand'\); "
        r"run it with onnxruntime itself, or export the network with rnngraph\.exporters\.export_onnx"
    )
    with pytest.raises(ModelFileError, match=wanted):
        open_file(path)


@both
def test_no_onnx_at_all(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"PK\x03\x04 this is a zip file")
    with pytest.raises(ModelFileError, match=r"net\.onnx is truncated, damaged or no ONNX file: onnxruntime cannot open it"):
        open_file(path)


@both
def test_a_newer_format(open_file: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False, format=2, producer="rnngraph 9.0")
    with pytest.raises(
        ModelFileError, match=r"has format 2 \(written by rnngraph 9\.0\), this version .* reads up to 1; run: pip install --upgrade"
    ):
        open_file(path)


def test_intact_but_beyond_this_onnxruntime(tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", golden=False)
    data = onnx.load(path)
    data.ir_version = 99
    for entry in data.metadata_props:
        if entry.key == "rnngraph_digest":
            entry.value = ZEROS
    path.write_bytes(_sealed(data.SerializeToString()))
    with pytest.raises(ModelFileError, match=r"net\.onnx is intact, but onnxruntime [\d.]+ cannot open it; install a newer one"):
        read_manifest(path)


def _sealed(data: bytes) -> bytes:
    return data.replace(ZEROS.encode(), f"sha256:{hashlib.sha256(data).hexdigest()}".encode())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"text"', '{"format": 1}', '{"format": "one"}', '{"format": null}'])
def test_a_manifest_that_is_none(text: str) -> None:
    with pytest.raises(ModelFileError, match=r"net\.onnx: its manifest is not as rnngraph writes it .*; export the network again"):
        parse_manifest(text, "net.onnx")
