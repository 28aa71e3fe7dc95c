"""``rnngraph import-dl4j``: what a model file of DL4J's holds, and what becomes of it here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console

from rnngraph.conf import InputType
from rnngraph.dl4j.errors import ImportNote
from rnngraph.dl4j.findings import Findings
from rnngraph.dl4j.load import load
from rnngraph.dl4j.origin import Description, describe
from rnngraph.errors import ExportError, InputError, ModelFileError


@dataclass(frozen=True)
class Request:
    """What the command was asked for: the model file, what to write, and how."""

    model: Path
    out: Path | None = None
    onnx: Path | None = None
    mask: bool = True
    bake_normalizer: bool = False
    frames: str | None = None
    as_json: bool = False

    def check(self) -> None:
        """ExportError for files that would replace the model or each other, and for a folder that is not there."""
        for option, path in (("--out", self.out), ("--onnx", self.onnx)):
            if path is not None and path.resolve() == self.model.resolve():
                raise ExportError(f"{option} {path} is the model file itself, which would be replaced; write to another file, as net.rnng")
            if path is not None and not path.resolve().parent.is_dir():
                raise ExportError(
                    f"{option} {path}: the folder {path.parent} is not there; make it, or write elsewhere. Nothing is written"
                )
        if self.out is not None and self.onnx is not None and self.out.resolve() == self.onnx.resolve():
            raise ExportError(f"--out and --onnx are both {self.out}; write the network and its ONNX form to two files")
        if self.bake_normalizer and self.onnx is None:
            raise ExportError("--bake-normalizer writes the normalizer into the ONNX file; give --onnx net.onnx too")

    def input_type(self) -> InputType | None:
        """What comes in where the file does not tell. InputError for what is not three numbers."""
        if self.frames is None:
            return None
        try:
            height, width, channels = (int(part) for part in self.frames.split(","))
        except ValueError:
            raise InputError(f"--frames {self.frames!r}: expected height, width and channels, as --frames 28,28,1") from None
        return InputType.convolutional(height, width, channels)


def run(asked: Request) -> Findings:
    """Do what the command was asked for, and print it.

    Raises ModelFileError for a file that cannot be read as a network, after what is known of it was printed, ExportError for what cannot
    be written, InputError for other misuse; nothing is written then but what was written before.
    """
    asked.check()
    input_type = asked.input_type()
    told = _described(asked.model, input_type)
    try:
        found = _loaded(told, input_type)
    except ModelFileError as error:
        show(Findings(told, error=str(error)), asked.as_json)
        raise
    if asked.bake_normalizer and found.network is not None and found.network.normalizer is None:
        raise ExportError(f"--bake-normalizer: {asked.model} has no normalizer that could be written into the ONNX file; leave it out")
    found = _written(found, asked)
    show(found, asked.as_json)
    return found


def _described(path: Path, input_type: InputType | None) -> Description:
    try:
        return describe(path, input_type)
    except ModelFileError as error:
        if input_type is not None or "input_type=" not in str(error):
            raise
        raise ModelFileError(f"{error}. DL4J's JSON does not tell it; the option is --frames height,width,channels") from error


def show(found: Findings, as_json: bool) -> None:
    """Print it, as JSON or for people."""
    if as_json:
        typer.echo(found.to_json())
    else:
        found.print(Console())


def _loaded(told: Description, input_type: InputType | None) -> Findings:
    """The network, with what its reading tells among the notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ImportNote)
        network = load(told.path, input_type)
    new = [str(w.message) for w in caught if not any(str(w.message).endswith(note) for note in told.notes)]
    return Findings(replace(told, notes=(*told.notes, *new)), network)


def _written(found: Findings, asked: Request) -> Findings:
    """With the files that were asked for; the ONNX file is held against its golden samples."""
    net, written, report = found.network, dict[Path, str](), None
    if net is not None and asked.out is not None:
        net.save(asked.out)
        written[asked.out] = "the network"
    if net is not None and asked.onnx is not None:
        from rnngraph.exporters import export_onnx
        from rnngraph.runtime import verify

        mask, normalizer = asked.mask and bool(net.config.clocks), net.normalizer if asked.bake_normalizer else None
        export_onnx(net, asked.onnx, features_mask=mask, normalizer=normalizer)
        written[asked.onnx] = f"ONNX {'with' if mask else 'without'} a mask input" + ", takes raw values" * (normalizer is not None)
        report = verify(asked.onnx)
    return replace(found, written=written, report=report)
