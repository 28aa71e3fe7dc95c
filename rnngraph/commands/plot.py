"""``rnngraph plot``: pictures for reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnngraph.commands.common import AsJson, errors_as_json, show_json
from rnngraph.commands.options import (
    Alignment,
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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rnngraph.runs.given import Given


def plot(
    run: Annotated[Path, typer.Argument(help="The folder of a run; of predictions also a saved network or an exported file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG to write.")],
    confusion: Annotated[bool, typer.Option("--confusion", help="How often each class was taken for which.")] = False,
    predictions: Annotated[bool, typer.Option("--predictions", help="Predictions and labels of one sequence over time.")] = False,
    sequence: Annotated[int, typer.Option(help="Which sequence --predictions shows, from 0.", min=0)] = 0,
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
    as_json: AsJson = False,
) -> None:
    """Draw the training curve of a run; or with --confusion or --predictions what its network makes of files of sequences.

    Those are, where --features does not tell, the run's own validation files.

    Example: rnngraph plot run -o curve.png

    Example: rnngraph plot run -o confusion.png --confusion

    Example: rnngraph plot run -o predictions.png --predictions --sequence 1
    """
    told = dict(locals())  # the options by their names
    from rnngraph.errors import InputError
    from rnngraph.paths import file_path
    from rnngraph.plotting.style import save, styled
    from rnngraph.runs.given import Given

    given = Given.of(told)
    with errors_as_json(as_json), styled():
        if confusion and predictions:
            raise InputError("--confusion and --predictions are two pictures; ask for one at a time")
        file_path(out, "plot", "curve.png", written=True)
        if out.suffix.lower() != ".png":
            raise InputError(f"--out {out}: pictures are PNG; give a name that ends in .png")
        made = _picture(run, given, confusion, predictions, sequence)
        save(made, out)
    if as_json:
        show_json({"path": str(out), "bytes": out.stat().st_size})
    else:
        typer.echo(f"{out}: {made.get_figwidth() * made.dpi:.0f} x {made.get_figheight() * made.dpi:.0f} pixels")


def _picture(run: Path, given: Given, confusion: bool, predictions: bool, sequence: int) -> Figure:
    from rnngraph.runs import pictures
    from rnngraph.runs.given import asked
    from rnngraph.runs.models import open_model

    if not (confusion or predictions):
        return pictures.curve(run)
    model = open_model(run)
    on = asked(given, model)
    return pictures.confusion(model, on) if confusion else pictures.predictions(model, on, sequence)
