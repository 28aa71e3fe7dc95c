"""What export_onnx refuses to be called with, and the class labels that it writes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import rnngraph as rg
from rnngraph.errors import ExportError
from rnngraph.exporters import export_onnx
from tests.exporters.networks import classifier, tagger


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1.0}, "steps=1.0: expected None (any number of steps) or 1"),
        ({"steps": "1"}, "steps='1': expected None (any number of steps) or 1"),
        ({"steps": np.ones(3)}, "steps=ndarray: expected None (any number of steps) or 1"),
        (
            {"features_mask": np.ones((2, 7))},
            "features_mask=ndarray: expected True (the file takes a mask beside x) or False; the mask",
        ),
        ({"features_mask": "yes"}, "features_mask='yes': expected True"),
        ({"features_mask": None}, "features_mask=None: expected True"),
        ({"features_mask": 1}, "features_mask=1: expected True"),
        ({"streaming": "x"}, "streaming='x': expected True (refuse a network that cannot stream), False or None"),
        ({"streaming": 1}, "streaming=1: expected True"),
        ({"target": ["cpu"]}, "target=['cpu']: expected 'portable' or 'cpu'"),
        ({"target": None}, "target=None: expected 'portable' or 'cpu'"),
        ({"batch": "x" * 200}, f"batch='{'x' * 76}...: expected None (any batch size) or a whole number of at least 1"),
        ({"class_labels": "ab"}, "class_labels='ab': expected a list of 3 different names, one for each output in its order"),
        ({"class_labels": 3}, "class_labels=3: expected a list of 3 different names"),
        ({"class_labels": ["a", "b", 3]}, "class_labels=['a', 'b', 3]: expected a list of 3 different names"),
        ({"class_labels": ["a", "b", ""]}, "class_labels=['a', 'b', '']: expected a list of 3 different names"),
        ({"class_labels": ["a", "b"]}, "class_labels has 2 names, the network 3 outputs; expected a list of 3 different names"),
        ({"class_labels": ["a", "b", "a"]}, "class_labels has 'a' more than once; expected a list of 3 different names"),
    ],
)
def test_arguments_that_are_none(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"^{re.escape(message)}"):
        export_onnx(classifier(), tmp_path / "net.onnx", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [None, 3, b"net.onnx", classifier])
def test_paths_that_are_none(path: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"^path=.*: expected the name of the file to write, as 'net\.onnx'"):
        export_onnx(classifier(), path)


def test_a_saved_network_is_not_replaced(tmp_path: Path) -> None:
    saved = tmp_path / "net.rnng"
    net = rg.MultiLayerNetwork(tagger().config)
    net.save(saved)
    renamed = tmp_path / "net.bin"
    renamed.write_bytes(saved.read_bytes())
    empty = tmp_path / "empty.rnng"
    empty.touch()
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    for path in (saved, renamed, empty):
        with pytest.raises(ExportError, match=r"is a saved network, which the export would replace; write to another file, as net\.onnx"):
            export_onnx(net, path)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(
        ExportError, match=r"^path='.*pipe\.onnx' is not a regular file, but a device, a pipe or a socket; give the name of a"
    ):
        export_onnx(classifier(), tmp_path / "pipe.onnx")
    assert [p.name for p in tmp_path.iterdir() if p.is_fifo()] == ["pipe.onnx"]


def test_class_labels_are_in_the_manifest(tmp_path: Path) -> None:
    for labels in (["tief", "mittel", "hoch"], ("tief", "mittel", "hoch")):
        export_onnx(classifier(), tmp_path / "net.onnx", class_labels=labels)
        told = {p.key: p.value for p in onnx.load(tmp_path / "net.onnx").metadata_props}
        assert json.loads(told["rnngraph"])["class_labels"] == ["tief", "mittel", "hoch"]
