"""Files of sequences as minibatches, as a run reads them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import rnngraph as rg
from rnngraph.data.columns import FLOOR
from rnngraph.errors import InputError, TrainingWarning
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
    labels = [one for _, one in pairs if one is not None]
    classes = None if as_numbers else reading.classes
    several = reading.outputs if not labels and reading.outputs > 1 else None  # columns of one reader begin at label_index
    data = rg.SequenceRecordReaderDataSetIterator(
        _reader([one for one, _ in pairs], reading, reading.skip_lines),
        _reader(labels, reading, reading.skip_lines if reading.label_skip_lines is None else reading.label_skip_lines) if labels else None,
        batch_size=batch_size,
        n_classes=several if classes is None else classes,
        regression=classes is None,
        alignment=reading.alignment,
        label_index=reading.label_column,
        shuffle=seed is not None,
        seed=seed or 0,
        nan=reading.nan,
        per_sequence=reading.per_sequence,
    )
    if normalizer is not None:
        data.set_pre_processor(normalizer)
    return data


def _reader(paths: Sequence[Path], reading: Reading, skip_lines: int) -> rg.CSVSequenceRecordReader:
    return rg.CSVSequenceRecordReader(skip_lines, reading.delimiter, reading.encoding).initialize(rg.CollectionInputSplit(paths))


def fitted(kind: str, pairs: Sequence[Pair], reading: Reading, batch_size: int, labels: bool) -> AnyNormalizer:
    """A normalizer fitted on the sequences of ``pairs`` in one pass; with ``labels`` on their labels too."""
    if kind not in NORMALIZERS:
        raise InputError(f"--normalize {kind}: expected {' or '.join(NORMALIZERS)}")
    normalizer: AnyNormalizer = NORMALIZERS[kind](fit_label=labels)
    normalizer.fit(minibatches(pairs, reading, batch_size))
    for name, columns in (("features", normalizer.features), ("labels", normalizer.labels)):
        constant = [] if columns is None else [(k, columns.shift[k]) for k in np.flatnonzero(columns.width <= FLOOR)]
        for k, value in constant:
            warnings.warn(
                f"--normalize {kind}: column {k + 1} of the {name} is {value:g} all over the training files; what differs from "
                f"it would be divided by {FLOOR:g}: leave the column out, or see to it that it never changes",
                TrainingWarning,
                stacklevel=2,
            )
    return normalizer
