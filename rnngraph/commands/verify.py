"""``rnngraph verify``: whether an exported file computes what its network computed."""

from __future__ import annotations

from typing import Annotated

import typer

from rnngraph.commands.common import AsJson, Model, errors_as_json


def verify(
    model: Model,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Check that a file computes what its network computed; exit code 1 where a number is off.

    Example: rnngraph verify net.onnx
    """
    from rnngraph.runtime import verify as run

    with errors_as_json(as_json):
        report = run(model, device=device)  # type: ignore[arg-type]  # verify checks the name and says which there are
    typer.echo(report.to_json() if as_json else str(report))
    if not report:
        raise typer.Exit(1)
