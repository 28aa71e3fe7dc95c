"""One step of one stream, N=1: a session against the same file driven bare, and against what one would write in torch.

    python -m benchmarks.steps [--rounds 15]

torch.compile needs a C++ compiler and half a minute; its row is left out where it does not work.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

import rnngraph as rg
from benchmarks.measure import Row, Run, alternate, network, ratio, void
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession

FEATURES, UNITS, CLASSES, REPEAT = 12, 128, 9, 2000
Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def stepping(rounds: int, folder: Path) -> list[Row]:
    """The rows of LSTM(128) and a softmax."""
    path = folder / "step.onnx"
    export_onnx(network(rg.LSTM(n_in=FEATURES, n_out=UNITS)), path)
    session = StreamingSession(path)
    x = np.random.default_rng(0).standard_normal((1, FEATURES)).astype(np.float32)
    out = np.empty((1, CLASSES), np.float32)
    runs: dict[str, Run] = {
        "session": lambda: void(session.rnn_time_step(x)),
        "out": lambda: void(session.rnn_time_step(x, out=out)),
        "bare": bare(path),
        **peers(x),
    }
    times = alternate(runs, rounds, REPEAT)
    rows = [
        ratio("rnn_time_step, N=1, H=128, CPU : bare run_with_iobinding", times["session"], times["bare"], "<= 1.25"),
        ratio("the same with out= : bare run_with_iobinding", times["out"], times["bare"], ""),
        ratio("torch eager : rnn_time_step", times["eager"], times["session"], ">= 6"),
        ratio("torch LSTMCell in a loop : rnn_time_step", times["cell"], times["session"], ""),
    ]
    if "compiled" in times:
        rows.append(ratio("the same in torch.compile : rnn_time_step", times["compiled"], times["session"], ""))
    return rows


def peers(x: np.ndarray) -> dict[str, Run]:
    """In torch: the network over sequences of one step, its cell in a loop, and that compiled."""
    single = single_cell(UNITS)
    found = {"eager": in_turn(whole_module(UNITS), x, (1, 1, UNITS)), "cell": in_turn(single, x, (1, UNITS))}
    compiled = in_turn(torch.compile(single), x, (1, UNITS))
    try:
        compiled()
    except Exception as error:  # whatever it lacks, the others are measured
        print(f"torch.compile does not work here: {str(error).strip().splitlines()[0]}")
        return found
    return {**found, "compiled": compiled}


def whole_module(units: int, place: str = "cpu") -> Step:
    """nn.LSTM, on a GPU cuDNN's, fed one step; states [1, N, units]."""
    lstm, head = torch.nn.LSTM(FEATURES, units).to(place), torch.nn.Linear(units, CLASSES).to(place)

    def step(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = lstm(x[None], (h, c))
        return torch.softmax(head(y[0]), -1), h, c

    return step


def single_cell(units: int, place: str = "cpu") -> Step:
    """nn.LSTMCell; states [N, units]."""
    cell, head = torch.nn.LSTMCell(FEATURES, units).to(place), torch.nn.Linear(units, CLASSES).to(place)

    def step(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, c = cell(x, (h, c))
        return torch.softmax(head(h), -1), h, c

    return step


def in_turn(step: Step, x: np.ndarray, shape: tuple[int, ...], place: str = "cpu") -> Run:
    """A step that goes on from the state which the one before left, from numpy to numpy as a session's."""
    state = [torch.zeros(shape, device=place), torch.zeros(shape, device=place)]

    def run() -> None:
        with torch.no_grad():
            y, *state[:] = step(torch.from_numpy(x).to(place), *state)
            y.cpu().numpy()

    return run


def bare(path: Path) -> Run:
    """The file's graph driven through two bindings used in turn, and nothing else."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    sets = [[np.zeros([d if isinstance(d, int) else 1 for d in p.shape], np.float32) for p in session.get_outputs()] for _ in range(2)]
    x = np.zeros([d if isinstance(d, int) else 1 for d in session.get_inputs()[0].shape], np.float32)
    bindings = []
    for k in range(2):
        binding = session.io_binding()
        for port, array in zip(session.get_inputs(), [x, *sets[1 - k][1:]], strict=True):
            binding.bind_input(port.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for port, array in zip(session.get_outputs(), sets[k], strict=True):
            binding.bind_output(port.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        bindings.append(binding)
    turn = [0]

    def run() -> None:
        session._sess.run_with_iobinding(bindings[turn[0]]._iobinding, None)
        turn[0] = 1 - turn[0]

    return run


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        for row in stepping(rounds, Path(folder)):
            aim = f"; aim {row['aim']}" if row["aim"] else ""
            print(f"{row['what']}: {row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f}; {row['seconds'] * 1e6:.1f} us{aim})")


if __name__ == "__main__":
    main()
