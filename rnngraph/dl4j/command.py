"""``rnngraph import-dl4j``: what a model file of DL4J's holds, and what becomes of it here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from rnngraph.conf import InputType
from rnngraph.dl4j.errors import ImportNote
from rnngraph.dl4j.findings import Findings
from rnngraph.dl4j.load import load
from rnngraph.dl4j.origin import Description, describe
from rnngraph.errors import ExportError, InputError, ModelFileError
from rnngraph.graph_network import ComputationGraph
from rnngraph.inputs import OpenInputs

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
    be written, InputError for other misuse; nothing is written then but what was written before.
    """
    asked.check()
    types = asked.types()
    told = _described(asked.model, types)
    try:
        found = _loaded(told, types)
    except ModelFileError as error:
        show(Findings(told, error=str(error)), asked.as_json)
        raise
    _check_written(found, asked)
    found = _written(found, asked)
    show(found, asked.as_json)
    return found


def _described(path: Path, types: Types) -> Description:
    try:
        return describe(path, **_given(types))
    except ModelFileError as error:
        if types or "input_type=" not in str(error):
            raise
        raise ModelFileError(f"{error}. DL4J's JSON does not tell it; the option is --input height,width,channels") from error


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
