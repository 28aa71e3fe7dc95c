"""What commands share: arguments of the same meaning, exit codes, JSON."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rnngraph.errors import RnnGraphError

OFF, FAILED = 1, 2
"""Exit codes: a check found a number off; an error. 0 is fine."""
Model = Annotated[Path, typer.Argument(help="A file written by export_onnx.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def show_json(content: Mapping[str, Any]) -> None:
    """Print ``content``; what JSON cannot hold, NaN and infinity, has to be null in it already."""
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


@contextmanager
def errors_as_json(as_json: bool) -> Iterator[None]:
    """Tell an error of ours as ``{"error": ...}`` too where JSON was asked for; it goes on to the exit code."""
    try:
        yield
    except (RnnGraphError, OSError) as error:
        if as_json:
            show_json({"error": told(error)})
        raise


def told(error: Exception) -> str:
    """An error in one line: of the system's the file and what is the matter with it."""
    if isinstance(error, OSError) and not isinstance(error, RnnGraphError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    return in_options(" ".join(str(error).split("\n")))


def in_options(text: str) -> str:
    """A message with options in the place of the arguments that it advises."""
    for pattern, option in _OPTIONS:
        text = re.sub(pattern, option, text)
    return text


_OPTIONS = (
    (r"CSVSequenceRecordReader\((encoding|delimiter)='([^']*)'\)", r"--\1 '\2'"),
    (r"\b(nan|alignment|device|target)=(['\"])(\w+)\2", r"--\1 \3"),
    (r"\bskip_lines is (\d+)", r"--skip-lines is \1"),
    (r"\blabel_index is (-?\d+)", r"--label-column is \1"),
    (r"export_onnx\(net, path, features_mask=True\)|\bfeatures_mask=True", "--features-mask"),
)
"""What messages advise programs to write, and how it is written here."""


def paragraphs(text: str) -> str:
    """A docstring for a screen of any width: each paragraph is one line, but for examples, whose lines stay."""
    found = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(one if one.startswith("Example") else " ".join(one.split("\n")) for one in found)
