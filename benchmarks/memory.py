"""Memory of truncated BPTT: what a fit needs above the caller's arrays must not grow with the length of sequences.

    python -m benchmarks.memory

On Linux. Each figure comes from a process of its own: how far the peak of its resident memory rises during ``fit`` above what it was
before, when data and network were there already.
"""

from __future__ import annotations

from benchmarks.measure import Row, printed

LENGTHS = (1_000, 100_000)

_PROGRAM = """
import sys
import numpy as np
import rnngraph as rg
kind, t = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
n, f, classes = 4, 12, 9
x = np.empty((n, f, t), np.float64 if kind == "converted" else np.float32)
for row in x.reshape(n * f, t):
    for start in range(0, t, 1000):
        row[start : start + 1000] = rng.standard_normal(len(row[start : start + 1000]))
labels = np.zeros((n, 1 if kind == "converted" else classes, t), np.float32)
for row in labels:
    for start in range(0, t, 1000):
        classes_of = rng.integers(0, classes, len(row[0, start : start + 1000]))
        if kind == "converted":
            row[0, start : start + 1000] = classes_of
        else:
            row[classes_of, np.arange(start, start + len(classes_of))] = 1
masks = [None, None]
if kind == "converted":
    masks = [np.ones((n, t), bool), np.ones((n, t), bool)]
    masks[0][0, t // 2 :] = masks[1][0, t // 2 :] = False
loss = "sparse_mcxent" if kind == "converted" else "mcxent"
layers = [rg.LSTM(n_in=f, n_out=64), rg.RnnOutputLayer(n_out=classes, activation="softmax", loss=loss)]
config = rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-3), layers=layers, backprop=rg.TruncatedBPTT(length=200))
net = rg.MultiLayerNetwork(config)
data = [rg.DataSet(x, labels, *masks)]
def peak():
    # Not getrusage's: that is at least what the process was that started this one.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
before = peak()
net.fit(data, progress=False)
print(peak() - before)
"""

KINDS = {
    "plain": "LSTM(64), N=4",
    "converted": "the same with float64 features, boolean masks and class numbers as labels",
}


def memory(rounds: int = 3) -> list[Row]:
    """The peak of a fit of 100,000 steps against that of 1,000, for each kind of data."""
    rows: list[Row] = []
    short, long = LENGTHS
    for kind, what in KINDS.items():
        pairs = [(printed(_PROGRAM, kind, long), printed(_PROGRAM, kind, short)) for _ in range(rounds)]
        ratios = sorted(ours / peer for ours, peer in pairs)
        name = f"peak memory above the data, TBPTT(200) over {long:,} steps, {what} : over {short:,} steps"
        bytes_ = sorted(ours for ours, _ in pairs)[rounds // 2]
        rows.append({"what": name, "ratio": ratios[rounds // 2], "low": ratios[0], "high": ratios[-1], "aim": "<= 1.2", "bytes": bytes_})
    return rows


def main() -> None:
    """Print the rows."""
    for row in memory():
        print(
            f"{row['what']}: {row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f}; {row['bytes'] / 2**20:.1f} MiB; aim {row['aim']})"
        )


if __name__ == "__main__":
    main()
