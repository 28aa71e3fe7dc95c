"""``rnngraph verify``: whether an exported file computes what its network computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnngraph.commands.common import OFF, AsJson, Model, errors_as_json, in_options
from rnngraph.errors import InputError

if TYPE_CHECKING:
    from rnngraph.runtime import DeviceReports, ParityReport


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

    with errors_as_json(as_json), _named(net):
        report = run(model, _network(net), device)  # type: ignore[call-overload]  # verify checks the name and says which there are
    report = _advised(report)
    typer.echo(report.to_json() if as_json else str(report))
    if not report:
        raise typer.Exit(OFF)


@contextmanager
def _named(net: Path | None) -> Iterator[None]:
    """Say --net and its file where an error is about the argument ``net``."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if net is None or not text.startswith("net: "):
            raise
        raise InputError(f"--net {net}: {text.removeprefix('net: ')}") from error


def _advised(report: ParityReport | DeviceReports) -> ParityReport | DeviceReports:
    """The report with what it advises as options."""
    from rnngraph.runtime import ParityReport

    if isinstance(report, ParityReport):
        return report
    return replace(report, left_out={device: in_options(why) for device, why in report.left_out.items()})


def _network(path: Path | None) -> Any:
    """The saved network at ``path``."""
    if path is None:
        return None
    from rnngraph.runs.networks import load_network, network_file

    return load_network(network_file(path))
