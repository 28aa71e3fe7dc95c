"""The manifest of an exported file: all that a host must know, read without onnx.

It stands as JSON in the file's metadata, with a digest of the whole file beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnngraph.errors import ModelFileError, RnnGraphError
from rnngraph.file_format import DIGEST_DIGITS, DIGEST_KEY, DIGEST_PREFIX, FORMAT, KEY
from rnngraph.runtime.device import Device, Session, create_session, onnxruntime_version

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
class State:
    """A state: the input that takes it, the output that gives the next one, the value it begins with.

    ``shape`` is that of one row: input and output have N as well, at ``batch_axis``.
    """

    layer: int
    key: str
    input: str
    output: str
    shape: tuple[int, ...]
    data_type: str
    initial: float
    batch_axis: int = 0


@dataclass(frozen=True)
class MaskRule:
    """The mask's input (None: the file has none), the values it may hold, and what they mean in words (None without a mask).

    ``padding_is_read``: a layer computes with what x holds at masked steps, so it has to be finite there too.
    """

    input: str | None
    values: tuple[int, ...]
    rule: str | None
    padding_is_read: bool = False


@dataclass(frozen=True)
class TimeRule:
    """The time axes of input and output (None: it has none), how to feed a sequence, and how many steps that has to have."""

    input_axis: int | None
    output_axis: int | None
    rule: str
    least_steps: int = 1


@dataclass(frozen=True)
class Manifest:
    """What an exported file takes, gives and holds.

    ``steps`` and ``batch`` are numbers where the file has them fixed. ``parameters_sha256`` tells networks apart: all files of one
    network share it. ``why_not`` says why the file does not stream. ``layers`` are for people to read. ``normalizer``
    (None: the file has none inside) has the statistics of ``inputs`` and ``outputs`` that are raw values, by name, and a ``rule`` in words.
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

    def port(self, role: str) -> Port:
        """The first input or output of ``role``, "input" or "output" as a rule."""
        return next(p for p in (*self.inputs, *self.outputs) if p.role == role)


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


def open_session(file: Path, device: Device, threads: int, *, optimise: bool = True, sealed: bool = True) -> Session:
    """A session on a file whose digest was looked at; ``sealed`` says that it has one.

    ModelFileError: onnxruntime cannot open the file.
    """
    try:
        return create_session(file, device, threads, optimise=optimise)
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
        return _manifest(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: its manifest is not as rnngraph writes it ({error!r}); export the network again") from error


def _manifest(content: Mapping[str, Any]) -> Manifest:
    labels = content["class_labels"]
    parameters, mask, time = content["parameters"], content["mask"], content["time"]
    return Manifest(
        format=content["format"],
        producer=content["producer"],
        data_type=content["data_type"],
        target=content["target"],
        steps=content["steps"],
        batch=content["batch"],
        parameters_count=parameters["count"],
        parameters_sha256=parameters["sha256"],
        inputs=tuple(_port(p) for p in content["inputs"]),
        outputs=tuple(_port(p) for p in content["outputs"]),
        states=tuple(_state(s) for s in content["states"]),
        mask=MaskRule(mask["input"], tuple(mask["values"]), mask["rule"], bool(mask.get("padding_is_read", False))),
        time=TimeRule(time["input_axis"], time["output_axis"], time["rule"], time.get("least_steps", 1)),
        streams=content["streams"],
        why_not=content["why_not"],
        layers=tuple(content["layers"]),
        class_labels=None if labels is None else tuple(labels),
        normalizer=content["normalizer"],
    )


def _port(content: Mapping[str, Any]) -> Port:
    return Port(content["name"], content["role"], tuple(content["shape"]), content["data_type"], content.get("ids"))


def _state(content: Mapping[str, Any]) -> State:
    return State(
        content["layer"],
        content["key"],
        content["input"],
        content["output"],
        tuple(content["shape"]),
        content["data_type"],
        float(content["initial"]),
        content.get("batch_axis", 0),
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
