"""read_manifest: what it gives, and each kind of file that it refuses."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rnngraph.errors import ModelFileError
from rnngraph.exporters.manifest import DIGEST_KEY, KEY
from rnngraph.runtime import StreamingSession, read_manifest
from tests.deployment.exported import classifier, edit, export


def test_it_is_what_stands_in_the_file(tmp_path: Path) -> None:
    file = export(tmp_path, classifier(), features_mask=True, batch=2)
    text = next(p.value for p in onnx.load(file).metadata_props if p.key == KEY)
    want, manifest = json.loads(text), read_manifest(file)
    parameters = want.pop("parameters")
    assert (manifest.parameters_count, manifest.parameters_sha256) == (parameters["count"], parameters["sha256"])
    got = json.loads(json.dumps(dataclasses.asdict(manifest)))
    assert {k: v for k, v in got.items() if not k.startswith("parameters")} == want
    assert (manifest.batch, manifest.mask.input, manifest.time.output_axis) == (2, "features_mask", None)
    assert dataclasses.is_dataclass(manifest)
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.batch = 3  # type: ignore[misc]


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"net\.onnx: there is no such file .*export_onnx"):
        read_manifest(tmp_path / "net.onnx")
    with pytest.raises(ModelFileError, match=r"is a folder; give the \.onnx file"):
        read_manifest(tmp_path)
    (tmp_path / "net.onnx").touch()
    with pytest.raises(ModelFileError, match=r"is empty; get a whole copy"):
        read_manifest(tmp_path / "net.onnx")


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.999])
def test_truncated(kept: float, tmp_path: Path) -> None:
    file = export(tmp_path)
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    for read in (read_manifest, StreamingSession):
        with pytest.raises(ModelFileError, match=r"truncated|altered or damaged"):
            read(file)


def test_any_altered_byte_is_noticed(tmp_path: Path) -> None:
    file = export(tmp_path)
    data = bytearray(file.read_bytes())
    for at in [*np.random.default_rng(0).integers(0, len(data), 60).tolist(), data.rfind(b"sha256:") + 9]:
        data[at] ^= 1
        file.write_bytes(data)
        with pytest.raises(ModelFileError, match=r"altered|damaged"):
            read_manifest(file)
        data[at] ^= 1
    file.write_bytes(data)
    assert read_manifest(file).format == 1


def test_no_onnx_file(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_text("a text")
    with pytest.raises(ModelFileError, match=r"truncated, damaged or no ONNX file"):
        read_manifest(file)


def test_a_foreign_file(tmp_path: Path) -> None:
    port = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "g", port[:1], port[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="someone")
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ModelFileError, match=r"none of rnngraph's.*its producer is 'someone'.*run it with onnxruntime itself, or export"):
        read_manifest(tmp_path / "net.onnx")


def test_a_file_without_its_digest(tmp_path: Path) -> None:
    file = export(tmp_path)
    edit(file, drop=DIGEST_KEY)
    with pytest.raises(ModelFileError, match=r"was altered: its digest is gone"):
        read_manifest(file)


def test_a_newer_format(tmp_path: Path) -> None:
    file = export(tmp_path)
    edit(file, format=2, producer="rnngraph 9.0")
    with pytest.raises(ModelFileError, match=r"has format 2 \(written by rnngraph 9\.0\).*up to 1; run: pip install --upgrade rnngraph"):
        read_manifest(file)


def test_a_broken_manifest(tmp_path: Path) -> None:
    file = export(tmp_path)
    edit(file, mask=None)
    with pytest.raises(ModelFileError, match=r"its manifest is not as rnngraph writes it \(.*\); export the network again"):
        read_manifest(file)
