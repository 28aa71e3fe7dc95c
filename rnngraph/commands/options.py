"""Options of several commands that read files of sequences. None is what was not given: then it is as in the run, or as its help says."""

from __future__ import annotations

from typing import Annotated

import typer

_DATA, _FORM = "Files", "How files are read"

Features = Annotated[
    str | None,
    typer.Option(
        help="Files of features, one a sequence: 'f_%d.csv', 'data/*.csv', a folder or a file.",
        metavar="FILES",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        help="Files of labels, one for each of features; left out where --label-column tells.",
        metavar="FILES",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
Range = Annotated[
    str | None,
    typer.Option(
        "--range",
        metavar="A:B",
        help="The numbers for %d, both included, as 0:99.",
        rich_help_panel=_DATA,
        show_default="those that are there",
    ),
]
LabelColumn = Annotated[
    int | None,
    typer.Option(
        help="The column of the label in the files of features, from 0; -1 is the last.",
        metavar="N",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
Regression = Annotated[
    bool,
    typer.Option("--regression", help="Labels are numbers as they are, whatever the loss.", rich_help_panel=_FORM, show_default=False),
]
Classes = Annotated[
    int | None,
    typer.Option(
        help="Labels are class numbers below N, whatever the loss.", metavar="N", min=1, rich_help_panel=_FORM, show_default="by the loss"
    ),
]
Alignment = Annotated[
    str | None,
    typer.Option(
        help="Where labels stand that are fewer than steps: align_end, align_start or equal_length.",
        metavar="HOW",
        rich_help_panel=_FORM,
        show_default="align_end",
    ),
]
SkipLines = Annotated[
    int | None,
    typer.Option(help="Lines at the beginning of each file that are no data.", metavar="N", min=0, rich_help_panel=_FORM, show_default="0"),
]
LabelSkipLines = Annotated[
    int | None,
    typer.Option(help="The same of the files of --labels.", metavar="N", min=0, rich_help_panel=_FORM, show_default="that of --skip-lines"),
]
Delimiter = Annotated[
    str | None, typer.Option(help="What separates columns, one character, or tab.", metavar="CHAR", rich_help_panel=_FORM, show_default=",")
]
Encoding = Annotated[
    str | None, typer.Option(help="How text stands in the files, as latin-1.", metavar="NAME", rich_help_panel=_FORM, show_default="utf-8")
]
NaN = Annotated[
    str | None,
    typer.Option(
        "--nan", metavar="HOW", help="What becomes of NaN and infinity: error, zero or mask.", rich_help_panel=_FORM, show_default="error"
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--class-labels",
        metavar="NAMES",
        help="Names of the classes or outputs, as low,mid,high.",
        rich_help_panel=_FORM,
        show_default="their numbers",
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(help="Sequences in a minibatch.", metavar="N", min=1, rich_help_panel=_FORM, show_default="32")
]
