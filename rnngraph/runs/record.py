"""``run.json``: what a run was asked for, so that it can go on, be evaluated and plotted without saying it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from rnngraph import __version__
from rnngraph.errors import ModelFileError
from rnngraph.files import atomic_write

FORMAT = 1
"""The newest form of ``run.json`` that this version reads."""
Task = Literal["classification", "binary", "regression"]
"""One class of several; a yes or no of each output; numbers."""
Numbers = tuple[int, int]
"""First and last number of files, both included."""


@dataclass(frozen=True)
class Files:
    """Where sequences are: patterns with %d, globs, folders or files; ``labels`` None where both stand in the same files."""

    features: str
    labels: str | None = None
    numbers: Numbers | None = None


@dataclass(frozen=True)
class Reading:
    """How files become DataSets of labels in ``outputs`` columns.

    ``classes`` is None where labels are numbers, not those of classes; with ``per_sequence`` a sequence has one label. Of files of labels
    ``label_skip_lines`` are left out, where that is None as many as of the others.
    """

    task: Task
    outputs: int
    classes: int | None = None
    per_sequence: bool = False
    label_column: int | None = None
    alignment: str = "align_end"
    skip_lines: int = 0
    label_skip_lines: int | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    nan: str = "error"


@dataclass(frozen=True)
class Validation:
    """Which sequences are held back: files of their own, or of the training files those of some numbers, or a share drawn by the seed."""

    files: Files | None = None
    numbers: Numbers | None = None
    share: float | None = None


@dataclass(frozen=True)
class Plan:
    """All that a run was asked for, besides the network."""

    files: Files
    reading: Reading
    validation: Validation | None = None
    batch_size: int = 32
    seed: int = 0
    normalize: str | None = None
    normalize_labels: bool = False
    class_labels: tuple[str, ...] | None = None
    epochs: int = 10
    patience: int | None = None
    target: float | None = None
    max_minutes: float | None = None
    checkpoint_every: int | None = None
    checkpoint_minutes: float | None = None
    keep_last: int = 3
    tensorboard: bool = False


@dataclass(frozen=True)
class Record:
    """The content of ``run.json``: the plan, and how it ended, empty before it has."""

    plan: Plan
    result: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it whole, or leave what stood there."""
        content = {"format": FORMAT, "producer": f"rnngraph {__version__}", "plan": asdict(self.plan), "result": dict(self.result)}
        with atomic_write(path) as file:
            file.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """ModelFileError for a file that is missing, of a newer version, or not as :meth:`write` leaves it."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] > FORMAT:
                raise ModelFileError(
                    f"{path} has format {content['format']}, written by {content.get('producer')}; this version of rnngraph reads up to "
                    f"{FORMAT}: run pip install --upgrade rnngraph"
                )
            return cls(_plan(content["plan"]), content["result"])
        except FileNotFoundError as error:
            raise ModelFileError(f"{path} is not there; {path.parent} is no folder of a run of rnngraph train") from error
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ModelFileError):
                raise
            raise ModelFileError(f"{path} is not as rnngraph train writes it ({type(error).__name__}: {error})") from error


def _plan(told: Mapping[str, Any]) -> Plan:
    held = told["validation"]
    validation = None if held is None else Validation(_files(held["files"]), _numbers(held["numbers"]), held["share"])
    files = _files(told["files"])
    if files is None:
        raise ValueError("files is null")
    names = None if told["class_labels"] is None else tuple(told["class_labels"])
    return Plan(**{**told, "files": files, "class_labels": names, "reading": Reading(**told["reading"]), "validation": validation})


def _files(told: Mapping[str, Any] | None) -> Files | None:
    return None if told is None else Files(told["features"], told["labels"], _numbers(told["numbers"]))


def _numbers(told: list[int] | None) -> Numbers | None:
    return None if told is None else (int(told[0]), int(told[1]))
