"""Sequences of different length in CSV files, one label each: read with the label at the last step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import rnngraph as rg
from examples.recurrent_layers.shared import HEAD, Outcome, checked, network, ragged


def write(folder: Path, data: rg.DataSet) -> None:
    """Each row as a file of features, a line a step, and a file of one line, its class."""
    assert data.features_mask is not None
    for k, (x, y, mask) in enumerate(zip(data.features, data.labels, data.features_mask, strict=True)):
        np.savetxt(folder / f"features_{k}.csv", x[:, mask == 1].T, fmt="%.4f", delimiter=",")
        (folder / f"labels_{k}.csv").write_text(f"{y[:, 0].argmax()}\n")


def main() -> Outcome:
    """Train from the files, export, stream."""
    mini_batch_size, num_classes = 10, 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, ragged(1, 64, rows=100))
        # --8<-- [start:shown]
        feature_reader = rg.CSVSequenceRecordReader(0, ",")
        label_reader = rg.CSVSequenceRecordReader(0, ",")

        feature_reader.initialize(rg.NumberedFileInputSplit(folder / "features_%d.csv", 0, 99))
        label_reader.initialize(rg.NumberedFileInputSplit(folder / "labels_%d.csv", 0, 99))

        batches = rg.SequenceRecordReaderDataSetIterator(
            feature_reader,
            label_reader,
            mini_batch_size,
            num_classes,
            regression=False,
            alignment="align_end",
        )
        # --8<-- [end:shown]
        net = network(rg.LSTM(n_in=64, n_out=128), HEAD)
        first, before = next(iter(batches)), net.score(batches)
        assert first.labels_mask is not None
        assert (first.labels_mask.sum(axis=1) == 1).all()  # the label counts at the last step of its sequence
        net.fit(batches, epochs=2, progress=False)
        return checked(net, before, batches, ragged(2, 64))


if __name__ == "__main__":
    print(main())
