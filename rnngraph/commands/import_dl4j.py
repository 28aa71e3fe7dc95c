"""``rnngraph import-dl4j``: what may be asked of it. What it does stands in :mod:`rnngraph.dl4j.command`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnngraph.commands.common import OFF, AsJson


def import_dl4j(
    model: Annotated[Path, typer.Argument(help="A model file that Deeplearning4j's ModelSerializer wrote.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The network to write (.rnng); left out: only look.")] = None,
    onnx: Annotated[Path | None, typer.Option("--onnx", help="The ONNX file to write and to check.")] = None,
    mask: Annotated[bool, typer.Option(help="Give the ONNX file a mask input, as programs for DL4J feed masks.")] = True,
    bake_normalizer: Annotated[bool, typer.Option("--bake-normalizer", help="Write the normalizer into the ONNX file.")] = False,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="What comes in where the file does not tell: 28,28,1 (height, width, channels), in a graph a=12."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a model of Deeplearning4j's, and write it as a network and as ONNX.

    Exit code 1 where a number of the ONNX file is off, 2 where the model cannot be read; the message then names what is lacking.

    Example: rnngraph import-dl4j model.zip -o net.rnng
    """
    from rnngraph.dl4j.command import Request, run

    found = run(Request(model, out, onnx, mask, bake_normalizer, tuple(inputs or ()), as_json))
    if found.report is not None and not found.report:
        raise typer.Exit(OFF)
