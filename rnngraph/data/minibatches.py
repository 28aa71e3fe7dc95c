"""MiniBatches: the rows of a DataSet, or single examples, in another order each epoch, the same whenever that epoch is trained again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from rnngraph.checks import is_count
from rnngraph.data.dataset import DataSet
from rnngraph.data.indexed import Examples, IndexedExamples, has_examples
from rnngraph.data.multi import MultiDataSet
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled
from rnngraph.streams import Use, stream

ExamplesT = TypeVar("ExamplesT", DataSet, MultiDataSet)


class MiniBatches(Spelled, Generic[ExamplesT]):
    """Minibatches of ``batch_size`` rows of ``dataset`` (or MultiDataSet), the last with what is left; iterating starts anew each time.

    With ``shuffle`` the order of rows is drawn from (seed, epoch) alone. ``fit`` tells the epoch before each
    pass (:meth:`set_epoch`), so that each epoch has an order of its own and a run that is resumed sees the order that it would have seen.
    Without, minibatches are views of the DataSet, in order.

    ``dataset`` may also have single examples by number, as a torch Dataset has: ``dataset[k]`` is (features, labels[, features_mask[,
    labels_mask]]), shaped as a row of a DataSet, [F, T] or [F], [C, T] or [C], [T]. They are asked for when their minibatch comes. Examples
    of different length are padded at the end and masked.

    Raises InputError for any other dataset, a size below 1 and a seed below 0, and for an example that is none when its turn comes.
    """

    @spelled
    def __init__(self, dataset: ExamplesT | Examples, batch_size: int, shuffle: bool = True, seed: int = 0) -> None:
        if not isinstance(dataset, (DataSet, MultiDataSet)) and not has_examples(dataset):
            batches = ", or give what yields minibatches to fit itself" if hasattr(dataset, "__iter__") else ""
            raise InputError(
                f"MiniBatches: dataset is a {type(dataset).__name__}; expected a DataSet: give rg.DataSet(features, labels){batches}"
            )
        if not is_count(batch_size):
            raise InputError(f"MiniBatches: batch_size is {shown(batch_size)}; expected a number of rows of at least 1")
        if not isinstance(shuffle, bool):
            raise InputError(f"MiniBatches: shuffle is {shown(shuffle)}; expected True or False")
        if not is_count(seed, 0):
            raise InputError(f"MiniBatches: seed is {shown(seed)}; expected an integer of at least 0")
        self.dataset: ExamplesT | IndexedExamples
        self.dataset = dataset if isinstance(dataset, (DataSet, MultiDataSet)) else IndexedExamples(dataset)
        self.batch_size, self.shuffle, self.seed = int(batch_size), shuffle, int(seed)
        self._epoch = 0

    def __repr__(self) -> str:
        return f"MiniBatches({self.dataset!r}, {self.batch_size}, shuffle={self.shuffle}, seed={self.seed})"

    def __len__(self) -> int:
        return -(-self.dataset.num_examples() // self.batch_size)

    def __iter__(self) -> Iterator[ExamplesT]:
        n = self.dataset.num_examples()
        order = stream(self.seed, Use.ORDER, self._epoch).permutation(n) if self.shuffle else None
        for start in range(0, n, self.batch_size):
            part = slice(start, start + self.batch_size)
            yield self.dataset.rows(part if order is None else order[part])  # type: ignore[misc]  # single examples make DataSets

    def set_epoch(self, epoch: int) -> None:
        """Iterate in the order of this epoch, counted from 0, from now on. InputError for anything but such a number."""
        if not is_count(epoch, 0):
            raise InputError(f"set_epoch: epoch is {shown(epoch)}; expected an integer of at least 0")
        self._epoch = int(epoch)
