"""Name the speaker of a Japanese vowel: from CSV files to a streaming ONNX model, with every number checked on the way.

    python examples/japanese_vowels/demo.py [--seed 0] [--epochs 40] [--out FOLDER]

640 utterances of nine male speakers, 12 LPC cepstrum coefficients a frame, 7 to 29 frames; 270 to train, 370 to test
(Kudo, Toyama and Shimbo 1999; data/README.md has the source).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rnngraph as rg
from rnngraph.data import CSVSequenceRecordReader, NumberedFileInputSplit, sequences_to_dataset
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify
from rnngraph.training.listeners import CollectScoresListener

HERE = Path(__file__).parent
SPEAKERS = 9


@dataclass(frozen=True)
class Part:
    """The utterances of one split: each [frames, 12], and who speaks."""

    utterances: list[np.ndarray]
    speakers: np.ndarray


def write_csv(folder: Path) -> dict[str, np.ndarray]:
    """Write each utterance as a numbered CSV file, as a user's own data would lie; the speakers by split."""
    rows: dict[tuple[str, int], list[list[str]]] = {}
    speakers: dict[str, dict[int, int]] = {"train": {}, "test": {}}
    with gzip.open(HERE / "data" / "japanese_vowels.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            key = (row["split"], int(row["utterance"]))
            rows.setdefault(key, []).append([row[f"c{k}"] for k in range(1, 13)])
            speakers[key[0]][key[1]] = int(row["speaker"])
    for (split, number), frames in rows.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        (folder / split / f"{number}.csv").write_text("\n".join(",".join(f) for f in frames) + "\n")
    return {split: np.array([by[k] for k in range(len(by))]) for split, by in speakers.items()}


def read_csv(folder: Path, speakers: np.ndarray) -> Part:
    """Read the numbered files back."""
    reader = CSVSequenceRecordReader()
    reader.initialize(NumberedFileInputSplit(str(folder / "%d.csv"), 0, len(speakers) - 1))
    return Part([np.asarray(sequence) for sequence in reader], speakers)


def read_parts(folder: Path) -> dict[str, Part]:
    """Both splits through CSV files in ``folder``, standardised by mean and deviation of the training part."""
    parts = {split: read_csv(folder / split, who) for split, who in write_csv(folder).items()}
    frames = np.concatenate(parts["train"].utterances)
    mean, deviation = frames.mean(0), frames.std(0)
    return {split: Part([(u - mean) / deviation for u in part.utterances], part.speakers) for split, part in parts.items()}


def network(seed: int) -> rg.MultiLayerNetwork:
    """LSTM(100), the last real step, softmax over the speakers."""
    return rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(
            seed=seed,
            updater=rg.Adam(2e-3, epsilon=1e-3),
            l2=1e-3,
            layers=[
                rg.LastTimeStep(rg.LSTM(n_in=12, n_out=100)),
                rg.OutputLayer(n_out=SPEAKERS, activation="softmax", loss="mcxent"),
            ],
        )
    )


def train(part: Part, seed: int, epochs: int, progress: bool = True) -> tuple[rg.MultiLayerNetwork, list[tuple[int, float]]]:
    """Train on shuffled minibatches of 16; the settings were chosen by cross-validation within the training part."""
    data = sequences_to_dataset(part.utterances, part.speakers, n_classes=SPEAKERS)
    net, scores = network(seed), CollectScoresListener()
    net.fit(Shuffled(data, 16, seed), epochs=epochs, listeners=[scores], progress=progress)
    return net, scores.scores


@dataclass
class Shuffled:
    """Minibatches in a new order each epoch, the same for the same seed."""

    data: rg.DataSet
    size: int
    seed: int
    epoch: int = 0

    def __iter__(self) -> Iterator[rg.DataSet]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.data.num_examples())
        self.epoch += 1
        for start in range(0, len(order), self.size):
            yield self.data.rows(order[start : start + self.size])


def stream(session: StreamingSession, part: Part) -> tuple[float, float, float]:
    """Each utterance frame by frame: accuracy, largest difference from the utterance fed whole, seconds a step."""
    right, difference, seconds, steps = 0, 0.0, 0.0, 0
    for utterance, speaker in zip(part.utterances, part.speakers, strict=True):
        session.rnn_clear_previous_state()
        frames = np.ascontiguousarray(utterance, np.float32)[:, None, :]
        started = time.perf_counter()
        for frame in frames:
            y = session.rnn_time_step(frame)
        seconds += time.perf_counter() - started
        steps += len(frames)
        whole = session.output(np.ascontiguousarray(utterance.T[None], np.float32))
        difference = max(difference, float(np.abs(whole - y).max()))
        right += int(y.argmax() == speaker)
    return right / len(part.speakers), difference, seconds / steps


def torch_step_seconds(net: rg.MultiLayerNetwork, part: Part) -> float:
    """Seconds a step of the same network in torch."""
    started, steps = time.perf_counter(), 0
    for utterance in part.utterances[:40]:
        net.rnn_clear_previous_state()
        for frame in np.ascontiguousarray(utterance, np.float32)[:, None, :]:
            net.rnn_time_step(frame)
            steps += 1
    net.rnn_clear_previous_state()
    return (time.perf_counter() - started) / steps


def plot(scores: list[tuple[int, float]], path: Path) -> None:
    """The training curve as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    axes.plot(*zip(*scores, strict=True), linewidth=0.8)
    axes.set(xlabel="iteration", ylabel="score (cross-entropy a minibatch, with L2)", yscale="log", title="Japanese Vowels: training")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    """Run it all and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--out", type=Path, default=HERE / "out")
    args = parser.parse_args()
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    parts = read_parts(out / "csv")
    test = sequences_to_dataset(parts["test"].utterances, parts["test"].speakers, n_classes=SPEAKERS)
    started = time.perf_counter()
    net, scores = train(parts["train"], args.seed, args.epochs)
    seconds = time.perf_counter() - started
    plot(scores, out / "training_curve.png")
    net.save(out / "net.rnng")
    export_onnx(net, out / "net.onnx", features_mask=True)
    session = StreamingSession(out / "net.onnx")
    accuracy, difference, step = stream(session, parts["test"])
    torch_output, onnx_output = (f(test.features, test.features_mask) for f in (net.output, session.output))
    print(net.evaluate(test).stats())
    print(f"""
trained in                                   {seconds:.1f} s ({args.epochs} epochs, {net.iteration} updates, seed {args.seed})
test accuracy, torch                         {net.evaluate(test).accuracy():.4f}
test accuracy, streamed frame by frame       {accuracy:.4f}
onnxruntime, whole against streamed          {difference:g}   (largest difference; must be exactly 0)
torch against onnxruntime                    {np.abs(torch_output - onnx_output).max():.2g}   (largest difference)
a step in onnxruntime / in torch             {step * 1e6:.0f} us / {torch_step_seconds(net, parts["test"]) * 1e6:.0f} us
verify                                       {"passed" if verify(out / "net.onnx") else "FAILED"}
training curve                               {out / "training_curve.png"}
network                                      {out / "net.rnng"}
ONNX file                                    {out / "net.onnx"}""")
    if difference != 0.0:
        raise SystemExit(f"whole and streamed outputs differ by {difference}; they must be equal")


if __name__ == "__main__":
    main()
