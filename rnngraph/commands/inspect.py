"""``rnngraph inspect``: what an exported file takes, gives and holds."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from rnngraph.commands.common import AsJson, Model, errors_as_json


def inspect(model: Model, as_json: AsJson = False) -> None:
    """Show what goes into a file, what comes out and which state it has.

    Example: rnngraph inspect net.onnx
    """
    from rnngraph.runtime import read_manifest

    with errors_as_json(as_json):
        manifest = read_manifest(model)
    if as_json:
        typer.echo(json.dumps(asdict(manifest), indent=2))
        return
    from rich.console import Console

    from rnngraph.commands.tables import facts, layers_table, ports_table

    console = Console()
    console.print(ports_table(manifest))
    console.print(layers_table(manifest))
    for line in facts(manifest):
        console.print(line, highlight=False)
