"""``rnngraph verify``: whether an exported file computes what its network computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rnngraph.commands.common import OFF, AsJson, Model, errors_as_json


def verify(
    model: Model,
    net: Annotated[Path | None, typer.Option(help="The saved network (.rnng) or run that it was exported from, to compare with.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, auto, or all that work here.")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Check that a file computes what its network computed; exit code 1 where a number is off.

    Example: rnngraph verify net.onnx

    Example: rnngraph verify net.onnx --net run --device all
    """
    from rnngraph.runtime import verify as run

    with errors_as_json(as_json):
        report = run(model, _network(net), device)  # type: ignore[call-overload]  # verify checks the name and says which there are
    typer.echo(report.to_json() if as_json else str(report))
    if not report:
        raise typer.Exit(OFF)


def _network(path: Path | None) -> Any:
    """The saved network at ``path``."""
    if path is None:
        return None
    from rnngraph.runs.networks import load_network, network_file

    return load_network(network_file(path))
