"""Exported files made by hand with onnx alone, and the same networks in numpy: an oracle that shares no code with the exporter."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rnngraph.runtime import StateSnapshot, StreamingSession

Array = np.ndarray
ZEROS = "sha256:" + 64 * "0"


@dataclass(frozen=True)
class Spec:
    """A recurrent layer and a softmax layer behind it, as a file.

    Without a mask the layer is the LSTM op, with one a SimpleRnn as Scan, whose state is held where the mask is 0. ``fragile`` makes
    onnxruntime fail where the first feature of a row is 1 or more. ``last`` leaves out the output's time axis.
    """

    features: int = 3
    hidden: int = 5
    classes: int = 4
    masked: bool = False
    steps: int | None = None
    batch: int | None = None
    last: bool = False
    fragile: bool = False
    streams: bool = True
    data_type: str = "float32"
    seed: int = 0

    def __repr__(self) -> str:
        changed = [f"{f.name}={value!r}" for f in fields(self) if (value := getattr(self, f.name)) != f.default]
        return f"Spec({', '.join(changed)})"

    @property
    def keys(self) -> list[str]:
        """The keys of the layer's states."""
        return ["h"] if self.masked else ["h", "c"]


File = Callable[[Spec], Path]
"""The fixture ``file``."""
Open = Callable[..., StreamingSession]
"""The fixture ``opened``: a session of the file of a network, exported with options."""


def weights(spec: Spec) -> dict[str, Array]:
    """Random weights; of the LSTM in ONNX's gate order i, o, f, c."""
    draw = np.random.default_rng(spec.seed)
    rows = spec.hidden if spec.masked else 4 * spec.hidden
    shapes = {"W": (rows, spec.features), "R": (rows, spec.hidden), "b": (rows,), "V": (spec.hidden, spec.classes), "d": (spec.classes,)}
    return {name: (draw.standard_normal(shape) * 0.6).astype(spec.data_type) for name, shape in shapes.items()}


def in_numpy(spec: Spec, x: Array, mask: Array | None = None, states: dict[str, Array] | None = None) -> tuple[Array, dict[str, Array]]:
    """Output and next states by key, in float64, step by step."""
    w = {name: array.astype(np.float64) for name, array in weights(spec).items()}
    states = states or {key: np.zeros((len(x), spec.hidden)) for key in spec.keys}
    outputs = []
    for t in range(x.shape[2]):
        states = _cell(spec, w, x[:, :, t], states, None if mask is None else mask[:, t : t + 1] != 0)
        z = np.exp(states["h"] @ w["V"] + w["d"])
        outputs.append(z / z.sum(1, keepdims=True))
    return (outputs[-1] if spec.last else np.stack(outputs, 2)), states


def _cell(spec: Spec, w: dict[str, Array], x: Array, states: dict[str, Array], real: Array | None) -> dict[str, Array]:
    h = states["h"]
    x = x if real is None else np.where(real, x, 0.0)
    a = x @ w["W"].T + h @ w["R"].T + w["b"]
    if spec.masked:
        new = np.tanh(a)
        return {"h": new if real is None else np.where(real, new, h)}
    i, o, f, c = np.split(a, 4, 1)
    cell = _sigmoid(f) * states["c"] + _sigmoid(i) * np.tanh(c)
    return {"h": _sigmoid(o) * np.tanh(cell), "c": cell}


def _sigmoid(a: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-a))
    return result


def write(path: Path, spec: Spec | None = None, *, golden: bool = True, **changes: Any) -> Path:
    """Write the file with its digest, and its golden samples; ``changes`` replace entries of the manifest."""
    spec = spec or Spec()
    path.write_bytes(serialized(spec, {"rnngraph": json.dumps({**manifest(spec), **changes}), "rnngraph_digest": ZEROS}))
    if golden:
        for k, (n, t) in enumerate([(spec.batch or 2, spec.steps or 7), (spec.batch or 1, 1)]):
            _write_sample(path.with_name(f"{path.name}.golden") / f"test_data_set_{k}", spec, n, t)
    return path


def serialized(spec: Spec, metadata: dict[str, str]) -> bytes:
    """The file's bytes, sealed if ``metadata`` has the digest's place."""
    model = helper.make_model(_graph(spec), opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="by hand")
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return sealed(data) if "rnngraph_digest" in metadata else data


def sealed(data: bytes) -> bytes:
    """The bytes of a file, its digest filled in where ZEROS stands."""
    assert data.count(ZEROS.encode()) == 1
    return data.replace(ZEROS.encode(), f"sha256:{hashlib.sha256(data).hexdigest()}".encode())


def manifest(spec: Spec) -> dict[str, Any]:
    """The manifest, written out."""
    n, t, kind = spec.batch or "N", spec.steps or "T", spec.data_type
    mask = [{"name": "features_mask", "role": "mask", "shape": [n, t], "data_type": kind}] if spec.masked else []
    y = [n, spec.classes] if spec.last else [n, spec.classes, t]
    return {
        "format": 1,
        "producer": "rnngraph 0.1.0",
        "data_type": kind,
        "target": "portable",
        "steps": spec.steps,
        "batch": spec.batch,
        "parameters": {"count": sum(a.size for a in weights(spec).values()), "sha256": f"{spec.seed:064x}"},
        "inputs": [
            {"name": "x", "role": "input", "shape": [n, spec.features, t], "data_type": kind},
            *mask,
            *({"name": f"state_00_{k}", "role": "state", "shape": [n, spec.hidden], "data_type": kind} for k in spec.keys),
        ],
        "outputs": [
            {"name": "y", "role": "output", "shape": y, "data_type": kind},
            *({"name": f"next_state_00_{k}", "role": "next_state", "shape": [n, spec.hidden], "data_type": kind} for k in spec.keys),
        ],
        "states": [
            {
                "layer": 0,
                "key": k,
                "input": f"state_00_{k}",
                "output": f"next_state_00_{k}",
                "shape": [spec.hidden],
                "data_type": kind,
                "initial": 0.0,
            }
            for k in spec.keys
        ],
        "mask": {"input": "features_mask" if spec.masked else None, "values": [0, 1], "rule": "0 does not exist"},
        "time": {"input_axis": 2, "output_axis": None if spec.last else 2, "rule": "feed any number of steps"},
        "streams": spec.streams,
        "why_not": None if spec.streams else "layer 0 (Bidirectional) runs backwards in time",
        "layers": [{"index": 0, "type": "SimpleRnn" if spec.masked else "LSTM"}, {"index": 1, "type": "RnnOutputLayer"}],
        "class_labels": ["a", "b", "c", "d"],
        "normalizer": None,
    }


def inputs(spec: Spec, n: int, t: int, seed: int = 1) -> dict[str, Array]:
    """Random inputs of the file by name, a mask with gaps among them."""
    draw = np.random.default_rng(seed)
    given: dict[str, Array] = {"x": draw.uniform(-1, 1, (n, spec.features, t))}
    if spec.masked:
        given["features_mask"] = draw.integers(0, 2, (n, t))
    given |= {f"state_00_{k}": draw.uniform(-0.5, 0.5, (n, spec.hidden)) for k in spec.keys}
    return {name: array.astype(spec.data_type) for name, array in given.items()}


def _write_sample(folder: Path, spec: Spec, n: int, t: int) -> None:
    given = inputs(spec, n, t)
    y, states = in_numpy(spec, given["x"], given.get("features_mask"), {k: given[f"state_00_{k}"] for k in spec.keys})
    expected = {"y": y, **{f"next_state_00_{k}": a for k, a in states.items()}}
    folder.mkdir(parents=True)
    for prefix, arrays in (("input", given), ("output", expected)):
        for j, (name, array) in enumerate(arrays.items()):
            tensor = numpy_helper.from_array(array.astype(spec.data_type), name)
            (folder / f"{prefix}_{j}.pb").write_bytes(tensor.SerializeToString())


def _graph(spec: Spec) -> onnx.GraphProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(spec.data_type))
    content = manifest(spec)
    takes, gives = ([helper.make_tensor_value_info(p["name"], kind, p["shape"]) for p in content[k]] for k in ("inputs", "outputs"))
    w = weights(spec)
    constants = {"axis0": np.array([0]), "axis1": np.array([1]), "V": w["V"], "d": w["d"], "zero": np.zeros((), spec.data_type)}
    make = helper.make_node
    nodes = [make("Transpose", ["x"], ["xt"], perm=[2, 0, 1])]
    if spec.masked:
        constants |= {"W": w["W"].T, "b": w["b"], "axis2": np.array([2])}
        nodes += [
            make("Cast", ["features_mask"], ["real"], to=TensorProto.BOOL),
            make("Transpose", ["real"], ["real_t"], perm=[1, 0]),
            make("Unsqueeze", ["real_t", "axis2"], ["m"]),
            make("Where", ["m", "xt", "zero"], ["clean"]),
            make("MatMul", ["clean", "W"], ["xw"]),
            make("Add", ["xw", "b"], ["xwb"]),
            make("Scan", ["state_00_h", "xwb", "m"], ["next_state_00_h", "hs"], num_scan_inputs=2, body=_scan_body(spec, kind)),
        ]
    else:
        constants |= {"W": w["W"][None], "R": w["R"][None], "B": np.concatenate([w["b"], np.zeros_like(w["b"])])[None]}
        nodes += [
            make("Unsqueeze", ["state_00_h", "axis0"], ["h0"]),
            make("Unsqueeze", ["state_00_c", "axis0"], ["c0"]),
            make("LSTM", ["xt", "W", "R", "B", "", "h0", "c0"], ["ys", "hn", "cn"], hidden_size=spec.hidden),
            make("Squeeze", ["ys", "axis1"], ["hs"]),
            make("Squeeze", ["hn", "axis0"], ["next_state_00_h"]),
            make("Squeeze", ["cn", "axis0"], ["next_state_00_c"]),
        ]
    nodes += [make("MatMul", ["next_state_00_h" if spec.last else "hs", "V"], ["a0"]), make("Add", ["a0", "d"], ["a1"])]
    last = "a1"
    if spec.fragile:
        constants |= {"first": np.array([0]), "one": np.zeros(1, spec.data_type)}
        nodes += [
            make("Gather", ["xt", "first"], ["f0"], axis=2),
            make("ReduceMax", ["f0"], ["f1"], keepdims=0),
            make("Cast", ["f1"], ["f2"], to=TensorProto.INT64),
            make("Gather", ["one", "f2"], ["f3"]),
            make("Add", ["a1", "f3"], ["a2"]),
        ]
        last = "a2"
    nodes.append(make("Softmax", [last], ["y" if spec.last else "yt"], axis=-1))
    if not spec.last:
        nodes.append(make("Transpose", ["yt"], ["y"], perm=[1, 2, 0]))
    return helper.make_graph(
        nodes, "by hand", takes, gives, [numpy_helper.from_array(np.ascontiguousarray(a), k) for k, a in constants.items()]
    )


def _scan_body(spec: Spec, kind: int) -> onnx.GraphProto:
    make, info = helper.make_node, helper.make_tensor_value_info
    nodes = [
        make("MatMul", ["h", "R"], ["hr"]),
        make("Add", ["a", "hr"], ["sum"]),
        make("Tanh", ["sum"], ["new"]),
        make("Where", ["real_now", "new", "h"], ["next"]),
        make("Identity", ["next"], ["out"]),
    ]
    takes = [info("h", kind, ["N", spec.hidden]), info("a", kind, ["N", spec.hidden]), info("real_now", TensorProto.BOOL, ["N", 1])]
    gives = [info("next", kind, ["N", spec.hidden]), info("out", kind, ["N", spec.hidden])]
    r = numpy_helper.from_array(np.ascontiguousarray(weights(spec)["R"].T), "R")
    return helper.make_graph(nodes, "cell", takes, gives, [r])


def feed(
    session: StreamingSession, x: Array, mask: Array | None, lengths: Sequence[int], start: StateSnapshot | None = None
) -> tuple[Array, dict[str, Array]]:
    """The output of x [N, F, T] in pieces of these lengths, over and over, from ``start`` or from zero; and the states afterwards."""
    session.restore(start or StateSnapshot())
    outputs: list[Array] = []
    at = 0
    while at < x.shape[2]:
        end = at + lengths[len(outputs) % len(lengths)]
        outputs.append(session.rnn_time_step(x[:, :, at:end], None if mask is None else mask[:, at:end]))
        at = end
    return (np.concatenate(outputs, 2) if outputs[0].ndim == 3 else outputs[-1]), dict(session.snapshot().states)


def printed(program: str, *arguments: object) -> str:
    """What ``program`` prints in a process of its own, in which nothing may go wrong."""
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
