"""Drive a file that rnngraph exported with numpy and onnxruntime alone.

python host.py check net.onnx                                             against the golden samples beside it
python host.py stream net.onnx --steps 4 --save state.safetensors         from the beginning
python host.py stream net.onnx --steps 3 --restore state.safetensors      where that ended

What is streamed are the inputs of the first golden sample, over and over: put your own in their place.
Exit code: 0 all is well, 1 a difference beyond the tolerance, 2 it cannot be done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

Arrays = dict[str, np.ndarray]
NEWEST = 4  # the newest format of manifests that this program knows
TOLERANCE = 1e-5  # of the larger of 1 and the largest value, where the manifest does not say more
TENSOR_TYPES = {1: "float32", 7: "int64", 11: "float64"}  # numbers in TensorProto
STATE_TYPES = {"F32": "<f4", "F64": "<f8"}  # names in safetensors


class HostError(Exception):
    """What the user has to put right."""


# 1. Read the manifest.


class Model:
    """The file and its manifest."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise HostError(f"{path}: there is no such file")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.path = path
        try:
            self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise HostError(f"onnxruntime cannot open {path}: {error}") from error
        text = self.session.get_modelmeta().custom_metadata_map.get("rnngraph")
        if text is None:
            raise HostError(f"{path} was not exported by rnngraph: its metadata has no manifest")
        self.manifest: dict[str, Any] = json.loads(text)
        if self.manifest["format"] > NEWEST:
            raise HostError(f"{path} has a manifest of format {self.manifest['format']}, this program knows up to {NEWEST}")
        self.states: list[dict[str, Any]] = self.manifest["states"]

    # 2. Begin with the initial values.

    def initial(self, rows: int) -> Arrays:
        """The states at the beginning of ``rows`` streams; an initial value is one number, or a number for each element."""
        made: Arrays = {}
        for state in self.states:
            one = np.broadcast_to(np.ravel(state["initial"]), np.prod(state["shape"], dtype=int)).reshape(state["shape"])
            made[state["input"]] = np.tile(one.astype(state["data_type"]), (rows, *[1] * one.ndim))
        return made

    # 3. Feed inputs and states; 4. carry each next state to the state it belongs to.

    def run(self, inputs: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """Outputs by name, and the states for the next call."""
        names = [p["name"] for p in self.manifest["outputs"]]
        results = dict(zip(names, self.session.run(names, {**inputs, **states}), strict=True))
        return results, {s["input"]: results[s["output"]] for s in self.states}

    def at_step(self, inputs: Arrays, t: int) -> Arrays:
        """Step ``t`` of inputs and masks, with a time axis of length 1; what has no time axis as it is."""
        step = dict(inputs)
        for port in self.manifest["inputs"]:
            if port["role"] != "state" and (axis := self.time_axis(port)) is not None:
                step[port["name"]] = inputs[port["name"]].take([t % inputs[port["name"]].shape[axis]], axis)
        return step

    def time_axis(self, port: Mapping[str, Any]) -> int | None:
        """Where the steps of an input, output or mask stand: a graph's ports tell it themselves."""
        of_role = {"input": self.manifest["time"].get("input_axis"), "output": self.manifest["time"].get("output_axis"), "mask": 1}
        axis: int | None = port.get("time_axis", of_role.get(port["role"]))
        return axis


# 5. Hand the state over: safetensors, with a digest over all that it says.


def save(path: Path, states: Arrays, model: str, steps: int) -> None:
    """Write what ``StateSnapshot.from_bytes`` reads."""
    about = {"format": "1", "model": model, "steps": str(steps)}
    about["sha256"] = _digest(states, about)
    header: dict[str, Any] = {"__metadata__": about}
    data, kinds = b"", {np.dtype(code): name for name, code in STATE_TYPES.items()}
    for name, array in states.items():
        header[name] = {
            "dtype": kinds[array.dtype],
            "shape": array.shape,
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def restore(path: Path, model: Model) -> tuple[Arrays, int]:
    """The states that ``save`` or ``StateSnapshot.to_bytes`` wrote, and how many steps led to them."""
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        about, data = header.pop("__metadata__"), content[8 + length :]
        states: Arrays = {}
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            states[name] = np.frombuffer(data[start:end], STATE_TYPES[entry["dtype"]]).reshape(entry["shape"])
        told = about["sha256"]
    except FileNotFoundError as error:
        raise HostError(f"{path}: there is no such file") from error
    except (KeyError, ValueError) as error:
        raise HostError(f"{path} is no state, or a truncated one") from error
    if int(about["format"]) > 1:
        raise HostError(f"{path} has format {about['format']}, this program knows format 1")
    if _digest(states, about) != told:
        raise HostError(f"{path} was altered: its values do not match its digest")
    wanted = model.manifest["parameters"]["sha256"]
    if about["model"] not in ("", wanted):
        raise HostError(
            f"{path} is the state of another network: of parameters {about['model'][:12]}..., {model.path} has {wanted[:12]}..."
        )
    return states, int(about.get("steps", 0))


def _digest(states: Arrays, about: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps({k: v for k, v in about.items() if k != "sha256"}, sort_keys=True).encode())
    for name in sorted(states):
        digest.update(f"{name} {states[name].dtype.str} {states[name].shape};".encode())
        digest.update(states[name].tobytes())
    return digest.hexdigest()


# The golden samples: protobuf's TensorProto, of which four fields are read.


def samples(model: Model) -> list[tuple[Arrays, Arrays]]:
    """Inputs and expected outputs of each sample beside the file."""
    folder, pairs = Path(f"{model.path}.golden"), []
    for one in sorted(folder.glob("test_data_set_*")):
        inputs, outputs = (dict(tensor(f.read_bytes()) for f in one.glob(f"{kind}_*.pb")) for kind in ("input", "output"))
        if {*inputs, *outputs} != {p["name"] for side in ("inputs", "outputs") for p in model.manifest[side]}:
            raise HostError(f"{one} is of another file than {model.path}")
        pairs.append((inputs, outputs))
    if not pairs:
        raise HostError(f"there are no golden samples in {folder}; copy that folder along with the file")
    return pairs


def tensor(data: bytes) -> tuple[str, np.ndarray]:
    """Name and values."""
    found = list(fields(data))
    shape = [value for number, value in found if number == 1]
    one = dict(found)
    name, kind = one[8].decode(), TENSOR_TYPES.get(one[2])
    if kind is None:
        raise HostError(f"{name} has the type {one[2]} of TensorProto; this program knows {', '.join(TENSOR_TYPES.values())}")
    return name, np.frombuffer(one[9], np.dtype(kind).newbyteorder("<")).reshape(shape)


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a message: a number, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            yield key >> 3, value
        else:
            size, at = varint(data, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            yield key >> 3, data[at : at + size]
            at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at ``at``, seven bits a byte, and where it ends."""
    value = shift = 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


# What the commands do.


def check(model: Model) -> bool:
    """Whether the file still computes what the network computed."""
    told, ok, largest = (model.manifest.get("precision") or {}).get("tolerance", {}), True, 0.0
    for k, (inputs, expected) in enumerate(samples(model)):
        got, _ = model.run(inputs, {})
        for port in model.manifest["outputs"]:
            want = expected[port["name"]].astype(float)
            real = specified(model, port, inputs, want)
            want = want[real]
            error = np.abs(got[port["name"]].astype(float)[real] - want).max(initial=0.0)
            allowed = told.get(port["name"], TOLERANCE) * max(1.0, np.abs(want).max(initial=0.0))
            fits = bool(error <= allowed)  # false where it is NaN
            print(f"golden {k}  {port['name']:20}  {error:8.2e} of {allowed:8.2e}  {'ok' if fits else 'OFF'}")
            ok, largest = ok and fits, max(largest, error, key=lambda e: (e != e, e))
    print(f"largest difference {largest:.2e}: {'all within' if ok else 'BEYOND'} the tolerance")
    return ok


def specified(model: Model, port: Mapping[str, Any], inputs: Arrays, values: np.ndarray) -> np.ndarray:
    """Where an output is told: what it holds at masked steps is not."""
    real, axis = np.ones(values.shape, bool), model.time_axis(port)
    for one in model.manifest["inputs"]:
        if one["role"] == "mask" and axis is not None and (mask := inputs[one["name"]]).shape[1] == values.shape[axis]:
            real &= np.expand_dims(mask != 0, tuple(range(1, axis)))
    return real


def stream(model: Model, steps: int, begin: Path | None, end: Path | None) -> None:
    """Feed ``steps`` steps, from the initial values or from the state in ``begin``; write the state to ``end``."""
    if not model.manifest["streams"]:
        raise HostError(f"{model.path} cannot be fed step by step: {model.manifest['why_not']}")
    known = {p["name"] for p in model.manifest["inputs"] if p["role"] != "state"}
    inputs = {name: array for name, array in samples(model)[0][0].items() if name in known}
    initial = model.initial(rows=len(next(iter(inputs.values()))))
    states, done = restore(begin, model) if begin else (initial, 0)
    states = states or initial  # that of a stream before its first step is empty
    for name, array in initial.items():
        held = states[name].shape if name in states else "none"
        if held != array.shape:
            raise HostError(f"{begin}: {name} has the shape {held}, the stream needs {array.shape}")
    for t in range(done, done + steps):
        outputs, states = model.run(model.at_step(inputs, t), states)
        for port in model.manifest["outputs"]:
            if port["role"] == "output":
                print(f"step {t + 1} {port['name']}", *outputs[port["name"]].ravel().tolist())
    if end:
        save(end, states, model.manifest["parameters"]["sha256"], done + steps)


def main() -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description="Drive a file that rnngraph exported.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("check", "stream"):
        commands.add_parser(name).add_argument("file", type=Path)
    commands.choices["stream"].add_argument("--steps", type=int, default=7, choices=range(1_000_000), metavar="N")
    commands.choices["stream"].add_argument("--restore", type=Path)
    commands.choices["stream"].add_argument("--save", type=Path)
    given = parser.parse_args()
    try:
        model = Model(given.file)
        if given.command == "check":
            return 0 if check(model) else 1
        stream(model, given.steps, given.restore, given.save)
    except HostError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
