"""All benchmarks: ratios to peers that run in the same process, in alternation.

    python -m benchmarks.run [--rounds 15] [--json FILE]

Absolute times do not travel between machines; ratios do. Each row gives the median ratio with its 10th and 90th percentile.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

import rnngraph as rg
from benchmarks import learning, pool
from benchmarks.graves_by_hand import GravesByHand
from benchmarks.measure import Row, Run, alternate, network, ratio, void
from benchmarks.memory import memory
from benchmarks.reading import reading
from benchmarks.steps import stepping
from rnngraph.exporters import export_onnx
from rnngraph.files import atomic_write
from rnngraph.runtime import StreamingSession

READING = 45
"""Rounds of reading, whose ratios spread widely."""


def batch(n: int, f: int, t: int, masked: bool) -> rg.DataSet:
    """Random features and one-hot labels; right padding of up to half."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, f, t)).astype(np.float32)
    y = np.eye(9, dtype=np.float32)[rng.integers(0, 9, (n, t))].transpose(0, 2, 1)
    mask = (np.arange(t) < rng.integers(t // 2, t + 1, (n, 1))).astype(np.float32) if masked else None
    return rg.DataSet(x, np.ascontiguousarray(y), mask)


def hand_written(n: int, f: int, t: int, h: int, cell: Callable[..., torch.nn.Module] = torch.nn.LSTM, both_ways: bool = False) -> Run:
    """One training step as one writes it in torch."""
    data = batch(n, f, t, masked=False)
    x = torch.tensor(data.features.copy()).permute(2, 0, 1).contiguous()
    labels = torch.tensor(data.labels.copy()).argmax(1).t().contiguous()
    lstm, head = cell(f, h, bidirectional=both_ways), torch.nn.Linear(h * (1 + both_ways), 9)
    optimiser = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=1e-3)

    def run() -> None:
        optimiser.zero_grad()
        y = head(lstm(x)[0])
        loss = torch.nn.functional.cross_entropy(y.flatten(0, 1), labels.flatten(), reduction="sum") / n
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return run


def graves_by_hand(n: int, f: int, t: int, h: int) -> Run:
    """One training step of a GravesLSTM with a hand-written forward and backward."""
    data = batch(n, f, t, masked=False)
    x = torch.tensor(data.features.copy()).permute(2, 0, 1).contiguous()
    labels = torch.tensor(data.labels.copy()).argmax(1).t().contiguous()
    cell, head, b = torch.nn.LSTMCell(f, h), torch.nn.Linear(h, 9), torch.zeros(4 * h, requires_grad=True)
    w, r = cell.weight_ih, cell.weight_hh
    peepholes = torch.zeros(3, h, requires_grad=True)
    optimiser = torch.optim.Adam([w, r, b, peepholes, *head.parameters()], lr=1e-3)

    def run() -> None:
        optimiser.zero_grad()
        y = head(GravesByHand.apply(torch.nn.functional.linear(x, w, b), r, peepholes))  # type: ignore[no-untyped-call]
        loss = torch.nn.functional.cross_entropy(y.flatten(0, 1), labels.flatten(), reduction="sum") / n
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return run


def training(rounds: int) -> list[Row]:
    """``fit`` against hand-written torch."""
    rows: list[Row] = []
    plain, masked = batch(32, 12, 100, masked=False), batch(32, 12, 100, masked=True)
    lstm, graves = network(rg.LSTM(n_in=12, n_out=128)), network(rg.GravesLSTM(n_in=12, n_out=128))
    hard = network(rg.LSTM(n_in=12, n_out=128, activation="softsign", gate_activation="hardsigmoid"))
    times = alternate(
        {
            "torch": hand_written(32, 12, 100, 128),
            "lstm": lambda: lstm.fit(plain, progress=False),
            "masked": lambda: lstm.fit(masked, progress=False),
            "graves": lambda: graves.fit(plain, progress=False),
            "by hand": graves_by_hand(32, 12, 100, 128),
            "hard": lambda: hard.fit(plain, progress=False),
        },
        rounds,
    )
    rows.append(ratio("fit, LSTM(128), N=32, T=100 : hand-written torch", times["lstm"], times["torch"], "<= 1.05"))
    rows.append(ratio("the same with a mask : without", times["masked"], times["lstm"], "<= 1.10"))
    rows.append(ratio("fit, GravesLSTM(128), N=32, T=100 : hand-written nn.LSTM", times["graves"], times["torch"], "<= 2.1"))
    rows.append(ratio("the same : a GravesLSTM by hand in plain torch", times["graves"], times["by hand"], ""))
    rows.append(ratio("fit, LSTM(128) softsign, hardsigmoid : hand-written nn.LSTM", times["hard"], times["torch"], "<= 2.1"))
    graves, data = network(rg.GravesLSTM(n_in=12, n_out=256)), batch(32, 12, 50, masked=False)
    runs: dict[str, Run] = {"torch": hand_written(32, 12, 50, 256), "by hand": graves_by_hand(32, 12, 50, 256)}
    times = alternate({**runs, "graves": lambda: graves.fit(data, progress=False)}, rounds)
    rows.append(ratio("fit, GravesLSTM(256), N=32, T=50 : hand-written nn.LSTM", times["graves"], times["torch"], "<= 1.5"))
    rows.append(ratio("the same : a GravesLSTM by hand in plain torch", times["graves"], times["by hand"], ""))
    return rows


def truncated(rounds: int) -> list[Row]:
    """Truncated BPTT, T=100 in segments of 20, against the same by hand: the state detached, an update for each segment."""
    n, f, t, h, length = 32, 12, 100, 128, 20
    data = batch(n, f, t, masked=False)
    x = torch.tensor(data.features.copy()).permute(2, 0, 1).contiguous()
    labels = torch.tensor(data.labels.copy()).argmax(1).t().contiguous()
    lstm, head = torch.nn.LSTM(f, h), torch.nn.Linear(h, 9)
    optimiser = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=1e-3)

    def by_hand() -> None:
        state = None
        for start in range(0, t, length):
            optimiser.zero_grad()
            y, state = lstm(x[start : start + length], state)
            state = tuple(s.detach() for s in state)
            loss = torch.nn.functional.cross_entropy(head(y).flatten(0, 1), labels[start : start + length].flatten(), reduction="sum") / n
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    net = network(rg.LSTM(n_in=f, n_out=h), backprop=rg.TruncatedBPTT(length))
    times = alternate({"torch": by_hand, "ours": partial(net.fit, data, progress=False)}, rounds)
    name = "fit, LSTM(128), truncated BPTT, N=32, T=100, segments of 20 : the same in hand-written torch"
    return [ratio(name, times["ours"], times["torch"], "<= 1.10")]


def other_cells(rounds: int) -> list[Row]:
    """``fit`` of a GRU and of both directions against hand-written torch."""
    rows: list[Row] = []
    plain, masked = batch(32, 12, 100, masked=False), batch(32, 12, 100, masked=True)
    pairs: dict[str, tuple[Any, Callable[..., torch.nn.Module], bool]] = {
        "GRU(128)": (rg.GRU(n_in=12, n_out=128), torch.nn.GRU, False),
        "Bidirectional(LSTM(128))": (rg.Bidirectional(rg.LSTM(n_in=12, n_out=128)), torch.nn.LSTM, True),
    }
    for name, (layer, cell, both_ways) in pairs.items():
        net = network(layer)
        runs: dict[str, Run] = {
            "torch": hand_written(32, 12, 100, 128, cell, both_ways),
            "plain": partial(net.fit, plain, progress=False),
            "masked": partial(net.fit, masked, progress=False),
        }
        times = alternate(runs, rounds)
        rows.append(ratio(f"fit, {name}, N=32, T=100 : hand-written torch", times["plain"], times["torch"], "<= 1.10"))
        rows.append(ratio("the same with a mask : without", times["masked"], times["plain"], "<= 1.10"))
    return rows


def masked_file(rounds: int, folder: Path, layer: Any = None) -> list[Row]:
    """The exported file with a mask input against without."""
    layer = layer or rg.LSTM(n_in=12, n_out=128)
    net, data = network(layer), batch(32, 12, 100, masked=True)
    export_onnx(net, folder / "plain.onnx")
    export_onnx(net, folder / "masked.onnx", features_mask=True)
    plain, masked = StreamingSession(folder / "plain.onnx"), StreamingSession(folder / "masked.onnx")
    times = alternate(
        {"plain": lambda: void(plain.output(data.features)), "masked": lambda: void(masked.output(data.features, data.features_mask))},
        rounds,
    )
    name = f"exported file with a mask input, {layer.tag()}, N=32, T=100, H=128 : without"
    return [ratio(name, times["masked"], times["plain"], "<= 1.3")]


def importing() -> list[Row]:
    """``import rnngraph.runtime`` against numpy and onnxruntime alone."""

    def seconds(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - started

    pairs = [(seconds("import rnngraph.runtime.session"), seconds("import numpy, onnxruntime")) for _ in range(5)]
    return [ratio("import of the runtime : numpy and onnxruntime alone", [a for a, _ in pairs], [b for _, b in pairs], "+ 0.1 s")]


def report(rows: list[Row]) -> str:
    """The rows as a table in Markdown, with machine and versions."""
    lines = ["| what | ratio | 10 % to 90 % | aim |", "| --- | --- | --- | --- |"]
    lines += [f"| {r['what']} | {r['ratio']:.2f} | {r['low']:.2f} to {r['high']:.2f} | {r['aim']} |" for r in rows]
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table, write docs/performance.md and the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/cpu.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*stepping(args.rounds, folder), *training(args.rounds), *truncated(args.rounds), *other_cells(args.rounds)]
        rows += masked_file(args.rounds, folder)
        for layer in (rg.SimpleRnn(n_in=12, n_out=128), rg.GRU(n_in=12, n_out=128)):
            rows += masked_file(args.rounds, folder, layer)
        rows += reading(READING)
        rows += [*pool.throughput(args.rounds, folder), *pool.clones(folder), *memory(), *importing()]
        latencies = pool.latencies(folder)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
    }
    machine = f"{platform.machine()}, {torch.get_num_threads()} torch threads, one onnxruntime thread, float32"
    content = {"machine": machine, "versions": versions, "rounds": args.rounds, "rows": rows, "latencies": latencies}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(args.json) as file:
        file.write(json.dumps(content, indent=1).encode())
    text = page(content)
    with atomic_write(Path("docs/performance.md")) as file:
        file.write(text.encode())
    print(text)


def page(content: Mapping[str, Any]) -> str:
    """docs/performance.md."""
    return f"""# Performance

Written by `make bench`: medians of {content["rounds"]} rounds, of reading {READING}, peers in the same run, in alternation.
A row says what is divided by what. Machine: {content["machine"]}.
Versions: {", ".join(f"{k} {v}" for k, v in content["versions"].items())}.

{report(content["rows"])}

## Latency of a pool

From a call to its answer on that machine, LSTM(128), each stream with one step at a time; the front's window is 2 ms.

{pool.table(content["latencies"])}

## What the examples learn

Written by `python -m benchmarks.learning`; seconds on two cores, for the rows of one example together.

{learning.table(json.loads(learning.RESULTS.read_text()))}
"""


if __name__ == "__main__":
    main()
