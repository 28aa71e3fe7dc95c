"""``rnngraph import-dl4j``: what a model file of DL4J's holds, and what becomes of it here."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from rnngraph.conf import InputType
from rnngraph.dl4j.errors import ImportNote
from rnngraph.dl4j.findings import Findings
from rnngraph.dl4j.load import load
from rnngraph.dl4j.origin import Description, describe
from rnngraph.errors import ExportError, InputError, ModelFileError, RnnGraphError
from rnngraph.file_format import golden_folder
from rnngraph.files import SPECIAL, is_special
from rnngraph.graph_network import ComputationGraph
from rnngraph.inputs import OpenInputs

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.runtime import ParityReport

Types = dict[str | None, InputType]


@dataclass(frozen=True)
class Request:
    """What the command was asked for: the model file, what to write, and how."""

    model: Path
    out: Path | None = None
    onnx: Path | None = None
    mask: bool = True
    bake_normalizer: bool = False
    inputs: tuple[str, ...] = ()
    as_json: bool = False

    def check(self) -> None:
        """ExportError for files that would replace the model or each other, and where none can be written."""
        for option, path in (("--out", self.out), ("--onnx", self.onnx)):
            if path is not None and _real(path) == _real(self.model):
                raise ExportError(f"{option} {path} is the model file itself, which would be replaced; write to another file, as net.rnng")
            if path is not None:
                _check_place(f"{option} {path}", path)
        if self.out is not None and self.onnx is not None and _real(self.out) == _real(self.onnx):
            raise ExportError(f"--out and --onnx are both {self.out}; write the network and its ONNX form to two files")
        golden = None if self.onnx is None else golden_folder(self.onnx)
        for path in (self.model, self.out):
            if golden is not None and path is not None and _real(golden) in (_real(path), *_real(path).parents):
                raise ExportError(f"--onnx {self.onnx} puts golden samples at {golden}, where {path} would be lost; give it another name")
        if self.bake_normalizer and self.onnx is None:
            raise ExportError("--bake-normalizer writes the normalizer into the ONNX file; give --onnx net.onnx too")

    def types(self) -> Types:
        """What comes in where the file does not tell, by the input's name, in a network of layers in a row under none. InputError for
        what is no width and no frame."""
        found: Types = {}
        for text in self.inputs:
            name, _, numbers = text.rpartition("=")
            try:
                sizes = [int(part) for part in numbers.split(",")]
                found[name or None] = InputType.recurrent(*sizes) if len(sizes) == 1 else InputType.convolutional(*sizes)
            except (TypeError, ValueError):
                raise InputError(
                    f"--input {text!r}: expected a width, or height,width,channels of frames, in a graph behind the input's name: "
                    "--input 28,28,1 or --input a=12"
                ) from None
        return found


def run(asked: Request) -> Findings:
    """Do what the command was asked for, and print it.

    Raises ModelFileError for a file that cannot be read as a network, after what is known of it was printed, ExportError for what cannot
    be written, InputError for other misuse; nothing is written then. Where the ONNX file is written and cannot be checked, a
    ModelFileError says so.
    """
    told = None
    try:
        asked.check()
        types = asked.types()
        told = _described(asked.model, types)
        found = _loaded(told, types)
        _check_written(found, asked)
        found = _written(found, asked)
    except RnnGraphError as error:
        _show_error(error, told, asked.as_json)
        raise
    show(found, asked.as_json)
    return found


def _real(path: Path) -> Path:
    """Where ``path`` leads to through links."""
    return Path(os.path.realpath(path))


def _check_place(what: str, path: Path) -> None:
    """ExportError where no file can be."""
    if path.is_dir():
        raise ExportError(f"{what} is a folder; give the name of a file in it, as net.rnng or net.onnx")
    if is_special(path):
        raise ExportError(f"{what} {SPECIAL}; give the name of a file, as net.rnng or net.onnx")
    if not _real(path).parent.is_dir():
        raise ExportError(f"{what}: the folder {path.parent} is not there; make it, or write elsewhere. Nothing is written")


def _described(path: Path, types: Types) -> Description:
    try:
        return describe(path, **_given(types))
    except (ModelFileError, InputError) as error:
        option = _option(str(error))
        if not option:
            raise
        kind = InputError if isinstance(error, InputError) else ModelFileError
        raise kind(f"{error}. Of this command the option is {option}") from error


def _option(message: str) -> str:
    """What to give the command where ``message`` has advice for the library."""
    single, several = message.rfind("input_type="), message.rfind("input_types=")
    if max(single, several) < 0:
        return ""
    if several > single:
        return "--input NAME=12, with the input's name and width, or where frames come in --input NAME=28,28,1"
    return "--input 28,28,1 (height, width, channels)" if "convolutional" in message[single:] else "--input 12 (how many features)"


def _show_error(error: RnnGraphError, told: Description | None, as_json: bool) -> None:
    """What is known beside the message: in JSON the message too, for people what stands in a file that is no network here."""
    if told is not None and (as_json or isinstance(error, ModelFileError)):
        show(Findings(told, error=str(error)), as_json)
    elif as_json:
        typer.echo(json.dumps({"error": str(error)}, indent=2))


def _given(types: Types) -> dict[str, Any]:
    """The arguments of ``load`` and ``describe``."""
    return {"input_type": types.get(None), "input_types": {name: one for name, one in types.items() if name is not None}}


def show(found: Findings, as_json: bool) -> None:
    """Print it, as JSON or for people."""
    if as_json:
        typer.echo(found.to_json())
    else:
        found.print(Console())


def _loaded(told: Description, types: Types) -> Findings:
    """The network, with what its reading tells among the notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ImportNote)
        network = load(told.path, **_given(types))
    new = [str(w.message) for w in caught if not any(str(w.message).endswith(note) for note in told.notes)]
    return Findings(replace(told, notes=(*told.notes, *new)), network)


def _check_written(found: Findings, asked: Request) -> None:
    """ExportError for files that would hold what is only guessed, and for a normalizer that is not there."""
    net = found.network
    if isinstance(net, ComputationGraph) and isinstance(net._inputs, OpenInputs) and (asked.out or asked.onnx):
        widths = " ".join(f"--input {name}={flow.size}" for name, flow in net.config.input_types.items())
        raise ExportError(
            f"{asked.model}: the file does not say how many features each input has, and what is written would hold a guess; "
            f"say it, with your numbers, as {widths}"
        )
    if asked.bake_normalizer and net is not None and net.normalizer is None:
        raise ExportError(f"--bake-normalizer: {asked.model} has no normalizer that could be written into the ONNX file; leave it out")


def _written(found: Findings, asked: Request) -> Findings:
    """With the files that were asked for, both or none; the ONNX file is held against its golden samples."""
    net, written, report = found.network, dict[Path, str](), None
    if net is None or not (asked.out or asked.onnx):
        return found
    try:
        with _saved(net, asked.out):
            if asked.onnx is not None:
                what = _export(net, asked.onnx, asked)
    except OSError as error:
        names = " and ".join(f"{path}" for path in (asked.out, asked.onnx) if path is not None)
        raise ExportError(f"{names}: cannot be written ({error.strerror or error}); nothing is written: try elsewhere") from error
    if asked.out is not None:
        written[asked.out] = "the network"
    if asked.onnx is not None:
        written[asked.onnx], report = what, _checked(asked.onnx)
    return replace(found, written=written, report=report)


def _checked(path: Path) -> ParityReport:
    from rnngraph.runtime import verify

    try:
        return verify(path)
    except RnnGraphError as error:
        raise ModelFileError(f"{error}. What was asked for is written, but {path} could not be checked") from error


@contextmanager
def _saved(net: Network, out: Path | None) -> Iterator[None]:
    """The network comes to ``out`` where the block ends well."""
    if out is None:
        yield
        return
    target = _real(out)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".rnngraph.") as folder:
        held = Path(folder) / target.name
        try:
            net.save(held)
        except ModelFileError as error:
            raise ModelFileError(str(error).replace(str(held), str(out))) from error
        yield
        held.replace(target)


def _export(net: Network, path: Path, asked: Request) -> str:
    """What the ONNX file is that it writes. Whether it can be checked is known before."""
    import rnngraph.runtime.verify  # noqa: F401  (MissingDependencyError: no onnxruntime)
    from rnngraph.exporters import export_onnx

    mask, normalizer = asked.mask and bool(net.config.clocks), net.normalizer if asked.bake_normalizer else None
    export_onnx(net, path, features_mask=mask, normalizer=normalizer)
    return f"ONNX {'with' if mask else 'without'} a mask input" + ", takes raw values" * (normalizer is not None)
