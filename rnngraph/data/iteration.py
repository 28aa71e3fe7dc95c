"""Going over data once per epoch, without ever training on nothing in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from numpy.typing import ArrayLike

from rnngraph.checks import is_count
from rnngraph.data.dataset import DataSet
from rnngraph.errors import InputError, TrainingError

Batch = DataSet | Sequence[ArrayLike | None]
"""What an iterable of data may hold: DataSets, or (features, labels[, features_mask[, labels_mask]])."""

_REMEDY = "pass a list, or an object whose __iter__ starts anew"


def epochs_over(data: DataSet | Iterable[Batch], epochs: int = 1) -> Iterator[Iterator[DataSet]]:
    """For each epoch an iterator over its DataSets; ``data`` is one DataSet, or an iterable that is gone through anew in each epoch.

    Elements may be tuples or lists (features, labels[, features_mask[, labels_mask]]), as loaders of other libraries give them.

    Raises TrainingError for epochs below 1, for data that yields nothing in any epoch, and for an iterator that can serve one epoch only:
    at once where the type tells (generators, map, zip, ..), else when the later epoch finds nothing. Raises InputError for anything that is
    not a DataSet.
    """
    if not is_count(epochs):
        raise TrainingError(f"epochs is {epochs!r}; expected an integer of at least 1")
    batches: Iterable[Batch] = [data] if isinstance(data, DataSet) else data
    if not isinstance(batches, Iterable):
        raise InputError(f"data is a {type(data).__name__}; expected a DataSet or an iterable of DataSets")
    if epochs > 1 and _is_spent_by_one_pass(batches):
        raise TrainingError(f"data is a {type(data).__name__}, which is spent after one pass, and epochs is {epochs}; {_REMEDY}")
    return (_one_epoch(batches, epoch) for epoch in range(epochs))


def _one_epoch(batches: Iterable[Batch], epoch: int) -> Iterator[DataSet]:
    """The DataSets of one pass, of which there has to be one at least."""
    count = 0
    for count, batch in enumerate(batches, start=1):
        yield _data_set(batch, count - 1)
    if count:
        return
    kind = type(batches).__name__
    if epoch:
        raise TrainingError(
            f"data ({kind}) yielded DataSets in the first epoch and none in epoch {epoch + 1}: it is spent after one pass; {_REMEDY}"
        )
    raise TrainingError(f"data ({kind}) yields no DataSet: it is empty, or an iterator that was used up before; {_REMEDY}")


def _is_spent_by_one_pass(batches: Iterable[Batch]) -> bool:
    """Whether a second pass surely finds nothing: Python's own iterators cannot start anew; one of another's making may."""
    return isinstance(batches, Iterator) and type(batches).__module__ in ("builtins", "itertools")


def _data_set(batch: Batch, index: int) -> DataSet:
    """An element as a DataSet."""
    if isinstance(batch, DataSet):
        return batch
    if isinstance(batch, (tuple, list)) and 2 <= len(batch) <= 4:
        try:
            return DataSet(*batch)
        except InputError as error:
            raise InputError(f"element {index} of data: {error}") from error
    shape = f" of shape {list(batch.shape)}" if hasattr(batch, "shape") else f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
    raise InputError(
        f"element {index} of data is a {type(batch).__name__}{shape}; expected a DataSet or (features, labels[, features_mask"
        "[, labels_mask]]). Two arrays make one DataSet: DataSet(features, labels)"
    )
