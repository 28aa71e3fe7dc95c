"""Files of sequences as minibatches, as a run reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.runs.files import Pair
from rnngraph.runs.record import Reading

if TYPE_CHECKING:
    from rnngraph.data.normalizer import Normalizer

    AnyNormalizer = Normalizer[Any]

NORMALIZERS = {"standardize": rg.NormalizerStandardize, "min_max": rg.NormalizerMinMaxScaler}
"""What ``--normalize`` may say."""


def minibatches(
    pairs: Sequence[Pair],
    reading: Reading,
    batch_size: int,
    seed: int | None = None,
    normalizer: AnyNormalizer | None = None,
    as_numbers: bool = False,
) -> rg.SequenceRecordReaderDataSetIterator:
    """The sequences of ``pairs`` as minibatches; shuffled where there is a ``seed``, then normalised where there is a ``normalizer``.

    ``as_numbers`` leaves class numbers as they are, for a loss that takes them.
    """
    features = _reader([one for one, _ in pairs], reading)
    labels = [one for _, one in pairs if one is not None]
    classes = None if as_numbers else reading.classes
    data = rg.SequenceRecordReaderDataSetIterator(
        features,
        _reader(labels, reading) if labels else None,
        batch_size=batch_size,
        n_classes=classes,
        regression=classes is None,
        alignment=reading.alignment,
        label_index=reading.label_column,
        shuffle=seed is not None,
        seed=seed or 0,
        nan=reading.nan,
    )
    if normalizer is not None:
        data.set_pre_processor(normalizer)
    return data


def _reader(paths: Sequence[Path], reading: Reading) -> rg.CSVSequenceRecordReader:
    return rg.CSVSequenceRecordReader(reading.skip_lines, reading.delimiter).initialize(rg.CollectionInputSplit(paths))


def fitted(kind: str, pairs: Sequence[Pair], reading: Reading, batch_size: int, labels: bool) -> AnyNormalizer:
    """A normalizer fitted on the sequences of ``pairs`` in one pass; with ``labels`` on their labels too."""
    if kind not in NORMALIZERS:
        raise InputError(f"--normalize {kind}: expected {' or '.join(NORMALIZERS)}")
    normalizer = NORMALIZERS[kind](fit_label=labels)
    normalizer.fit(minibatches(pairs, reading, batch_size))
    return normalizer


class OfSequences:
    """``data`` for a network that gives one vector for a whole sequence: of each row the labels of the last step that counts.

    Labels [N, C, T] become [N, C]; those that are [N, C] already stay.
    """

    def __init__(self, data: Any) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[rg.DataSet]:
        return map(_last_labels, self._data)

    def set_epoch(self, epoch: int) -> None:
        """Tell the data, whose order may depend on it."""
        self._data.set_epoch(epoch)


def _last_labels(one: rg.DataSet) -> rg.DataSet:
    """A DataSet with the labels [N, C] of each row's last step that counts."""
    if one.labels.ndim == 2:
        return one
    mask = one.labels_mask if one.labels_mask is not None else one.features_mask
    steps = one.labels.shape[2]
    last = np.full(len(one.labels), steps - 1) if mask is None else steps - 1 - np.flip(mask, axis=1).argmax(axis=1)
    return rg.DataSet(one.features, one.labels[np.arange(len(last)), :, last], one.features_mask)
