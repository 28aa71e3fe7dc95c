"""Which columns of the tables that are read are features and which are labels, and labels as outputs.

1. Two readers: all columns of the first are features. Labels are the only column of the second, or that of ``label_index``, as classes; all
   of its columns, for regression.
2. One reader: classes are the column ``label_index``, all others are features. For regression on several columns, labels are the columns
   from ``label_index`` to the last, and features those before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rnngraph.checks import is_count
from rnngraph.data.record_reader import Tables
from rnngraph.errors import InputError
from rnngraph.names import shown


class Place(Protocol):
    """What to call a label by its row, step and column."""

    def __call__(self, row: int, step: int, column: int = 0) -> str:
        """The name."""


@dataclass(frozen=True)
class Targets:
    """What labels are; ``apart`` says whether they come from a reader of their own. InputError for settings that mean nothing."""

    n_classes: int | None
    regression: bool
    label_index: int | None
    apart: bool

    def __post_init__(self) -> None:
        if not isinstance(self.regression, bool):
            raise InputError(f"regression is {shown(self.regression)}; expected True (labels are numbers) or False (classes)")
        if self.n_classes is not None and not is_count(self.n_classes):
            raise InputError(f"n_classes is {shown(self.n_classes)}; expected the number of classes, at least 1")
        if self.n_classes is None and not self.regression:
            raise InputError("n_classes is None; expected the number of classes, or regression=True where labels are numbers")
        if self.label_index is None and not self.apart:
            raise InputError(
                "one reader and no label_index; give the column of the labels, counted from 0, -1 for the last, or a second reader for "
                "them. Features alone are no DataSet: iterate over the reader, as net.output takes them"
            )
        if self.label_index is not None and not is_count(self.label_index, -1):
            raise InputError(f"label_index is {shown(self.label_index)}; expected a column, counted from 0, or -1 for the last")

    def features(self, columns: int, name: str) -> list[int]:
        """The columns of features among so many; ``name`` is the sequence's."""
        if self.apart:
            return list(range(columns))
        labels = self.labels(columns, name)
        several = self.regression and len(labels) > 1
        found = list(range(labels[0])) if several else [k for k in range(columns) if k != labels[0]]
        if not found:
            raise InputError(f"{name} has {columns} columns, all of them labels (label_index={self.label_index}); expected features too")
        return found

    def labels(self, columns: int, name: str) -> list[int]:
        """The columns of labels among so many."""
        count = (self.n_classes or 1) if self.regression and not self.apart else 1
        if self.label_index is None:
            return self._whole(columns, name)
        first = self.label_index if self.label_index >= 0 else columns - count
        if not 0 <= first < columns:
            raise InputError(f"label_index is {self.label_index}, but {name} has {columns} columns, counted from 0")
        if count > 1 and first + count != columns:
            raise InputError(
                f"n_classes is {count}, but from column label_index={self.label_index} to the last {name} has {columns - first} of its "
                f"{columns} columns; with regression those are the labels: they stand last, and n_classes is their number"
            )
        return list(range(first, first + count))

    def _whole(self, columns: int, name: str) -> list[int]:
        """The columns of a reader that has labels alone."""
        if not self.regression and columns > 1:
            raise InputError(
                f"{name} has {columns} columns; expected one, the class: label_index says which column it is, regression=True that all "
                "are labels"
            )
        if self.regression and self.n_classes not in (None, columns):
            raise InputError(f"n_classes is {self.n_classes}, but {name} has {columns} columns; with regression=True it may be left out")
        return list(range(columns))

    def outputs(self, tables: Tables, place: Place, unknown: bool = False) -> Tables:
        """Classes [T_k, 1] as one-hot rows [T_k, C], of NaN where one is not finite and may be ``unknown``; regression's as they are.

        InputError for what is no class, which ``place`` names by its row and step.
        """
        if self.regression:
            return tables
        assert self.n_classes is not None
        given = np.concatenate(tables)[:, 0] if isinstance(tables, list) else tables[:, :, 0].reshape(-1)
        known = np.isfinite(given)
        right = (given >= 0) & (given < self.n_classes) & (given == np.floor(given))
        wrong = ~(right | ~known) if unknown else ~right
        if wrong.any():
            at, ends = int(wrong.argmax()), np.cumsum([len(table) for table in tables])
            row = int(np.searchsorted(ends, at, side="right"))
            raise InputError(f"{place(row, at - int(ends[row] - len(tables[row])))} is {self._class(given[at])}")
        rows = np.zeros((len(given), self.n_classes), np.float32)
        rows[np.flatnonzero(known), given[known].astype(np.intp)] = 1
        rows[~known] = np.nan
        if isinstance(tables, np.ndarray):
            return rows.reshape(*tables.shape[:2], -1)
        return np.split(rows, np.cumsum([len(table) for table in tables[:-1]]))

    def _class(self, value: np.floating) -> str:
        """What is wrong with a class."""
        if not np.isfinite(value):
            return f"{value}, which is no class; expected 0 to {(self.n_classes or 1) - 1}: nan='mask' leaves such a step out"
        said = f"class {value:g}" if value == np.floor(value) else f"{value:g}, which is no class"
        return f"{said}; expected 0 to {(self.n_classes or 1) - 1}, because n_classes is {self.n_classes}: classes count from 0"


def check_constant(tables: Tables, place: Place) -> None:
    """InputError where the labels [T_k, C] of a sequence are not the same at all of its steps."""
    for row, table in enumerate(tables):
        differs = (table != table[-1]) & ~(np.isnan(table) & np.isnan(table[-1]))
        if differs.any():
            step, column = np.argwhere(differs)[0].tolist()
            raise InputError(
                f"{place(row, step, column)} is {table[step, column]:g}, at the last step it is {table[-1, column]:g}; "
                "per_sequence=True expects one label for the whole sequence"
            )
