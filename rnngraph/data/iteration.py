"""Going over data once per epoch, without ever training on nothing in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from numpy.typing import ArrayLike

from rnngraph.checks import is_count
from rnngraph.data.dataset import DataSet
from rnngraph.data.indexed import has_examples
from rnngraph.data.minibatches import MiniBatches
from rnngraph.data.multi import MultiDataSet
from rnngraph.data.rows import Rows
from rnngraph.errors import InputError, TrainingError
from rnngraph.names import shown

Examples = DataSet | MultiDataSet
"""One set of examples."""
Batch = Examples | Sequence[ArrayLike | Sequence[ArrayLike | None] | None]
"""What an iterable of data may hold: DataSets, MultiDataSets, or (features, labels[, features_mask[, labels_mask]]) of either."""
Data = Examples | Iterable[Batch]
"""What ``fit``, ``score`` and ``evaluate`` go over."""

_REMEDY = "pass a list, or an object whose __iter__ starts anew"


def epochs_over(data: Data, epochs: int = 1, name: str = "data") -> Iterator[Iterator[Examples]]:
    """For each epoch an iterator over its DataSets; ``data`` is one DataSet, or an iterable that is gone through anew in each epoch.

    Elements may be tuples or lists (features, labels[, features_mask[, labels_mask]]), as loaders of other libraries give them; where
    features and labels are lists of arrays, they are those of a MultiDataSet. ``name`` is what the caller calls the data.

    Raises TrainingError for epochs below 1, for data that yields nothing in any epoch, and for an iterator that can serve one epoch only:
    at once where the type tells (generators, map, zip, ..), else when the later epoch finds nothing. Raises InputError for anything that is
    not a DataSet.
    """
    batches: Iterable[Batch] = [data] if isinstance(data, Rows) else data
    kind = type(data).__name__
    if hasattr(data, "__array__"):
        of = f" of shape {list(data.shape)}" if hasattr(data, "shape") else ""
        raise InputError(f"{name} is a {kind}{of}, one array; features and labels make a DataSet: give rg.DataSet(x, y)")
    if not isinstance(batches, Iterable):
        raise InputError(f"{name} is a {kind}; expected a DataSet or an iterable of DataSets{_of_examples(data, name)}")
    if not is_count(epochs):
        raise TrainingError(f"epochs is {shown(epochs)}; expected an integer of at least 1")
    if epochs > 1 and _is_spent_by_one_pass(batches):
        raise TrainingError(f"{name} is a {kind}, which is spent after one pass, and epochs is {epochs}; {_REMEDY}")
    return (_one_epoch(batches, epoch, name) for epoch in range(epochs))


def known_sets(data: Data, name: str = "data") -> Iterator[tuple[str, Examples]]:
    """The DataSets of ``data`` that can be looked at before they are used, each with what to call it in messages.

    These are one DataSet, that of MiniBatches, or all elements of a list or tuple; any other iterable may be spent by looking at it. Errors
    as :func:`epochs_over`.
    """
    held = data.dataset if isinstance(data, MiniBatches) else data
    if isinstance(held, (DataSet, MultiDataSet)):
        yield name, held
    elif isinstance(data, (list, tuple)):
        for index, batch in enumerate(_one_epoch(data, 0, name)):
            yield f"element {index} of {name}", batch


def _one_epoch(batches: Iterable[Batch], epoch: int, name: str) -> Iterator[Examples]:
    """The DataSets of one pass, of which there has to be one at least."""
    count = 0
    for count, batch in enumerate(batches, start=1):
        yield _data_set(batch, count - 1, name)
    if count:
        return
    kind = type(batches).__name__
    if epoch:
        raise TrainingError(
            f"{name} ({kind}) yielded DataSets in the first epoch and none in epoch {epoch + 1}: it is spent after one pass; {_REMEDY}"
        )
    raise TrainingError(f"{name} ({kind}) yields no DataSet: it is empty, or an iterator that was used up before; {_REMEDY}")


def _of_examples(data: object, name: str) -> str:
    """What to do with single examples by number; empty for anything else."""
    return f": rg.MiniBatches({name}, batch_size) makes them of its single examples" if has_examples(data) else ""


def _is_spent_by_one_pass(batches: Iterable[Batch]) -> bool:
    """Whether a second pass surely finds nothing: Python's own iterators cannot start anew; one of another's making may."""
    return isinstance(batches, Iterator) and type(batches).__module__ in ("builtins", "itertools")


def _has_several(batch: Sequence[Any]) -> bool:
    """Whether features and labels are lists of arrays, one for each input and output; lists of numbers are one array."""
    return all(isinstance(given, (list, tuple)) and given and all(map(_is_array, given)) for given in batch[:2])


def _is_array(value: object) -> bool:
    """Whether it is an array with an axis, which numpy's numbers are not."""
    return hasattr(value, "__array__") and getattr(value, "ndim", 1) != 0


def _data_set(batch: Batch, index: int, name: str) -> Examples:
    """An element as a DataSet."""
    if isinstance(batch, (DataSet, MultiDataSet)):
        return batch
    if isinstance(batch, (tuple, list)) and 2 <= len(batch) <= 4:
        try:
            return (MultiDataSet if _has_several(batch) else DataSet)(*batch)
        except InputError as error:
            raise InputError(f"element {index} of {name}: {error}") from error
    shape = f" of shape {list(batch.shape)}" if hasattr(batch, "shape") else f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
    raise InputError(
        f"element {index} of {name} is a {type(batch).__name__}{shape}; expected a DataSet or (features, labels[, features_mask"
        "[, labels_mask]]). Two arrays make one DataSet: DataSet(features, labels)"
    )
