"""Kills a checkpointed training at random moments and resumes it: the file of the network that comes out equals an unbroken run's.

``python -m tests.training.kill --kills 30``: each kill is one of a run that goes on, half the time, from the kill before. What it left is
copied, resumed in a new process until it is done, and compared. Moments are drawn evenly over the iterations and, within one, over its
time; some are in the start of the process, or behind the last iteration. The disk is a slow one, so that many are amid a write.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

import rnngraph as rg
from rnngraph import serialization
from tests.training.stepwise import padded

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("MultiLayerNetwork", "ComputationGraph")
EPOCHS = 12
RESULT = "result.rnng"


def network(kind: str) -> Any:
    """Truncated BPTT, dropout, weight noise, batch normalisation, Adam with a schedule by iteration, dropout with one by epoch."""
    dropout, rate = rg.Dropout(retain=rg.MapSchedule("epoch", {0: 0.8, 2: 0.6})), rg.StepSchedule("iteration", 1e-2, 0.5, 20)
    settings: dict[str, Any] = {"seed": 5, "updater": rg.Adam(rate), "l2": 1e-3, "backprop": rg.TruncatedBPTT(4, backward_length=3)}
    first, second = rg.LSTM(n_in=3, n_out=64, dropout=dropout), rg.GravesLSTM(n_out=16, weight_noise=rg.DropConnect(retain=0.9))
    out = rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent")
    if kind == "MultiLayerNetwork":
        layers = [first, rg.BatchNormalization(decay=0.5), second, out]
        return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, **settings))
    vertices = {
        "first": (first, "x"),
        "norm": (rg.BatchNormalization(decay=0.5), "first"),
        "second": (second, "norm"),
        "out": (out, "second", "x"),
    }
    types = {"x": rg.InputType.recurrent(3)}
    config = rg.ComputationGraphConfiguration(inputs=["x"], vertices=vertices, outputs=["out"], input_types=types, **settings)
    return rg.ComputationGraph(config)


def examples(seed: int, rows: int) -> rg.DataSet:
    """Series of different lengths; the class of a step is that of its largest feature."""
    data = padded(np.random.default_rng(seed), rows, 3, 10, "right")
    return rg.DataSet(data.features, np.eye(3)[data.features.argmax(axis=1)].transpose(0, 2, 1), data.features_mask)


class Pulse(rg.TrainingListener):
    """Prints a line at the start of the process's training and after each update, before its checkpoint is written."""

    def on_fit_start(self, network: Any, epochs: int) -> None:
        print("start", flush=True)

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        print(iteration, flush=True)


class SlowFile:
    """A file that takes a millisecond for each eighth of what is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, content: bytes) -> None:
        for piece in np.array_split(np.frombuffer(content, np.uint8), 8):
            self._file.write(piece.tobytes())
            self._file.flush()
            time.sleep(0.001)


def make_disk_slow() -> None:
    """Stretch each step of writing a network: the temporary file, its replacing the old one, what comes after."""
    module: Any = serialization
    write, replace = module.atomic_write, os.replace

    @contextmanager
    def slow_write(path: Path) -> Iterator[SlowFile]:
        with write(path) as file:
            yield SlowFile(file)

    def slow_replace(source: Any, target: Any) -> None:
        time.sleep(0.002)
        replace(source, target)
        time.sleep(0.002)

    module.atomic_write = slow_write
    os.replace = slow_replace  # type: ignore[assignment]


def train(folder: Path, kind: str, pulse: bool = True) -> Any:
    """The training: what a user's script does, run again unchanged after a kill."""
    data, validation = rg.MiniBatches(examples(7, 8), 3, seed=11), examples(8, 4)
    listeners = [
        *([Pulse()] if pulse else ()),
        rg.CheckpointListener(folder / "checkpoints", every_n_iterations=2, every_n_epochs=1, keep_last=3),
        rg.EarlyStopping(patience=2, min_improvement=0.01, save_best=folder / "best.rnng"),
        rg.JsonLinesListener(folder / "training.jsonl"),
    ]
    net: Any = rg.CheckpointListener.resume(folder / "checkpoints") or network(kind)
    net.fit(data, epochs=EPOCHS, validation=validation, listeners=listeners, progress=False, resume=True)
    net.save(folder / RESULT)
    return net


def outcome(folder: Path) -> tuple[bytes, bytes, list[Any]]:
    """What has to equal an unbroken run's: the network, the best one's file, and the log without times."""
    lines = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    begun = max(k for k, line in enumerate(lines) if line["event"] == "fit")
    log = [[line.get(key) for key in ("event", "epoch", "iteration", "score", "validation_score")] for line in lines[begun:]]
    return (folder / RESULT).read_bytes(), (folder / "best.rnng").read_bytes(), log


def unbroken(folder: Path, kind: str) -> int:
    """Train in ``folder`` without a kill. How many iterations that is; it ends early, and not at its best epoch."""
    folder.mkdir(parents=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        net = train(folder, kind, pulse=False)
    finally:
        torch.set_num_threads(threads)
    last = json.loads((folder / "training.jsonl").read_text().splitlines()[-1])
    assert net.stopped_by is not None
    assert net.epoch < last["epoch"] + 1 < EPOCHS
    return int(last["iteration"])


def run(folder: Path, kind: str, lines: int | None = None, delay: float = 0.0) -> bool:
    """Train in ``folder`` in a process, kill it ``delay`` seconds after so many lines; None: never. Whether it was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.training.kill", "--folder", str(folder), "--kind", kind]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # threads that wait for each other would slow down who else computes here
    with subprocess.Popen(command, cwd=ROOT, env=one_thread, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in process.stdout if lines is None else itertools.islice(process.stdout, lines):
            pass
        if lines is not None:
            time.sleep(delay)
            process.kill()
            process.stdout.read()
    assert process.returncode in (0, -signal.SIGKILL), process.returncode
    return process.returncode != 0


def leftovers(folder: Path) -> list[str]:
    """Temporary files of writes that were killed."""
    return [path.name for path in folder.rglob(".*.tmp")]


def measure(kills: int, seed: int, kind: str, place: Path) -> tuple[int, int]:
    """Of so many kills, how many runs came out as an unbroken one, and how many kills were amid the writing of a file."""
    draw = random.Random(seed)
    count, wanted = unbroken(place / "unbroken", kind), outcome(place / "unbroken")
    begun = time.monotonic()
    run(place / "timed", kind)
    seconds = time.monotonic() - begun
    equal = amid = done = 0
    at, chain = 0, place / "chain"
    while done < kills:
        lines = draw.randint(0, count - at + 1)
        delay = draw.uniform(0, seconds / 2 if lines == 0 else 0.05)
        if not run(chain, kind, lines, delay):
            shutil.rmtree(chain)
            at = 0
            continue
        done += 1
        left = leftovers(chain)
        amid += bool(left)
        copy = place / f"copy{done}"
        shutil.copytree(chain, copy)
        run(copy, kind)
        same = outcome(copy) == wanted and not leftovers(copy)
        equal += same
        print(
            f"kill {done}: {lines} lines and {delay:.3f} s into the process, {left or 'between writes'}: {'equal' if same else 'NOT EQUAL'}"
        )
        shutil.rmtree(copy)
        at = min(count, at + max(0, lines - 1))
        if draw.random() < 0.5:
            shutil.rmtree(chain)
            at = 0
    return equal, amid


def main() -> None:
    """Measure, or with ``--folder`` train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder is not None:
        make_disk_slow()
        train(given.folder, given.kind)
        return
    with tempfile.TemporaryDirectory() as place:
        equal, amid = measure(given.kills, given.seed, given.kind, Path(place))
    print(f"{given.kind}: {equal} of {given.kills} equal an unbroken run, bit for bit; {amid} kills were amid the writing of a file")
    sys.exit(equal != given.kills)


if __name__ == "__main__":
    main()
