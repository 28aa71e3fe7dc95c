"""``rnngraph evaluate``: how good a network is on files of sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnngraph.commands.common import AsJson, errors_as_json, show_json
from rnngraph.commands.options import (
    Alignment,
    BatchSize,
    Classes,
    Delimiter,
    Encoding,
    Features,
    LabelColumn,
    Labels,
    LabelSkipLines,
    Names,
    NaN,
    Range,
    Regression,
    SkipLines,
)

Trained = Annotated[Path, typer.Argument(help="The folder of a run, a saved network (.rnng) or an exported file (.onnx).")]


def evaluate(
    model: Trained,
    features: Features = None,
    labels: Labels = None,
    numbers: Range = None,
    label_column: LabelColumn = None,
    regression: Regression = False,
    classes: Classes = None,
    alignment: Alignment = None,
    skip_lines: SkipLines = None,
    label_skip_lines: LabelSkipLines = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    nan: NaN = None,
    class_labels: Names = None,
    batch_size: BatchSize = None,
    roc: Annotated[bool, typer.Option("--roc", help="The areas under the curves too, of classes and of yes or no.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell how good a network is on files of sequences.

    Files are read as those of the run were, and the network's normalizer is applied; what is given here comes first. Without --features
    they are the run's own validation files. An exported file needs no torch.

    Example: rnngraph evaluate run --features 'f_%d.csv' --labels 'l_%d.csv'

    Example: rnngraph evaluate run --json
    """
    told = dict(locals())  # the options by their names
    from rnngraph.runs import evaluating
    from rnngraph.runs.given import Given, asked
    from rnngraph.runs.models import open_model

    with errors_as_json(as_json):
        given = Given.of(told)
        opened = open_model(model)
        on = asked(given, opened)
        found = evaluating.evaluate(opened, on.pairs, on.reading, on.batch_size, on.class_labels, roc)
    if as_json:
        show_json({"network": str(opened.path), "sequences": len(on.pairs), **evaluating.as_json(found)})
        return
    typer.echo(f"{opened.path} on {len(on.pairs)} sequences of {on.files}\n")
    typer.echo("\n\n".join(one.stats().strip("\n") for one in found))
