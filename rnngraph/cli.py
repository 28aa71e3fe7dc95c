"""The command line: export, inspect, verify and import-dl4j."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnngraph import __version__
from rnngraph.errors import ExportError, RnnGraphError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnngraph.base_network import Network
    from rnngraph.runtime import Manifest

app = typer.Typer(no_args_is_help=True, add_completion=False)
Model = Annotated[Path, typer.Argument(help="A file written by export_onnx.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnngraph {__version__}")
        raise typer.Exit


@app.callback()
def rnngraph(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Train, export and stream recurrent networks."""


@app.command()
def export(
    network: Annotated[Path, typer.Argument(help="A network saved by net.save (.rnng).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The ONNX file to write.")],
    target: Annotated[str, typer.Option(help="portable (CPU and CUDA) or cpu.")] = "portable",
    features_mask: Annotated[bool, typer.Option("--features-mask", help="Give the file a mask input.")] = False,
    streaming: Annotated[bool, typer.Option("--streaming", help="Refuse a network that cannot stream.")] = False,
    steps: Annotated[int | None, typer.Option(help="1 writes the straight-line form of one step.")] = None,
    batch: Annotated[int | None, typer.Option(help="Fix the number of rows.")] = None,
    normalizer: Annotated[bool, typer.Option("--normalizer", help="Write the network's normalizer into the file.")] = False,
    class_labels: Annotated[str | None, typer.Option(help="Names of the outputs in their order, as low,mid,high.")] = None,
) -> None:
    """Write a saved network as ONNX. Example: rnngraph export net.rnng -o net.onnx --features-mask"""
    from rnngraph.exporters import export_onnx

    if out.resolve() == network.resolve():
        raise ExportError(f"--out {out} is the saved network itself, which the export would replace; write to another file, as net.onnx")
    net = _load(network)
    if normalizer and net.normalizer is None:
        raise ExportError(f"--normalizer: {network} was saved without one; set net.normalizer before net.save, or leave --normalizer out")
    export_onnx(
        net,
        out,
        target=target,  # type: ignore[arg-type]  # export_onnx checks the name and says which there are
        features_mask=features_mask,
        streaming=True if streaming else None,
        steps=steps,  # type: ignore[arg-type]
        batch=batch,
        class_labels=None if class_labels is None else [one.strip() for one in class_labels.split(",")],
        normalizer=net.normalizer if normalizer else None,
    )
    typer.echo(f"{out}: {out.stat().st_size} bytes; golden samples in {out}.golden")


def _load(path: Path) -> Network:
    """The network that a file holds, of whichever class it is."""
    from rnngraph.conf import MultiLayerConfiguration
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.serialization import read_network

    in_a_row = isinstance(read_network(path).config, MultiLayerConfiguration)
    return MultiLayerNetwork.load(path) if in_a_row else ComputationGraph.load(path)


@app.command()
def inspect(model: Model, as_json: AsJson = False) -> None:
    """Show what goes into a file, what comes out and which state it has. Example: rnngraph inspect net.onnx"""
    from rnngraph.runtime import read_manifest

    manifest = read_manifest(model)
    if as_json:
        typer.echo(json.dumps(asdict(manifest), indent=2))
        return
    console = Console()
    console.print(ports_table(manifest))
    console.print(layers_table(manifest))
    for line in facts(manifest):
        console.print(line, highlight=False)


def ports_table(manifest: Manifest) -> Table:
    """The inputs and outputs of a manifest, states beside their initial values, inputs of a graph beside their masks."""
    initial = {s.input: f"{s.initial:g}" for s in manifest.states}
    masks = {p.name: p.mask or "" for p in manifest.ports("input")}
    table = Table(title="inputs and outputs")
    for column in ("", "name", "role", "shape", "type", "starts as", *(["mask"] * manifest.is_graph)):
        table.add_column(column)
    for side, ports in (("in", manifest.inputs), ("out", manifest.outputs)):
        for port in ports:
            shape = escape(f"[{', '.join(map(str, port.shape))}]")
            mask = [escape(masks.get(port.name, ""))] * manifest.is_graph
            table.add_row(side, escape(port.name), port.role, shape, port.data_type, initial.get(port.name, ""), *mask)
    return table


def layers_table(manifest: Manifest) -> Table:
    """The layers of a manifest: of a wrapper what it wraps, and what each does at masked steps."""
    table = Table(title="layers")
    for column in ("", *(["name"] * manifest.is_graph), "type", "n_in", "n_out", "activation", "gates", "masked steps", "streams"):
        table.add_column(column)
    for layer in manifest.layers:
        cells = [layer.get(key, "") for key in ("n_in", "n_out", "activation", "gate_activation", "mask_mode")]
        name = [escape(str(layer.get("name", "")))] * manifest.is_graph
        table.add_row(str(layer["index"]), *name, _type(layer), *map(str, cells), "no" if layer.get("streams") is False else "yes")
    return table


def _type(layer: Mapping[str, Any]) -> str:
    return f"{layer['type']}({layer['layer']})" if "layer" in layer else str(layer["type"])


def facts(manifest: Manifest) -> list[str]:
    """What a manifest says besides its ports and layers, a line each."""
    streams = "yes" if manifest.streams else f"no: {manifest.why_not}"
    inputs = manifest.ports("input")
    timed = any(p.time_axis is not None for p in inputs)
    none = "none: export with features_mask=True" if timed else "none: there is no time axis"
    read = ", ".join(escape(p.name) for p in inputs if p.padding_is_read)
    padding = [f"padding     is read: {read} has to be finite at masked steps too"] if read else []
    labels = [
        f"classes     {f'{escape(p.name)}: ' if manifest.is_graph else ''}{escape(', '.join(p.class_labels))}"
        for p in manifest.ports("output")
        if p.class_labels is not None
    ]
    normalizer = [f"normalizer  {line}" for line in _units(manifest)]
    return [
        f"parameters  {manifest.parameters_count}, sha-256 {manifest.parameters_sha256[:16]}",
        f"streams     {streams}",
        f"mask        {manifest.mask.rule or none}",
        *padding,
        f"time        {manifest.time.rule}",
        *normalizer,
        *labels,
        f"target      {manifest.target}, written by {manifest.producer}",
    ]


def _units(manifest: Manifest) -> list[str]:
    """What a normalizer inside the file does, a line each."""
    told = manifest.normalizer or {}
    takes = [f"{name} takes raw values: {_kind(one)}" for name, one in told.get("inputs", {}).items()]
    return takes + [f"{name} gives raw values: {_kind(one)} undone" for name, one in told.get("outputs", {}).items()]


def _kind(statistics: Mapping[str, Any]) -> str:
    """The type of statistics, and of how many columns they are."""
    columns = next(len(values) for values in statistics.values() if isinstance(values, list))
    return f"{statistics['type']} of {columns} columns"


@app.command()
def verify(model: Model, device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu", as_json: AsJson = False) -> None:
    """Check that a file computes what its network computed; exit code 1 where a number is off. Example: rnngraph verify net.onnx"""
    from rnngraph.runtime import verify as run

    report = run(model, device=device)  # type: ignore[arg-type]  # verify checks the name and says which there are
    typer.echo(report.to_json() if as_json else str(report))
    if not report:
        raise typer.Exit(1)


@app.command("import-dl4j")
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
    """Show a model of Deeplearning4j's, and write it as a network and as ONNX. Example: rnngraph import-dl4j model.zip -o net.rnng

    Exit code 1 where a number of the ONNX file is off, 2 where the model cannot be read; the message then names what is lacking.
    """
    from rnngraph.dl4j.command import Request, run

    found = run(Request(model, out, onnx, mask, bake_normalizer, tuple(inputs or ()), as_json))
    if found.report is not None and not found.report:
        raise typer.Exit(1)


def main() -> None:
    """The entry point: an error of ours is one line on stderr and exit code 2."""
    try:
        app()
    except RnnGraphError as error:
        typer.echo(f"rnngraph: {error}", err=True)
        raise SystemExit(2) from None
