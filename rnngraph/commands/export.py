"""``rnngraph export``: a saved network as ONNX."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rnngraph.commands.common import AsJson, errors_as_json, show_json
from rnngraph.errors import ExportError

_PANEL = "The form of the file"


def export(
    network: Annotated[Path, typer.Argument(help="A network saved by net.save (.rnng), or the folder of a run of rnngraph train.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The ONNX file to write.")],
    normalizer: Annotated[bool, typer.Option("--normalizer", help="Write the network's normalizer into the file.")] = False,
    class_labels: Annotated[str | None, typer.Option(help="Names of the outputs in their order, as low,mid,high.")] = None,
    features_mask: Annotated[bool, typer.Option("--features-mask", help="Give the file a mask input.", rich_help_panel=_PANEL)] = False,
    streaming: Annotated[bool, typer.Option("--streaming", help="Refuse a network that cannot stream.", rich_help_panel=_PANEL)] = False,
    steps: Annotated[int | None, typer.Option(help="1 writes the straight-line form of one step.", rich_help_panel=_PANEL)] = None,
    batch: Annotated[int | None, typer.Option(help="Fix the number of rows.", rich_help_panel=_PANEL)] = None,
    target: Annotated[str, typer.Option(help="portable (CPU and CUDA) or cpu.", rich_help_panel=_PANEL)] = "portable",
    precision: Annotated[
        str | None, typer.Option(help="Store weights as float16, bfloat16 or int8, and tell what that costs.", rich_help_panel=_PANEL)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a saved network as ONNX, with golden samples beside it.

    Example: rnngraph export net.rnng -o net.onnx --features-mask

    Example: rnngraph export run -o net.onnx --normalizer --features-mask

    Example: rnngraph export net.rnng -o small.onnx --precision int8
    """
    from rnngraph.commands.tables import precision_lines
    from rnngraph.exporters import export_onnx
    from rnngraph.file_format import golden_folder
    from rnngraph.runs.given import names
    from rnngraph.runs.networks import labels_beside, load_network, network_file
    from rnngraph.runtime import read_manifest

    with errors_as_json(as_json):
        saved = network_file(network)
        if out.resolve() == saved.resolve():
            raise ExportError(
                f"--out {out} is the saved network itself, which the export would replace; write to another file, as net.onnx"
            )
        net = load_network(saved)
        if normalizer and net.normalizer is None:
            raise ExportError(f"--normalizer: {saved} was saved without one; set net.normalizer before net.save, or leave --normalizer out")
        export_onnx(
            net,
            out,
            target=target,  # type: ignore[arg-type]  # export_onnx checks the name and says which there are
            features_mask=features_mask,
            streaming=True if streaming else None,
            steps=steps,  # type: ignore[arg-type]
            batch=batch,
            class_labels=names(class_labels) or labels_beside(saved),
            normalizer=net.normalizer if normalizer else None,
            precision=precision,  # type: ignore[arg-type]
        )
    if net.normalizer is not None and not normalizer:
        typer.echo(
            f"rnngraph: {saved} has a normalizer and {out} was written without it: it takes values that are normalised already; "
            "--normalizer puts it inside",
            err=True,
        )
    size, golden = out.stat().st_size, golden_folder(out)
    cost = None if precision in (None, "float32") else read_manifest(out)
    if as_json:
        told = {} if cost is None or cost.precision is None else {"precision": asdict(cost.precision)}
        show_json({"path": str(out), "bytes": size, "golden": str(golden), "network": str(saved), **told})
    else:
        typer.echo("\n".join([f"{out}: {size} bytes; golden samples in {golden}", *([] if cost is None else precision_lines(cost))]))
