"""The adding problem (Hochreiter and Schmidhuber 1997, section 5.4): remember two numbers over a hundred steps, and give their sum.

    python examples/adding_problem/demo.py [--steps 100] [--seeds 3] [--updates 1500]

Each sequence has two features: a number drawn from [0, 1] at every step, and a marker that is 1 at two steps, one in each half. The label
is the sum of the two marked numbers. Who always says 1 has a mean squared error of 1/6; solved is below 0.01.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

import rnngraph as rg

SOLVED = 0.01
RATE = 3e-3


def draw(rng: np.random.Generator, rows: int, steps: int) -> rg.DataSet:
    """Sequences [rows, 2, steps] and their sums [rows, 1]."""
    numbers, markers = rng.random((rows, steps), np.float32), np.zeros((rows, steps), np.float32)
    each = np.arange(rows)
    markers[each, rng.integers(0, steps // 2, rows)] = 1
    markers[each, rng.integers(steps // 2, steps, rows)] = 1
    return rg.DataSet(np.stack([numbers, markers], 1), (numbers * markers).sum(1, keepdims=True))


class Fresh:
    """``count`` minibatches an epoch that are never seen again; which ones follows from seed and epoch, so that a fit can be resumed."""

    def __init__(self, seed: int, count: int, rows: int, steps: int) -> None:
        self.seed, self.count, self.rows, self.steps, self._epoch = seed, count, rows, steps, 0

    def set_epoch(self, epoch: int) -> None:
        """``fit`` calls it."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[rg.DataSet]:
        rng = np.random.default_rng([self.seed, self._epoch])
        return (draw(rng, self.rows, self.steps) for _ in range(self.count))


def network(seed: int, steps: int, units: int = 48) -> rg.MultiLayerNetwork:
    """An LSTM whose cells remember for up to ``steps`` steps from the start.

    Tallec and Ollivier 2018, section 3: the bias of a forget gate is ln u, with u uniform in [1, steps - 1], that of the input gate -ln u.
    """
    layers = [rg.LastTimeStep(rg.LSTM(n_in=2, n_out=units)), rg.OutputLayer(n_out=1, activation="identity", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=seed, updater=rg.Adam(RATE), layers=layers))
    parameters = net.parameters()
    remembers = np.log(np.random.default_rng(seed).uniform(1, steps - 1, units))
    parameters["0.b"][:units], parameters["0.b"][units : 2 * units] = -remembers, remembers  # gates i, f, g, o
    net.set_parameters(parameters)
    return net


def error(net: rg.MultiLayerNetwork, data: rg.DataSet) -> float:
    """The mean squared error."""
    return float(np.mean((net.output(data.features) - data.labels) ** 2))


def train(seed: int, steps: int, updates: int, rows: int = 64, units: int = 48) -> float:
    """Train a network; its error on a thousand sequences that it has not seen."""
    net = network(seed, steps, units)
    net.fit(Fresh(seed, updates, rows, steps))
    return error(net, draw(np.random.default_rng([seed, 2**31]), 1000, steps))


def main(arguments: list[str] | None = None) -> list[float]:
    """Train one network a seed; their errors."""
    parser = argparse.ArgumentParser(description="The adding problem.")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=1500)
    args = parser.parse_args(arguments)
    errors = []
    for seed in range(args.seeds):
        started = time.perf_counter()
        errors.append(train(seed, args.steps, args.updates))
        solved = "solved" if errors[-1] < SOLVED else "not solved"
        seconds = time.perf_counter() - started
        print(f"seed {seed}: mean squared error {errors[-1]:.5f} on fresh sequences of {args.steps} steps, {solved} ({seconds:.0f} s)")
    return errors


if __name__ == "__main__":
    main()
