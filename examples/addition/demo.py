"""Sums of two numbers, read and written as text: a sequence-to-sequence network as a ComputationGraph.

    python examples/addition/demo.py [--largest 99] [--epochs 20]

The encoder reads "12+7"; its last output goes to every step of the decoder, which writes "19>" symbol by symbol and sees at each step the
symbol before ("<19"). Questions and answers have different lengths, so both have masks, and the two inputs time axes of their own. The
trained graph is exported, and onnxruntime answers questions that the network has not seen, each symbol from those that it wrote before.
(After the example AdditionModelWithSeq2Seq of Deeplearning4j.)
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify

SYMBOLS = "0123456789+<>"
START, END = "<", ">"


def one_hot(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as [N, 13, T], padded behind, and their mask [N, T]."""
    longest = max(map(len, texts))
    x, mask = np.zeros((len(texts), len(SYMBOLS), longest), np.float32), np.zeros((len(texts), longest), np.float32)
    for row, text in enumerate(texts):
        x[row, [SYMBOLS.index(symbol) for symbol in text], range(len(text))] = 1
        mask[row, : len(text)] = 1
    return x, mask


def data(pairs: np.ndarray) -> rg.MultiDataSet:
    """Questions, what the decoder sees, and what it is to write; ``pairs`` [N, 2] are the numbers."""
    questions, known = one_hot([f"{a}+{b}" for a, b in pairs])
    seen, steps = one_hot([f"{START}{a + b}" for a, b in pairs])
    written, _ = one_hot([f"{a + b}{END}" for a, b in pairs])
    return rg.MultiDataSet([questions, seen], [written], [known, steps], [steps])


def network(units: int) -> rg.ComputationGraph:
    """Encoder, its last output at each step of the answer, decoder."""
    return rg.ComputationGraph(
        rg.ComputationGraphConfiguration(
            seed=1,
            updater=rg.Adam(5e-3),
            inputs=["question", "answer"],
            input_types={name: rg.InputType.recurrent(len(SYMBOLS)) for name in ("question", "answer")},
            vertices={
                "encoder": (rg.LSTM(n_out=units), "question"),
                "thought": (rg.LastTimeStepVertex("question"), "encoder"),
                "repeated": (rg.DuplicateToTimeSeriesVertex("answer"), "thought"),
                "decoder": (rg.LSTM(n_out=units), "answer", "repeated"),
                "symbols": (rg.RnnOutputLayer(n_out=len(SYMBOLS), activation="softmax", loss="mcxent"), "decoder"),
            },
            outputs=["symbols"],
        )
    )


def answers(session: StreamingSession, questions: Sequence[str], longest: int = 8) -> list[str]:
    """What the exported graph writes, each symbol the likeliest after those before."""
    x, mask = one_hot(questions)
    written = [START] * len(questions)
    for _ in range(longest):
        (y,) = session.output([x, one_hot(written)[0]], features_masks=[mask, None])
        written = [text + SYMBOLS[k] for text, k in zip(written, y[:, :, -1].argmax(1), strict=True)]
    return [text[1:].partition(END)[0] for text in written]


def main(arguments: list[str] | None = None) -> float:
    """Train, export, and the share of unseen sums that onnxruntime writes rightly."""
    parser = argparse.ArgumentParser(description="Sums by a sequence-to-sequence network.")
    parser.add_argument("--largest", type=int, default=99)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--units", type=int, default=96)
    args = parser.parse_args(arguments)
    pairs = np.stack(np.meshgrid(*[np.arange(args.largest + 1)] * 2), axis=-1).reshape(-1, 2)
    pairs = np.random.default_rng(0).permutation(pairs)
    seen, unseen = pairs[: len(pairs) * 9 // 10], pairs[len(pairs) * 9 // 10 :][:1000]
    net, started = network(args.units), time.perf_counter()
    net.fit(rg.MiniBatches(data(seen), 128), epochs=args.epochs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "addition.onnx"
        export_onnx(net, path, features_mask=True)
        assert verify(path)
        found = answers(StreamingSession(path), [f"{a}+{b}" for a, b in unseen])
    right = float(np.mean([text == str(a + b) for text, (a, b) in zip(found, unseen, strict=True)]))
    for (a, b), text in list(zip(unseen, found, strict=True))[:3]:
        print(f"{a}+{b} = {text}")
    print(f"{right:.3f} of {len(unseen)} sums that were not trained are right ({time.perf_counter() - started:.0f} s)")
    return right


if __name__ == "__main__":
    main()
