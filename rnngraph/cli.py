"""The command line: which commands there are, and what becomes of an error."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from rnngraph import __version__
from rnngraph.commands.common import FAILED, paragraphs, told
from rnngraph.commands.evaluate import evaluate
from rnngraph.commands.export import export
from rnngraph.commands.import_dl4j import import_dl4j
from rnngraph.commands.inspect import inspect
from rnngraph.commands.plot import plot
from rnngraph.commands.stream import stream
from rnngraph.commands.train import train
from rnngraph.commands.verify import verify
from rnngraph.errors import RnnGraphError

app = typer.Typer(no_args_is_help=True, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnngraph {__version__}")
        raise typer.Exit


@app.callback()
def rnngraph(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Train, evaluate, export and stream recurrent networks."""


for command in (train, evaluate, plot, export, inspect, verify, stream, import_dl4j):
    app.command(command.__name__.replace("_", "-"), help=paragraphs(command.__doc__ or ""))(command)


def main() -> None:
    """The entry point: an error of ours, or of a file's, is one line on stderr and exit code 2; so is a warning, without the latter."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda warning, *place, **more: typer.echo(f"rnngraph: {told(Exception(warning))}", err=True)
            app(prog_name="rnngraph")
    except (RnnGraphError, OSError) as error:
        typer.echo(f"rnngraph: {told(error)}", err=True)
        raise SystemExit(FAILED) from None
