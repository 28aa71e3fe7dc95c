"""The rows that an evaluation counts: labels and predictions without their time axis and without what a mask leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_labels_mask, as_numeric, masks_outputs
from rnngraph.errors import InputError

REMEDY = "mask these rows"


@dataclass(frozen=True)
class Rows:
    """``labels`` and ``predictions`` [R, C] of the R rows that count; ``counts`` [R, C] says which of their outputs do, None for all."""

    labels: np.ndarray
    predictions: np.ndarray
    counts: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def counting(self) -> np.ndarray:
        """Which outputs count, [R, C]."""
        return np.ones(self.labels.shape, bool) if self.counts is None else self.counts

    def check_numbers(self, *, finite: bool) -> None:
        """InputError where labels or predictions that count are NaN, or with ``finite`` infinite."""
        for name, array in (("labels", self.labels), ("predictions", self.predictions)):
            bad = ~np.isfinite(array) if finite else np.isnan(array)
            self._refuse(bad, f"{name} are {'not finite' if finite else 'NaN'}", f"evaluate finite numbers, or {REMEDY}")

    def check_binary(self) -> None:
        """InputError where a label that counts is neither 0 nor 1."""
        self._refuse((self.labels != 0) & (self.labels != 1), "labels are neither 0 nor 1", "give labels > 0.5 for probabilities")

    def check_one_hot(self) -> None:
        """InputError where labels are no 1 among zeros."""
        self.check_binary()
        bad = (self.labels == 1).sum(axis=1) != 1
        self._refuse(bad[:, None], "labels have another number of ones than one", f"give one-hot labels, or {REMEDY}")

    def check_probabilities(self) -> None:
        """InputError where a prediction that counts is no probability."""
        bad = (self.predictions < 0) | (self.predictions > 1)
        self._refuse(bad, "predictions are outside of 0 to 1", "thresholds lie there alone: threshold_steps=0 takes any numbers")

    def _refuse(self, bad: np.ndarray, what: str, remedy: str) -> None:
        rows = (bad & self.counting()).any(axis=1)
        if rows.any():
            raise InputError(f"{what} in {np.count_nonzero(rows)} of {len(self)} rows that count; {remedy}")


def counted_rows(labels: np.ndarray, predictions: np.ndarray, mask: ArrayLike | None, mask_name: str) -> Rows:
    """The rows of ``labels`` and ``predictions``, both [N, C] or [N, C, T], whose ``mask`` is exactly 1.

    A mask is one of rows or steps ([N] or [N, 1], [N, T]), or of single outputs, shaped as the labels. InputError for any other.
    """
    if mask is None:
        return Rows(_flat(labels), _flat(predictions))
    kept = as_labels_mask(as_numeric(mask, mask_name) == 1, labels.shape, "bool", mask_name)
    if masks_outputs(kept, labels.shape):
        return Rows(_flat(labels), _flat(predictions), _flat(kept))
    return Rows(_flat(labels)[kept.ravel()], _flat(predictions)[kept.ravel()])


def _flat(array: np.ndarray) -> np.ndarray:
    """[N, C] as it is, [N, C, T] as [N·T, C] in the order of a mask [N, T]."""
    return array if array.ndim == 2 else array.transpose(0, 2, 1).reshape(-1, array.shape[1])
