"""A stream of 10,000 steps, trained by truncated BPTT, whose answers depend on events three segments back.

    python examples/event_stream/demo.py [--steps 10000] [--epochs 12]

Of every four segments of 20 steps the first shows one of four symbols, at a step of its first half that is drawn at random. Each of the
four asks for it once, at a step drawn at random in its second half. What counts in the end are the answers in the last one, three segments
after the event: no gradient reaches that far back, so what is asked for is in the state that is carried over, or nowhere. A control with
the same layers and data begins every segment with the initial state.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import rnngraph as rg

SEGMENT, APART, SYMBOLS = 20, 3, 4
FEATURES = SYMBOLS + 2
"""One for each symbol, one that asks, one of noise."""


def draw(seed: int, rows: int, steps: int, back: tuple[int, ...] = tuple(range(APART + 1))) -> rg.DataSet:
    """Streams [rows, 6, steps], and the symbol where it is asked for: labels [rows, 4, steps].

    Those count that are as many segments behind their event as ``back`` says.
    """
    rng = np.random.default_rng(seed)
    x, y = np.zeros((rows, FEATURES, steps), np.float32), np.zeros((rows, SYMBOLS, steps), np.float32)
    counts, each = np.zeros((rows, steps), np.float32), np.arange(rows)
    x[:, -1] = 0.1 * rng.standard_normal((rows, steps))
    for number, start in enumerate(range(0, steps - SEGMENT + 1, SEGMENT)):
        behind = number % (APART + 1)
        if behind == 0:
            symbol = rng.integers(0, SYMBOLS, rows)
            x[each, symbol, start + rng.integers(0, SEGMENT // 2, rows)] = 1
        asked = start + rng.integers(SEGMENT // 2, SEGMENT, rows)
        x[each, SYMBOLS, asked] = 1
        y[each, symbol, asked] = 1
        counts[each, asked] = behind in back
    return rg.DataSet(x, y, None, counts)


def in_pieces(data: rg.DataSet) -> rg.DataSet:
    """Each segment as a sequence of its own, which begins with the initial state: the control's view of the same data."""

    def pieces(array: np.ndarray) -> np.ndarray:
        parts = array.reshape(*array.shape[:-1], -1, SEGMENT)
        return np.ascontiguousarray(np.moveaxis(parts, -2, 1).reshape(-1, *array.shape[1:-1], SEGMENT))

    assert data.labels_mask is not None
    return rg.DataSet(pieces(data.features), pieces(data.labels), None, pieces(data.labels_mask))


def network(backprop: rg.TruncatedBPTT | rg.StandardBackprop, units: int = 32) -> rg.MultiLayerNetwork:
    """An LSTM whose forget gates begin nearly open, and a softmax at each step."""
    layers = [
        rg.LSTM(n_in=FEATURES, n_out=units, forget_gate_bias_init=3.0),
        rg.RnnOutputLayer(n_out=SYMBOLS, activation="softmax", loss="mcxent"),
    ]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(5e-3), layers=layers, backprop=backprop))


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    """Train the network and its control; the accuracy of each on streams that it has not seen."""
    parser = argparse.ArgumentParser(description="A stream whose answers depend on events three segments back.")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rows", type=int, default=16)
    args = parser.parse_args(arguments)
    data, test = draw(1, args.rows, args.steps), draw(2, args.rows, args.steps, back=(APART,))
    started = time.perf_counter()
    carried = network(rg.TruncatedBPTT(SEGMENT))
    carried.fit(data, epochs=args.epochs)
    found = carried.evaluate(test).accuracy()
    print(f"state carried over:                accuracy {found:.3f} ({time.perf_counter() - started:.0f} s)")
    dropped = network(rg.StandardBackprop())
    dropped.fit(rg.MiniBatches(in_pieces(data), args.rows), epochs=args.epochs)
    chance = dropped.evaluate(in_pieces(test)).accuracy()
    print(f"state dropped before each segment: accuracy {chance:.3f}; chance is {1 / SYMBOLS:.3f}")
    return found, chance


if __name__ == "__main__":
    main()
