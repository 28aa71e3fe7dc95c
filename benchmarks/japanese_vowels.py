"""Test accuracy of the demo's network over seeds 0 to 4: mean and standard deviation.

python -m benchmarks.japanese_vowels
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from examples.japanese_vowels import demo
from rnngraph.data import sequences_to_dataset
from rnngraph.files import atomic_write


def main() -> None:
    """Train five times and print."""
    with tempfile.TemporaryDirectory() as name:
        parts = demo.read_parts(Path(name))
    test = sequences_to_dataset(parts["test"].utterances, parts["test"].speakers, n_classes=demo.SPEAKERS)
    accuracies = []
    for seed in range(5):
        net, _ = demo.train(parts["train"], seed, epochs=40, progress=False)
        accuracies.append(net.evaluate(test).accuracy())
        print(f"seed {seed}: {accuracies[-1]:.4f}")
    print(f"mean {statistics.mean(accuracies):.4f}, standard deviation {statistics.stdev(accuracies):.4f}")
    result = Path("benchmarks/results/japanese_vowels.json")
    result.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(result) as file:
        file.write(json.dumps({"test accuracy by seed": accuracies}, indent=1).encode())


if __name__ == "__main__":
    main()
