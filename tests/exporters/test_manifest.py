"""The manifest's content, the digests, and what both are good for."""

from __future__ import annotations

import hashlib
import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnngraph import __version__
from rnngraph.errors import ExportError
from rnngraph.exporters.manifest import manifest, metadata, seal
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.file_format import EMPTY_DIGEST
from rnngraph.serialization import parameters_digest
from tests.exporters.networks import Layer, model, parameters, session, stack

LAYERS = [Layer("lstm", 4), Layer("simple_rnn", 2)]
BEGINS = {"batch_axis": 0, "data_type": "float32", "initial": 0.0}


def described(masked: bool = False, layers: list[Layer] = LAYERS, **options: Any) -> dict[str, Any]:
    graph = stack(layers, masked=masked, **{k: options.pop(k) for k in ("last", "data_type") if k in options})
    configured = [SimpleNamespace(n_in=5, n_out=layer.width, activation=layer.act, mask_mode=layer.mask_mode) for layer in layers]
    arguments: dict[str, Any] = {"target": "portable", "steps": None, "batch": None, **options}
    return manifest(graph, parameters(graph), configured, **arguments)


def test_content() -> None:
    got = described(masked=True, class_labels=["a", "b", "c"])
    count = 16 * 5 + 16 * 4 + 16 + 2 * 4 + 2 * 2 + 2 + 3 * 2 + 3
    assert got["parameters"].pop("count") == count
    assert re.fullmatch("[0-9a-f]{64}", got.pop("parameters")["sha256"])
    mask = got.pop("mask")
    assert mask.pop("rule").startswith("A masked step (0) does not exist for layers whose mask_mode is hold")
    assert mask == {"input": "features_mask", "values": [0, 1], "padding_is_read": False}
    assert got.pop("time").items() >= {"input_axis": 2, "output_axis": 2}.items()
    states = [("state_00_h", 0, "h", 4), ("state_00_c", 0, "c", 4), ("state_01_h", 1, "h", 2)]
    assert got == {
        "format": 1,
        "producer": f"rnngraph {__version__}",
        "data_type": "float32",
        "target": "portable",
        "steps": None,
        "batch": None,
        "inputs": [
            {"name": "x", "role": "input", "shape": ["N", 5, "T"], "data_type": "float32"},
            {"name": "features_mask", "role": "mask", "shape": ["N", "T"], "data_type": "float32"},
            *({"name": n, "role": "state", "shape": ["N", w], "data_type": "float32"} for n, _, _, w in states),
        ],
        "outputs": [
            {"name": "y", "role": "output", "shape": ["N", 3, "T"], "data_type": "float32"},
            *({"name": f"next_{n}", "role": "next_state", "shape": ["N", w], "data_type": "float32"} for n, _, _, w in states),
        ],
        "states": [{"layer": k, "key": key, "input": n, "output": f"next_{n}", "shape": [w], **BEGINS} for n, k, key, w in states],
        "streams": True,
        "why_not": None,
        "layers": [
            {"index": k, "type": "SimpleNamespace", "n_in": 5, "n_out": w, "activation": "tanh", "mask_mode": "hold", "streams": True}
            for k, w in enumerate((4, 2))
        ],
        "class_labels": ["a", "b", "c"],
        "normalizer": None,
    }


def test_frozen_steps_and_batch_are_literal() -> None:
    got = described(steps=1, batch=3, masked=True)
    assert (got["steps"], got["batch"]) == (1, 3)
    assert [i["shape"] for i in got["inputs"]] == [[3, 5, 1], [3, 1], [3, 4], [3, 4], [3, 2]]
    assert got["outputs"][0]["shape"] == [3, 3, 1]
    assert got["states"][0]["shape"] == [4]


def test_an_output_without_time_and_float64() -> None:
    got = described(last=True, data_type="float64")
    assert got["outputs"][0] == {"name": "y", "role": "output", "shape": ["N", 3], "data_type": "float64"}
    assert got["time"]["output_axis"] is None
    assert got["mask"] == {"input": None, "values": [0, 1], "padding_is_read": False, "rule": None}
    assert got["states"][0]["data_type"] == "float64"


def test_a_network_that_cannot_stream_says_why() -> None:
    got = described(layers=[Layer("lstm", 4), Layer("lstm", 4, reverse=True)])
    assert not got["streams"]
    assert "layer 1 (lstm(act=tanh, gate=sigmoid)) runs backwards in time" in got["why_not"]
    assert [layer["streams"] for layer in got["layers"]] == [True, False]


def test_a_wrapper_shows_what_it_wraps() -> None:
    graph = stack([Layer("lstm", 4)])
    inner = SimpleNamespace(title="LSTM", n_in=5, n_out=4, activation="tanh", gate_activation="sigmoid", mask_mode="hold")
    got = manifest(graph, parameters(graph), [SimpleNamespace(layer=inner)], target="cpu", steps=None, batch=None)["layers"][0]
    assert got["layer"] == "LSTM"
    assert (got["n_in"], got["n_out"], got["gate_activation"]) == (5, 4, "sigmoid")


@pytest.mark.parametrize("masked", [False, True])
def test_inputs_and_outputs_stand_in_the_order_of_the_manifest(masked: bool) -> None:
    got = described(masked=masked)
    sess = session(model(stack(LAYERS, masked=masked)))
    assert [(i.name, i.shape) for i in sess.get_inputs()] == [(i["name"], i["shape"]) for i in got["inputs"]]
    assert [(o.name, o.shape) for o in sess.get_outputs()] == [(o["name"], o["shape"]) for o in got["outputs"]]


def test_the_digest_of_parameters_depends_on_names_shapes_and_values() -> None:
    a = {"0.W": np.arange(6.0).reshape(2, 3), "0.b": np.ones(2)}
    expected = hashlib.sha256(b"0.W(2, 3)" + np.arange(6, dtype="<f4").tobytes() + b"0.b(2,)" + np.ones(2, "<f4").tobytes()).hexdigest()
    assert parameters_digest(a, "float32") == expected
    assert parameters_digest(dict(reversed(a.items())), "float32") == expected
    assert parameters_digest({**a, "0.W": a["0.W"].T.copy(order="F").T}, "float32") == expected
    for other in ({**a, "0.b": np.zeros(2)}, {**a, "0.W": a["0.W"].reshape(3, 2)}, {"0.W": a["0.W"], "0.c": a["0.b"]}):
        assert parameters_digest(other, "float32") != expected


def test_the_file_can_be_checked_without_onnx() -> None:
    graph = stack(LAYERS)
    data = seal(build_model(graph, parameters(graph), metadata=metadata(described())).SerializeToString())
    (found,) = re.finditer(rb"rnngraph_digest..sha256:([0-9a-f]{64})", data, re.DOTALL)
    blank = data[: found.start(1)] + b"0" * 64 + data[found.end(1) :]
    assert hashlib.sha256(blank).hexdigest().encode() == found.group(1)
    stored = session(build_model(graph, parameters(graph), metadata=metadata(described()))).get_modelmeta().custom_metadata_map
    assert json.loads(stored["rnngraph"])["states"][0]["input"] == "state_00_h"
    assert stored["rnngraph_digest"] == EMPTY_DIGEST


def test_a_label_that_looks_like_the_digest_is_refused() -> None:
    graph = stack(LAYERS)
    data = build_model(graph, parameters(graph), metadata=metadata(described(class_labels=[EMPTY_DIGEST]))).SerializeToString()
    with pytest.raises(
        ExportError, match=r"the place of 'rnngraph_digest' in the file is not unique: a name or a label .* holds 'sha256:0+'; rename it"
    ):
        seal(data)
