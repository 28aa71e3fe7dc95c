"""What all sets of examples share: taking some rows, in order or shuffled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, SupportsIndex

import numpy as np

from rnngraph.checks import is_count
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled

RowIndex = SupportsIndex | slice | Sequence[int] | np.ndarray
"""One row, a slice, row numbers, or one boolean a row."""
Several = tuple[np.ndarray, ...]
Masks = tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class Arrays:
    """What a network trains on: an array for each of its inputs and outputs, and their masks."""

    features: Several
    labels: Several
    features_masks: Masks
    labels_masks: Masks


class Rows(Spelled):
    """Base of the sets of N examples."""

    @property
    @abstractmethod
    def _arrays(self) -> Arrays:
        """All arrays."""

    @abstractmethod
    def _mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> Self:
        """``change`` of each array that there is."""

    def num_examples(self) -> int:
        """N, the number of rows."""
        return len(self._arrays.features[0])

    def rows(self, index: RowIndex) -> Self:
        """The same of some rows, in the order asked for: one row number, a slice, row numbers, or one boolean a row.

        Raises InputError for a row that is not there, and for an index that leaves none.
        """
        n, kind = self.num_examples(), type(self).__name__
        try:
            where = index if isinstance(index, slice) else np.atleast_1d(np.asarray(index))
            chosen = np.arange(n)[where]
        except (IndexError, ValueError, TypeError) as error:
            raise InputError(f"rows({shown(index)}): {error}; this {kind} has {n} rows") from error
        if chosen.ndim != 1 or not chosen.size:
            raise InputError(
                f"rows({shown(index)}) gives row numbers of shape {list(chosen.shape)}; expected at least one of {n} rows, in one axis"
            )
        return self._mapped(lambda array: array[where])

    def split(self, first: int | float) -> tuple[Self, Self]:
        """The first rows and the rest: a number of rows (int), or their share (float between 0 and 1).

        In order: :meth:`shuffle` before where the order has a meaning. Raises InputError where one part would be empty.
        """
        n = self.num_examples()
        count = round(first * n) if isinstance(first, float) and 0 < first < 1 else first
        if not is_count(count) or count >= n:
            raise InputError(
                f"split({shown(first)}) of {n} rows leaves a part empty or means nothing; expected 1 to {n - 1} rows, "
                "or a share between 0 and 1"
            )
        return self.rows(slice(None, int(count))), self.rows(slice(int(count), None))

    def batch_by(self, batch_size: int) -> list[Self]:
        """Minibatches of ``batch_size`` rows in order; the last has what is left. Raises InputError for a size below 1."""
        if not is_count(batch_size):
            raise InputError(f"batch_by({shown(batch_size)}): expected a number of rows of at least 1")
        return [self.rows(slice(start, start + batch_size)) for start in range(0, self.num_examples(), batch_size)]

    def shuffle(self, seed: int) -> Self:
        """The same rows in another order, which the seed decides (numpy's default generator). Raises InputError for a seed below 0."""
        if not is_count(seed, 0):
            raise InputError(f"shuffle({shown(seed)}): expected an integer of at least 0 as the seed")
        return self.rows(np.random.default_rng(seed).permutation(self.num_examples()))
