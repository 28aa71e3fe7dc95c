"""Reading the manifest, and refusing files that are not what was exported."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from rnngraph.errors import ModelFileError
from rnngraph.runtime import Manifest, StreamingSession, read_manifest
from rnngraph.runtime.manifest import MaskRule, Port, State, TimeRule, parse_manifest
from tests.runtime.files import ZEROS, File, Spec, manifest, sealed, serialized, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good file, to be damaged."""
    return write(tmp_path / "net.onnx", golden=False)


def test_all_that_the_file_says(file: File) -> None:
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


def test_a_port_by_its_role(file: File) -> None:
    content = read_manifest(file(Spec(masked=True)))
    assert [content.port(role).name for role in ("input", "mask", "output")] == ["x", "features_mask", "y"]


def test_it_is_frozen(path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_manifest(path).batch = 3  # type: ignore[misc]


def test_unknown_entries_of_the_same_format_are_passed_over(tmp_path: Path) -> None:
    assert read_manifest(write(tmp_path / "net.onnx", golden=False, later={"a": 1})).format == 1


# Files that cannot be used. StreamingSession opens a file as read_manifest does.

both = pytest.mark.parametrize("open_file", [read_manifest, StreamingSession])
Open = Callable[[Path], object]


@both
def test_a_path_without_a_file(open_file: Open, tmp_path: Path) -> None:
    message = r"absent\.onnx: there is no such file \(the working folder is /.*\); write one with .*export_onnx"
    with pytest.raises(ModelFileError, match=message):
        open_file(tmp_path / "absent.onnx")
    with pytest.raises(ModelFileError, match=r"is a folder; give the \.onnx file that export_onnx wrote"):
        open_file(tmp_path)


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ModelFileError, match=r"net\.onnx cannot be read: Permission denied"):
        read_manifest(path)


def cut(part: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * part)]


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def saved_again(data: bytes, **fields: Any) -> bytes:
    """As another program would write the same model with other ``fields``."""
    model = onnx.ModelProto.FromString(data)
    for name, value in fields.items():
        setattr(model, name, value)
    return bytes(model.SerializeToString())


def resealed(data: bytes) -> bytes:
    return sealed(re.sub(rb"sha256:[0-9a-f]{64}", ZEROS.encode(), data))


def with_manifest(**changes: Any) -> bytes:
    return serialized(Spec(), {"rnngraph": json.dumps({**manifest(Spec()), **changes}), "rnngraph_digest": ZEROS})


TRUNCATED = r"net\.onnx (is truncated, damaged or no ONNX file|was altered or damaged).*export the network again"
ALTERED = r"net\.onnx was altered or damaged: its digest says [0-9a-f]{12}\.\.\., its bytes have [0-9a-f]{12}"
BROKEN = r"its manifest is not as rnngraph writes it \(.*\); export the network again"
CASES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (cut(0), r"net\.onnx is empty; get a whole copy"),
    "2 %": (cut(0.02), TRUNCATED),
    "10 %": (cut(0.1), TRUNCATED),
    "50 %": (cut(0.5), TRUNCATED),
    "90 %": (cut(0.9), TRUNCATED),
    "99.9 %": (cut(0.999), TRUNCATED),
    "a byte altered": (lambda data: flipped(data, len(data) // 2), ALTERED),
    "a byte appended": (lambda data: data + b"\n", ALTERED),
    "saved again by another program": (lambda data: saved_again(data, doc_string="optimised"), ALTERED),
    "without its digest": (
        lambda data: serialized(Spec(), {"rnngraph": json.dumps(manifest(Spec()))}),
        r"net\.onnx was altered: its digest is gone; what it computes is no longer what was exported",
    ),
    "not ours": (
        lambda data: serialized(Spec(), {"author": "somebody"}),
        r"net\.onnx is an ONNX file, but none of rnngraph's: its metadata has no 'rnngraph' \(its producer is 'by hand'\); "
        r"run it with onnxruntime itself, or export the network with rnngraph\.exporters\.export_onnx",
    ),
    "no ONNX at all": (
        lambda data: b"GIF89a, a picture",
        r"net\.onnx is truncated, damaged or no ONNX file: onnxruntime cannot open it",
    ),
    "a saved network": (
        lambda data: b"PK\x03\x04 this is a zip file",
        r"net\.onnx is a zip archive, as saved networks are, and no ONNX file; write that first: rnngraph export .*net\.onnx -o net\.onnx",
    ),
    "of a newer format": (
        lambda data: with_manifest(format=5, producer="rnngraph 9.0"),
        r"has format 5 \(written by rnngraph 9\.0\), this version .* reads up to 4; run: pip install --upgrade rnngraph",
    ),
    "a manifest with a hole": (lambda data: with_manifest(mask=None), rf"net\.onnx: {BROKEN}"),
    "for a newer onnxruntime": (
        lambda data: resealed(saved_again(data, ir_version=99)),
        r"net\.onnx is intact, but onnxruntime [\d.]+ cannot open it; install a newer one",
    ),
}


@both
@pytest.mark.parametrize("case", CASES)
def test_a_file_that_is_not_what_was_exported(case: str, open_file: Open, path: Path) -> None:
    change, message = CASES[case]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ModelFileError, match=message):
        open_file(path)


def test_every_truncation_is_told(path: Path) -> None:
    data = path.read_bytes()
    for length in range(1, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match=r"net\.onnx (is|was) "):
            read_manifest(path)


def test_every_altered_byte_is_told(path: Path) -> None:
    data = path.read_bytes()
    digest = data.rfind(b"sha256:") + 9
    for place in [digest, *np.random.default_rng(0).integers(0, len(data), 60).tolist()]:
        path.write_bytes(flipped(data, place))
        with pytest.raises(ModelFileError, match=r"net\.onnx (is truncated, damaged|was altered)"):
            read_manifest(path)
    path.write_bytes(data)
    assert read_manifest(path).format == 1


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"text"', '{"format": 1}', '{"format": "one"}', '{"format": null}'])
def test_a_manifest_that_is_none(text: str) -> None:
    with pytest.raises(ModelFileError, match=rf"net\.onnx: {BROKEN}"):
        parse_manifest(text, "net.onnx")
