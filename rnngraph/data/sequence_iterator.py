"""SequenceRecordReaderDataSetIterator: minibatches from sequences that readers give, read while the minibatch before is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rnngraph.ahead import ahead
from rnngraph.checks import is_count
from rnngraph.data.alignment import aligned, alignment_of
from rnngraph.data.dataset import DataSet
from rnngraph.data.gaps import check_policy, refuse_gaps, without, zeroed
from rnngraph.data.normalizer import Normalizer
from rnngraph.data.record_reader import SequenceRecordReader, Tables, are_tables, as_table
from rnngraph.data.targets import Targets, check_constant
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled
from rnngraph.streams import Use, stream

PreProcessor = Normalizer[Any] | Callable[[DataSet], DataSet]


class SequenceRecordReaderDataSetIterator(Spelled):
    """DataSets of ``batch_size`` sequences that readers read, the last with what is left; iterating starts anew each time.

    ``features`` and ``labels`` are readers of as many sequences; or ``features`` reads both, and ``label_index`` is the column of the
    labels, -1 for the last. Labels are class numbers from 0 to ``n_classes`` - 1, which become one-hot, or with ``regression`` numbers: all
    columns of the second reader, the one column of the only reader, or its last ``n_classes`` columns, which begin at ``label_index``.

    The DataSet has features [N, F, T] and labels [N, C, T]. ``alignment`` says how sequences of different length share the time axis, as
    DL4J's AlignmentMode: "align_end" lets the labels of an example end where its features end (many-to-one), "align_start" lets both begin
    together (one-to-many), "equal_length" takes sequences of one length only. Masks are there where something is padded, as in DL4J.
    ``per_sequence=True`` gives labels [N, C] instead, for networks without a time axis at their end; the label of all steps is one then.

    With ``shuffle`` the order is drawn from (seed, epoch) as :class:`MiniBatches` draws it, and ``fit`` tells the epoch. NaN and infinity
    are an error; ``nan="zero"`` puts 0 in their place; ``nan="mask"`` masks the steps of such labels, and the steps of such features, with
    the labels that belong to them: those of sequences as long as their features, and all of a sequence of which no step is left.

    One minibatch is read ahead by a thread; at most three are in memory. Raises InputError that names file, line and column for what does
    not fit, when it is read, and for settings that mean nothing.
    """

    @spelled
    def __init__(
        self,
        features: SequenceRecordReader,
        labels: SequenceRecordReader | None = None,
        batch_size: int | None = None,
        n_classes: int | None = None,
        regression: bool = False,
        alignment: str = "align_end",
        label_index: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        nan: str = "error",
        per_sequence: bool = False,
    ) -> None:
        _check_reader(features, "features")
        if labels is not None:
            _check_reader(labels, "labels")
        for name, value in (("shuffle", shuffle), ("per_sequence", per_sequence)):
            if not isinstance(value, bool):
                raise InputError(f"{name} is {shown(value)}; expected True or False")
        if batch_size is None or not is_count(batch_size):
            raise InputError(f"batch_size is {shown(batch_size)}; expected a number of sequences of at least 1")
        if not is_count(seed, 0):
            raise InputError(f"seed is {shown(seed)}; expected an integer of at least 0")
        check_policy(nan)
        self.batch_size, self.alignment, self.shuffle, self.seed = int(batch_size), alignment_of(alignment), shuffle, int(seed)
        self.nan, self.per_sequence = nan, per_sequence
        count = None if n_classes == -1 else n_classes  # which is DL4J's way to give none
        self._targets = Targets(count, regression, label_index, apart=labels is not None)
        self._features, self._labels = features, features if labels is None else labels
        self._pre_processor: PreProcessor | None = None
        self._epoch = 0
        self._widths: dict[SequenceRecordReader, tuple[int, str]] = {}
        self.num_examples()

    def __repr__(self) -> str:
        return f"SequenceRecordReaderDataSetIterator({self._features!r}, batch_size={self.batch_size}, alignment={self.alignment!r})"

    def num_examples(self) -> int:
        """How many sequences there are. InputError where the readers have not as many."""
        count, labels = len(self._features), len(self._labels)
        if count != labels:
            raise InputError(f"the features have {count} sequences, the labels {labels}; expected as many, in the same order")
        if not count:
            raise InputError("the reader has no sequences; expected at least one")
        return count

    def __len__(self) -> int:
        return -(-self.num_examples() // self.batch_size)

    def __iter__(self) -> Iterator[DataSet]:
        n = self.num_examples()
        self._widths.clear()
        order = stream(self.seed, Use.ORDER, self._epoch).permutation(n) if self.shuffle else np.arange(n)
        return ahead((order[start : start + self.batch_size].tolist() for start in range(0, n, self.batch_size)), self._batch)

    def set_epoch(self, epoch: int) -> None:
        """Iterate in the order of this epoch, counted from 0, from now on. InputError for anything but such a number."""
        if not is_count(epoch, 0):
            raise InputError(f"set_epoch: epoch is {shown(epoch)}; expected an integer of at least 0")
        self._epoch = int(epoch)

    def set_pre_processor(self, pre_processor: PreProcessor | None) -> None:
        """Give each DataSet as a fitted normalizer's ``transform``, or a function from DataSet to DataSet, makes it; None: as it was read.

        A normalizer is fitted before: ``normalizer.fit(iterator)`` sees what the iterator gives. InputError for anything else.
        """
        function = callable(pre_processor) and not isinstance(pre_processor, type)
        if pre_processor is not None and not isinstance(pre_processor, Normalizer) and not function:
            raise InputError(f"set_pre_processor({shown(pre_processor)}): expected a normalizer, a function of a DataSet, or None")
        self._pre_processor = pre_processor

    # One minibatch

    def _batch(self, indices: Sequence[int]) -> DataSet:
        """The sequences with these numbers as a DataSet."""
        x, y = self._read(indices)
        if self.alignment == "equal_length":
            self._check_lengths(indices, x, [] if self.per_sequence else y)
        kinds = aligned([x] if self.per_sequence else [x, y], self.alignment)
        features, features_mask = kinds[0]
        labels, labels_mask = (np.stack([one[-1] for one in y]), None) if self.per_sequence else kinds[1]
        gaps = (None, None) if self.nan == "error" else (zeroed(features), zeroed(labels))
        if self.nan == "mask" and any(one is not None for one in gaps):
            features_mask = without(features_mask, gaps[0], features[:, 0])
            labels_mask = without(labels_mask, gaps[1], labels[:, 0])
            labels_mask[~features_mask.any(axis=1)] = 0  # of the sequence that they tell of no step exists
            if not self.per_sequence:  # a step that does not exist has no label; a label of another step does not belong to it
                belongs = np.array([len(a) == len(b) for a, b in zip(x, y, strict=True)])
                labels_mask[belongs[:, None] & (features_mask == 0)] = 0
        return self._processed(DataSet(features, labels, features_mask, labels_mask))

    def _processed(self, data: DataSet) -> DataSet:
        process = self._pre_processor
        if process is None:
            return data
        made = process.transform(data) if isinstance(process, Normalizer) else process(data)
        if not isinstance(made, DataSet):
            raise InputError(f"the pre-processor {shown(process)} gave {shown(made)}; expected a DataSet")
        return made

    def _read(self, indices: Sequence[int]) -> tuple[Tables, Tables]:
        """Features [T_k, F] and labels [T_k, C] of each sequence, finite unless the policy is another."""
        tables = self._tables(self._features, indices)
        others = tables if self._labels is self._features else self._tables(self._labels, indices)
        of_features = self._targets.features(tables[0].shape[1], self._features.place(indices[0]))
        of_labels = self._targets.labels(others[0].shape[1], self._labels.place(indices[0]))
        features, labels = _slice(of_features), _slice(of_labels)
        x, y = _columns(tables, features), _columns(others, labels)

        def label_place(row: int, step: int, column: int = 0) -> str:
            return self._labels.place(indices[row], step, of_labels[column])

        if self.nan == "error":
            refuse_gaps(x, lambda row, step, column: self._features.place(indices[row], step, of_features[column]))
            if self._targets.regression:
                refuse_gaps(y, label_place)
        if self.per_sequence:
            check_constant(y, label_place)
        return x, self._targets.outputs(y, label_place, unknown=self.nan == "mask")

    def _tables(self, reader: SequenceRecordReader, indices: Sequence[int]) -> Tables:
        """What a reader gives, as float32, all with as many columns as the first that was read in this pass."""
        given = reader.read(indices)
        if len(given) != len(indices):
            raise InputError(f"{type(reader).__name__}.read gave {len(given)} sequences for {len(indices)} numbers; expected one for each")
        tables = given if are_tables(given) else [as_table(one, reader.place(k)) for k, one in zip(indices, given, strict=True)]
        columns, first = self._widths.setdefault(reader, (tables[0].shape[1], reader.place(indices[0])))
        other = next((k for k, table in enumerate(tables) if table.shape[1] != columns), None)
        if other is not None:
            found = tables[other].shape[1]
            raise InputError(f"{reader.place(indices[other])} has {found} columns, {first} has {columns}; expected as many")
        return tables

    def _check_lengths(self, indices: Sequence[int], *kinds: Tables) -> None:
        """InputError where sequences differ in length."""
        steps = len(kinds[0][0])
        for reader, tables in zip((self._features, self._labels), kinds, strict=True):
            for index, table in zip(indices, tables, strict=False):
                if len(table) != steps:
                    first = self._features.place(indices[0])
                    one, other = ("labels: ", "features: ") if tables is not kinds[0] else ("", "")  # whose names may be the same
                    raise InputError(
                        f"{one}{reader.place(index)} has {len(table)} steps, {other}{first} has {steps}; "
                        "alignment='equal_length' expects features and labels of one length: 'align_end' and 'align_start' pad and mask"
                    )


def _columns(tables: Tables, columns: slice | list[int]) -> Tables:
    """These columns of each."""
    return tables[..., columns] if isinstance(tables, np.ndarray) else [table[:, columns] for table in tables]


def _slice(columns: list[int]) -> slice | list[int]:
    """Columns as a slice where they are next to each other: no copy is made."""
    together = columns == list(range(columns[0], columns[0] + len(columns)))
    return slice(columns[0], columns[0] + len(columns)) if together else columns


def _check_reader(reader: object, name: str) -> None:
    """InputError for what is no reader, DL4J's order of arguments among it."""
    if isinstance(reader, SequenceRecordReader):
        return
    remedy = (
        "one reader with a column of labels: (reader, batch_size=32, n_classes=4, label_index=-1)"
        if is_count(reader, -1)
        else "CollectionSequenceRecordReader(list_of_arrays) reads what is in memory, sequences_to_dataset makes one DataSet of it"
    )
    raise InputError(f"{name} is {shown(reader)}; expected a reader, such as CSVSequenceRecordReader; {remedy}")
