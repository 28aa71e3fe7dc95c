"""Reading from files: the first epoch of a fit from CSV files against that from memory, and the memory that it takes.

    python -m benchmarks.reading [--rounds 5]

10,000 files of 100 steps with 10 features and a class, ``0.1257,...,1`` with four decimals. Time from files counts all from the making of
the reader on. Memory, on Linux, is how far the peak of a process rises during ``fit`` above what it was before.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import rnngraph as rg
from benchmarks.measure import Row, Run, alternate, printed, ratio

FILES, STEPS, FEATURES, CLASSES, ROWS = 10_000, 100, 10, 2, 32


def write(folder: Path, count: int = FILES) -> tuple[np.ndarray, np.ndarray]:
    """Write the files; gives the same numbers as features [N, F, T] and classes [N, T]."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, (count, STEPS))
    line = ",".join(["%.4f"] * FEATURES) + ",%d\n"
    features = np.empty((count, FEATURES, STEPS), np.float32)
    for k in range(count):
        table = np.round(rng.standard_normal((STEPS, FEATURES)), 4)
        features[k] = table.T
        (folder / f"sequence_{k}.csv").write_text("".join(line % (*row, c) for row, c in zip(table.tolist(), classes[k], strict=True)))
    return features, classes


def network() -> rg.MultiLayerNetwork:
    """LSTM(32) and a softmax at each step."""
    layers = [rg.LSTM(n_in=FEATURES, n_out=32), rg.RnnOutputLayer(n_out=CLASSES, activation="softmax", loss="mcxent")]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-3), layers=layers))


def from_files(folder: Path, count: int = FILES) -> rg.SequenceRecordReaderDataSetIterator:
    """Minibatches of the first files."""
    reader = rg.CSVSequenceRecordReader().initialize(rg.NumberedFileInputSplit(folder / "sequence_%d.csv", 0, count - 1))
    return rg.SequenceRecordReaderDataSetIterator(reader, None, ROWS, CLASSES, label_index=-1)


def epochs(folder: Path) -> dict[str, Run]:
    """The first epoch of a new network, from "files" and from "memory"."""
    features, classes = write(folder)
    labels = np.ascontiguousarray(np.eye(CLASSES, dtype=np.float32)[classes].transpose(0, 2, 1))
    memory = rg.MiniBatches(rg.DataSet(features, labels), ROWS, shuffle=False)
    return {
        "files": lambda: network().fit(from_files(folder), progress=False),
        "memory": lambda: network().fit(memory, progress=False),
    }


_PROGRAM = """
import sys
from pathlib import Path
from benchmarks.reading import from_files, network
folder, count = Path(sys.argv[1]), int(sys.argv[2])
net = network()
net.fit(from_files(folder, 320), progress=False)  # what the first fit of a process loads is no matter of the data
data = from_files(folder, count)
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
before = peak()
net.fit(data, progress=False)
print(peak() - before)
"""


def reading(rounds: int) -> list[Row]:
    """Time and memory from files."""
    with tempfile.TemporaryDirectory() as name:
        times = alternate(epochs(Path(name)), rounds)
        what = "first epoch of fit, LSTM(32), N=32, from 10,000 CSV files of 100 x 10 : from memory"
        rows = [ratio(what, times["files"], times["memory"], "<= 1.2")]
        rises = sorted(printed(_PROGRAM, name, FILES) for _ in range(3))
    held = FILES * STEPS * (FEATURES + CLASSES) * 4
    what = f"rise of the peak memory in that epoch : the arrays of all files, {held / 2**20:.0f} MiB"
    low, middle, high = (rise / held for rise in rises)
    return [*rows, {"what": what, "ratio": middle, "low": low, "high": high, "aim": "<= 0.3", "bytes": rises[1]}]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    for row in reading(parser.parse_args().rounds):
        size = f"; {row['seconds']:.2f} s" if "seconds" in row else f"; {row['bytes'] / 2**20:.1f} MiB"
        print(f"{row['what']}: {row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f}{size}; aim {row['aim']})")


if __name__ == "__main__":
    main()
