"""What a command was told of files and how to read them; what it was not told is as in the run, or what is usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from rnngraph.errors import InputError
from rnngraph.runs.files import Pair, divided, numbers_of, pairs
from rnngraph.runs.record import Files, Plan, Reading

if TYPE_CHECKING:
    from rnngraph.runs.models import Model

Usual = Callable[[bool, int | None], Reading]
"""How a network's labels are read, by whether they were said to be numbers, or of how many classes."""


@dataclass(frozen=True)
class Given:
    """The options of :mod:`rnngraph.commands.options`, under their names there; None where one was not given."""

    features: str | None = None
    labels: str | None = None
    numbers: str | None = None
    label_column: int | None = None
    regression: bool = False
    classes: int | None = None
    alignment: str | None = None
    skip_lines: int | None = None
    label_skip_lines: int | None = None
    delimiter: str | None = None
    encoding: str | None = None
    nan: str | None = None
    class_labels: tuple[str, ...] | None = None
    batch_size: int | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Given:
        """Those of a command's parameters that are among them; names and the delimiter are text there."""
        told = {field.name: options[field.name] for field in fields(cls) if field.name in options}
        return cls(**{**told, "delimiter": separator(told["delimiter"]), "class_labels": names(told["class_labels"])})

    def files(self, before: Files | None = None) -> Files:
        """Where the sequences are. InputError where nobody said."""
        if self.labels is not None and self.label_column is not None:
            raise InputError(f"--labels {self.labels} and --label-column {self.label_column}: give one, labels stand in one place")
        if self.features is None:
            if before is None or self.labels is not None or self.numbers is not None:
                raise InputError("--features is missing; say where the sequences are: --features 'f_%d.csv', a glob, a folder or a file")
            return before
        return Files(self.features, self.labels, numbers_of(self.numbers, "--range"))

    def reading(self, usual: Usual, before: Reading | None = None) -> Reading:
        """How files are read; what was not given is as ``before``, or as ``usual`` says."""
        base = usual(self.regression, self.classes)
        if before is not None and not self.regression and self.classes is None:
            base = before
        elif before is not None:
            base = replace(before, task=base.task, classes=base.classes)
        told = {name: getattr(self, name) for name in ("alignment", "skip_lines", "label_skip_lines", "delimiter", "encoding", "nan")}
        column = base.label_column if self.label_column is None and self.labels is None else self.label_column
        return replace(base, label_column=column, **{name: value for name, value in told.items() if value is not None})


def names(text: str | None) -> tuple[str, ...] | None:
    """The names in ``"low,mid,high"``."""
    return None if text is None else tuple(one.strip() for one in text.split(","))


def separator(text: str | None) -> str | None:
    """The character that ``--delimiter`` means."""
    return "\t" if text in ("\\t", "tab") else text


def check_labels(files: Files, reading: Reading) -> None:
    """InputError where nobody said where the labels are."""
    if files.labels is None and reading.label_column is None:
        raise InputError(
            f"--features {files.features}: where are the labels? Give their files, --labels 'l_%d.csv', or their column, --label-column 0"
        )


@dataclass(frozen=True)
class Asked:
    """Sequences to evaluate, and how; ``files`` says in words which they are."""

    pairs: Sequence[Pair]
    files: str
    reading: Reading
    batch_size: int
    class_labels: tuple[str, ...] | None


def asked(given: Given, model: Model) -> Asked:
    """What ``model`` is to be evaluated on: the files that were given, or those that its run held back."""
    plan = None if model.record is None else model.record.plan
    reading = given.reading(model.reading, None if plan is None else plan.reading)
    found, words = _held_back(plan, model) if given.features is None and plan is not None else _given(given, reading)
    usual = 32 if plan is None else plan.batch_size
    labels = given.class_labels or model.labels or (None if plan is None else plan.class_labels)
    return Asked(found, words, reading, given.batch_size or usual, labels)


def _held_back(plan: Plan, model: Model) -> tuple[list[Pair], str]:
    """The sequences of a run's validation."""
    held = divided(plan)[1]
    if not held:
        raise InputError(f"{model.path}: its run held no sequences back for validation; say which to use: --features 'f_%d.csv'")
    return held, "the run's validation"


def _given(given: Given, reading: Reading) -> tuple[list[Pair], str]:
    files = given.files()
    check_labels(files, reading)
    return pairs(files), files.features
