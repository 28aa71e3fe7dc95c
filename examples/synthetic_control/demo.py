"""Name the kind of a control chart: from CSV files to a stream that is judged at each step.

    python examples/synthetic_control/demo.py [--seed 42] [--epochs 60] [--out FOLDER]

600 series of 60 steps, 100 of each of six kinds, are drawn by the formulas of R. J. Alcock and Y. Manolopoulos (Time-series similarity
queries employing a feature-based approach, 1999). 450 train, 150 test. The network is that of DL4J's example UCISequenceClassification,
but for its forget gates, which begin more open.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify

HERE = Path(__file__).parent
KINDS = ("normal", "cyclic", "increasing", "decreasing", "upward", "downward")
STEPS, EACH = 60, 100


def chart(kind: str, rng: np.random.Generator, steps: int = STEPS) -> np.ndarray:
    """One series [T]: 30 + 2 r with r in [-3, 3], and what makes its kind."""
    t = np.arange(1, steps + 1)
    y = 30 + 2 * rng.uniform(-3, 3, steps)
    sign = -1 if kind in ("decreasing", "downward") else 1
    if kind == "cyclic":
        amplitude, period = rng.uniform(10, 15, 2)
        y += amplitude * np.sin(2 * np.pi * t / period)
    elif kind in ("increasing", "decreasing"):
        y += sign * rng.uniform(0.2, 0.5) * t
    elif kind in ("upward", "downward"):
        y += sign * rng.uniform(7.5, 20) * (t >= rng.uniform(steps / 3, 2 * steps / 3))
    return y


def write_csv(folder: Path, seed: int, each: int = EACH) -> None:
    """Write ``each`` series of each kind in an order that is drawn: series/K.csv, a line a step, and label/K.csv, one line, the class."""
    rng = np.random.default_rng(seed)
    for name in ("series", "label"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, kind in enumerate(rng.permutation(np.repeat(np.arange(len(KINDS)), each))):
        (folder / "series" / f"{number}.csv").write_text("".join(f"{y:.4f}\n" for y in chart(KINDS[kind], rng)))
        (folder / "label" / f"{number}.csv").write_text(f"{kind}\n")


def reader(pattern: Path, first: int, last: int) -> rg.CSVSequenceRecordReader:
    """The files of the numbers ``first`` to ``last``, both included."""
    return rg.CSVSequenceRecordReader(0, ",").initialize(rg.NumberedFileInputSplit(pattern, first, last))


def part(folder: Path, first: int, last: int, seed: int, shuffle: bool) -> rg.SequenceRecordReaderDataSetIterator:
    """Minibatches of 10 series, whose only label stands at their last step."""
    series, labels = (reader(folder / name / "%d.csv", first, last) for name in ("series", "label"))
    return rg.SequenceRecordReaderDataSetIterator(series, labels, 10, len(KINDS), alignment="align_end", shuffle=shuffle, seed=seed)


def network(seed: int) -> rg.MultiLayerNetwork:
    """LSTM(10), softmax over the kinds; gradients clipped at 0.5."""
    return rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(
            seed=seed,
            updater=rg.Nadam(rg.StepSchedule("iteration", 0.01, 0.5, 1500)),
            weight_init="xavier",
            gradient_normalization="clip_element_wise_absolute_value",
            gradient_normalization_threshold=0.5,
            layers=[
                rg.LSTM(n_in=1, n_out=10, activation="tanh", forget_gate_bias_init=5.0),  # a shift may lie 40 steps back
                rg.RnnOutputLayer(n_out=len(KINDS), activation="softmax", loss="mcxent"),
            ],
        )
    )


@dataclass(frozen=True)
class Found:
    """Accuracies on the test part, and the largest differences: onnxruntime whole against stepped, and against torch."""

    accuracy: float
    streamed: float
    stepped: float
    torch: float
    verified: bool


def stream(net: rg.MultiLayerNetwork, normalizer: rg.NormalizerStandardize, path: Path, x: np.ndarray, kinds: np.ndarray) -> Found:
    """Feed raw series [N, 1, T] to the file, all rows a step at a time, each a stream of its own."""
    session = StreamingSession(path)
    for t in range(x.shape[2]):
        y = session.rnn_time_step(x[:, :, t])
    whole, expected = session.output(x), net.output(normalizer.transform_features(x))
    return Found(
        accuracy=float((expected[:, :, -1].argmax(axis=1) == kinds).mean()),
        streamed=float((y.argmax(axis=1) == kinds).mean()),
        stepped=float(np.abs(whole[:, :, -1] - y).max()),
        torch=float(np.abs(whole - expected).max()),
        verified=bool(verify(path)),
    )


def run(out: Path, seed: int, epochs: int, each: int = EACH) -> Found:
    """From files to a stream."""
    write_csv(out / "csv", seed, each)
    count = each * len(KINDS)
    trained = count * 3 // 4
    train = part(out / "csv", 0, trained - 1, seed, shuffle=True)
    test = part(out / "csv", trained, count - 1, seed, shuffle=False)
    normalizer = rg.NormalizerStandardize()
    normalizer.fit(train)
    train.set_pre_processor(normalizer)
    test.set_pre_processor(normalizer)
    net, started = network(seed), time.perf_counter()
    net.fit(train, epochs=epochs)
    seconds = time.perf_counter() - started
    evaluation = net.evaluate(test)
    print(evaluation.stats())
    net.normalizer = normalizer
    net.save(out / "net.rnng")
    export_onnx(net, out / "net.onnx", normalizer=normalizer, class_labels=KINDS)
    x, kinds = (np.stack(list(reader(out / "csv" / name / "%d.csv", trained, count - 1))) for name in ("series", "label"))
    found = stream(net, normalizer, out / "net.onnx", x.transpose(0, 2, 1), kinds[:, 0, 0])
    assert evaluation.accuracy() == found.accuracy
    print(f"trained in {seconds:.1f} s: {epochs} epochs, {net.iteration} updates, seed {seed}")
    return found


def main(arguments: list[str] | None = None) -> Found:
    """Run it all and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--each", type=int, default=EACH, help="series of each kind; three of four train")
    parser.add_argument("--out", type=Path, default=HERE / "out")
    args = parser.parse_args(arguments)
    found = run(args.out, args.seed, args.epochs, args.each)
    print(f"""\
test accuracy, torch                         {found.accuracy:.4f}
test accuracy, streamed step by step         {found.streamed:.4f}
onnxruntime, whole against streamed          {found.stepped:g}   (largest difference; must be exactly 0)
torch against onnxruntime                    {found.torch:.2g}   (largest difference)
verify                                       {"passed" if found.verified else "FAILED"}
ONNX file, takes raw values                  {args.out / "net.onnx"}""")
    if found.stepped != 0.0 or not found.verified:
        raise SystemExit("the file does not compute what the network computes")
    return found


if __name__ == "__main__":
    main()
