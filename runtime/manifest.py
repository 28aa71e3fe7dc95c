"""The manifest of an exported file: all that a host must know, read without onnx.

It stands as JSON in the file's metadata, with a digest of the whole file beside it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rnngraph.errors import ModelFileError, RnnGraphError
from rnngraph.file_format import DIGEST_DIGITS, DIGEST_KEY, DIGEST_PREFIX, FORMAT, KEY
from rnngraph.runtime.device import PLAIN, CudaOptions, Device, Session, create_session, onnxruntime_version
from rnngraph.runtime.sizes import check_sizes

_DIGEST = DIGEST_KEY.encode() + bytes([0x12, len(DIGEST_PREFIX) + DIGEST_DIGITS]) + DIGEST_PREFIX.encode()
"""The digest's key, and the wire form of what follows it: field 2, its length in bytes, and how it begins."""


@dataclass(frozen=True)
class Port:
    """An input or output of the file. ``shape`` holds a number where the size is fixed, a name ("N", "T") where it is free.

    ``ids``: the input takes ids, from 0 to ``ids`` - 1. None: it takes numbers.
    """

    name: str
    role: str
    shape: tuple[int | str, ...]
    data_type: str
    ids: int | None = None


@dataclass(frozen=True)
class FullPort(Port):
    """A port with all that is known of it, as the file of a graph tells; of layers in a row it stands in the rules of mask and time.

    ``time_axis``: where the steps stand (None: there are none), ``steps`` how many there are, as an expression of "T" or "T_name": inputs
    that say the same have to be equally long, at least ``least_steps``. ``mask``: the mask of an input (None: it has none), ``masks`` the
    input that a mask masks, ``padding_is_read`` as of :class:`MaskRule`, ``class_labels`` the names of what an output holds.
    """

    time_axis: int | None = None
    steps: str | None = None
    least_steps: int = 1
    mask: str | None = None
    masks: str | None = None
    padding_is_read: bool = False
    class_labels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class State:
    """A state: the input that takes it, the output that gives the next one, the value it begins with.

    ``shape`` is that of one row: input and output have N as well, at ``batch_axis``. ``initial`` is a number for all elements, or the
    numbers of a row [H], which are the same in every row.
    """

    layer: int
    key: str
    input: str
    output: str
    shape: tuple[int, ...]
    data_type: str
    initial: float | tuple[float, ...]
    batch_axis: int = 0


@dataclass(frozen=True)
class MaskRule:
    """The mask's input (None: the file has none), the values it may hold, and what they mean in words (None without a mask).

    ``padding_is_read``: a layer computes with what x holds at masked steps, so it has to be finite there too. Of a graph ``input`` is
    None: each input tells its own mask.
    """

    input: str | None
    values: tuple[int, ...]
    rule: str | None
    padding_is_read: bool = False


@dataclass(frozen=True)
class TimeRule:
    """The time axes of input and output (None: it has none), how to feed a sequence, and how many steps that has to have.

    Of a graph there is the rule alone: the ports have the rest.
    """

    input_axis: int | None
    output_axis: int | None
    rule: str
    least_steps: int = 1


@dataclass(frozen=True)
class Precision:
    """How a file stores weights in fewer bits, "float16", "bfloat16" or "int8", and what that costs; ``rule`` tells it in words.

    ``integer_layers`` multiply whole numbers. ``same_bits``: on the CPU whole, in pieces and step by step gives the same bits, as with
    weights in float32. ``error`` has for each output and next state the largest difference, "absolute" and "relative", that was measured at
    export, ``tolerance`` what is allowed of the largest value, or of 1 where that is greater.
    """

    kind: str
    rule: str
    integer_layers: tuple[str, ...]
    same_bits: bool
    error: Mapping[str, Mapping[str, float]]
    tolerance: Mapping[str, float]


@dataclass(frozen=True)
class Manifest:
    """What an exported file takes, gives and holds.

    ``steps`` and ``batch`` are numbers where the file has them fixed. ``parameters_sha256`` tells networks apart: all files of one
    network share it. ``why_not`` says why the file does not stream. ``layers`` are for people to read. ``normalizer``
    (None: the file has none inside) has the statistics of ``inputs`` and ``outputs`` that are raw values, by name, and a ``rule`` in words.
    ``precision`` tells of weights in fewer bits (None: they are stored as the network has them).
    """

    format: int
    producer: str
    data_type: str
    target: str
    steps: int | None
    batch: int | None
    parameters_count: int
    parameters_sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    states: tuple[State, ...]
    mask: MaskRule
    time: TimeRule
    streams: bool
    why_not: str | None
    layers: tuple[Mapping[str, Any], ...]
    class_labels: tuple[str, ...] | None
    normalizer: Mapping[str, Any] | None
    precision: Precision | None = None

    @property
    def is_graph(self) -> bool:
        """Whether the file is of a graph: it takes a list of inputs and gives a list of outputs, whose names are the user's."""
        return isinstance(self, GraphManifest)

    def ports(self, role: str) -> tuple[FullPort, ...]:
        """The inputs or outputs of ``role`` in order, with all that is known of each."""
        return tuple(self._full(p) for p in (*self.inputs, *self.outputs) if p.role == role)

    def _full(self, port: Port) -> FullPort:
        """A port with what the rules of mask and time say of it."""
        if isinstance(port, FullPort):
            return port
        mask, time, known = self.mask, self.time, {f.name: getattr(port, f.name) for f in fields(port)}
        if port.role == "mask":
            return FullPort(**known, time_axis=1, steps="T", masks=self.port("input").name)
        axis = {"input": time.input_axis, "output": time.output_axis}.get(port.role)
        if axis is not None:
            known |= {"time_axis": axis, "steps": "T" if isinstance(port.shape[axis], int) else str(port.shape[axis])}
        if port.role == "output":
            return FullPort(**known, class_labels=self.class_labels)
        if port.role == "input":
            return FullPort(**known, least_steps=time.least_steps, mask=mask.input, padding_is_read=mask.padding_is_read)
        return FullPort(**known)

    def port(self, role: str) -> Port:
        """The first input or output of ``role``, "input" or "output" as a rule."""
        return next(p for p in (*self.inputs, *self.outputs) if p.role == role)


@dataclass(frozen=True)
class GraphManifest(Manifest):
    """The manifest of a graph, whose inputs and outputs are :class:`FullPort`."""

    network: str = "graph"


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """The manifest of the exported file ``path``.

    ModelFileError: the file is missing, truncated, altered, not of rnngraph, or of a newer format.
    """
    return open_model(path, optimise=False)[1]


def open_model(
    path: str | os.PathLike[str], device: Device = "cpu", threads: int = 1, *, optimise: bool = True
) -> tuple[Session, Manifest]:
    """A session of onnxruntime on the file ``path``, and its manifest; errors as :func:`read_manifest`."""
    file = checked_path(path)
    sealed = _is_sealed(file)
    session = open_session(file, device, threads, optimise=optimise, sealed=sealed)
    meta = session.get_modelmeta()
    if KEY not in meta.custom_metadata_map:
        raise ModelFileError(
            f"{file} is an ONNX file, but none of rnngraph's: its metadata has no {KEY!r} (its producer is {meta.producer_name!r}); "
            "run it with onnxruntime itself, or export the network with rnngraph.exporters.export_onnx"
        )
    if not sealed:
        raise ModelFileError(f"{file} was altered: its digest is gone; {_ALTERED}")
    return session, parse_manifest(meta.custom_metadata_map[KEY], file)


def open_session(
    file: Path, device: Device, threads: int, *, optimise: bool = True, sealed: bool = True, cuda: CudaOptions = PLAIN
) -> Session:
    """A session on a file whose digest was looked at; ``sealed`` says that it has one.

    ModelFileError: onnxruntime cannot open the file.
    """
    try:
        return create_session(file, device, threads, optimise=optimise, cuda=cuda)
    except RnnGraphError:
        raise
    except Exception as error:
        what = (
            f"{file} is intact, but onnxruntime {onnxruntime_version()} cannot open it; install a newer one, or export the network again"
            if sealed
            else f"{file} is truncated, damaged or no ONNX file: onnxruntime cannot open it; get a whole copy, or export the network again"
        )
        raise ModelFileError(f"{what} ({_first_line(error)})") from error


def checked_path(path: object) -> Path:
    """``path`` as a path. ModelFileError for what is none, a network for example."""
    if isinstance(path, (str, os.PathLike)) and isinstance(name := os.fspath(path), str):
        return Path(name)
    remedy = "export it with rnngraph.exporters.export_onnx(net, 'net.onnx') and give 'net.onnx'"
    what = type(path).__name__ if path is not None else "None"
    raise ModelFileError(f"path: expected the path of an exported file as a string, got {what}; where that is a network, {remedy}")


_ALTERED = "what it computes is no longer what was exported. Get the original, or export the network again"


def _is_sealed(file: Path) -> bool:
    """Whether the file has its digest. ModelFileError where that does not match, or the file cannot be read."""
    if file.is_dir():
        raise ModelFileError(f"{file} is a folder; give the .onnx file that export_onnx wrote")
    try:
        data = memoryview(content := file.read_bytes())
    except FileNotFoundError as error:
        raise ModelFileError(
            f"{file}: there is no such file (the working folder is {Path.cwd()}); write one with rnngraph.exporters.export_onnx"
        ) from error
    except OSError as error:
        raise ModelFileError(f"{file} cannot be read: {error.strerror}") from error
    if not content:
        raise ModelFileError(f"{file} is empty; get a whole copy, or export the network again")
    if content.startswith(b"PK\3\4"):
        raise ModelFileError(
            f"{file} is a zip archive, as saved networks are, and no ONNX file; write that first: rnngraph export {file} -o net.onnx"
        )
    found = content.rfind(_DIGEST)
    if found < 0:
        return False
    start, end = found + len(_DIGEST), found + len(_DIGEST) + DIGEST_DIGITS
    digest = hashlib.sha256(data[:start])
    digest.update(b"0" * DIGEST_DIGITS)
    digest.update(data[end:])
    told = content[start:end].decode("ascii", "replace")
    if digest.hexdigest() != told:
        raise ModelFileError(
            f"{file} was altered or damaged: its digest says {told[:12]}..., its bytes have {digest.hexdigest()[:12]}...; {_ALTERED}"
        )
    return True


def parse_manifest(text: str, path: str | os.PathLike[str]) -> Manifest:
    """The manifest from its JSON text; ``path`` is for messages. ModelFileError: a newer format, or no manifest of ours."""
    try:
        content = json.loads(text)
        version = int(content["format"])
        if version > FORMAT:
            raise ModelFileError(
                f"{path} has format {version} (written by {content.get('producer', 'an unknown program')}), this version of rnngraph reads "
                f"up to {FORMAT}; run: pip install --upgrade rnngraph"
            )
        manifest = _manifest(content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: its manifest is not as rnngraph writes it ({error!r}); export the network again") from error
    check_sizes(manifest, path)
    return manifest


def _manifest(content: Mapping[str, Any]) -> Manifest:
    labels, network = content["class_labels"], content.get("network")
    parameters, mask, time = content["parameters"], content["mask"], content["time"]
    kind, port = (Manifest, _port) if network is None else (GraphManifest, _full_port)
    return kind(
        format=content["format"],
        producer=content["producer"],
        data_type=content["data_type"],
        target=content["target"],
        steps=content["steps"],
        batch=content["batch"],
        parameters_count=parameters["count"],
        parameters_sha256=parameters["sha256"],
        inputs=tuple(port(p) for p in content["inputs"]),
        outputs=tuple(port(p) for p in content["outputs"]),
        states=tuple(_state(s) for s in content["states"]),
        mask=_mask(mask, network),
        time=_time(time, network),
        streams=content["streams"],
        why_not=content["why_not"],
        layers=tuple(content["layers"]),
        class_labels=None if labels is None else tuple(labels),
        normalizer=content["normalizer"],
        precision=_precision(content.get("precision")),
    )


def _mask(content: Mapping[str, Any], network: str | None) -> MaskRule:
    name = content["input"] if network is None else None
    return MaskRule(name, tuple(content["values"]), content["rule"], bool(content.get("padding_is_read", False)))


def _time(content: Mapping[str, Any], network: str | None) -> TimeRule:
    if network is not None:
        return TimeRule(None, None, content["rule"])
    return TimeRule(content["input_axis"], content["output_axis"], content["rule"], content.get("least_steps", 1))


def _precision(content: Mapping[str, Any] | None) -> Precision | None:
    if content is None:
        return None
    known = {f.name: content[f.name] for f in fields(Precision)}
    tolerance = {name: float(value) for name, value in content["tolerance"].items()}
    return Precision(**{**known, "integer_layers": tuple(content["integer_layers"]), "tolerance": tolerance})


def _port(content: Mapping[str, Any]) -> Port:
    return Port(content["name"], content["role"], tuple(content["shape"]), content["data_type"], content.get("ids"))


def _full_port(content: Mapping[str, Any]) -> FullPort:
    known = {f.name: content[f.name] for f in fields(FullPort) if f.name in content}
    labels = content.get("class_labels")
    return FullPort(**{**known, "shape": tuple(content["shape"]), "class_labels": None if labels is None else tuple(labels)})


def _state(content: Mapping[str, Any]) -> State:
    return State(
        content["layer"],
        content["key"],
        content["input"],
        content["output"],
        tuple(content["shape"]),
        content["data_type"],
        _initial(content["initial"], content["shape"]),
        content.get("batch_axis", 0),
    )


def _initial(told: float | list[float], shape: list[int]) -> float | tuple[float, ...]:
    """One number, or as many finite ones as a row has. ValueError for what is no number, or another number of them."""
    if not isinstance(told, list):
        return _number(told)
    if [len(told)] != shape:
        raise ValueError(f"{len(told)} initial values for a state of shape {shape}")
    row = tuple(map(_number, told))
    if not all(map(math.isfinite, row)):  # they are a network's parameters
        raise ValueError("initial values of a row that are not finite")
    return row


def _number(told: float) -> float:
    """A number, which may be infinite: a state of a running maximum may begin so."""
    if isinstance(told, bool) or not isinstance(told, (int, float)) or math.isnan(told):
        raise ValueError(f"initial value {told!r}, which is no number")
    return float(told)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
