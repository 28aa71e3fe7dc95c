"""Write docs/fidelity.md: which recorded cases of Deeplearning4j are met, and how closely.

python -m benchmarks.fidelity
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path

from rnngraph.files import atomic_write
from tests.goldens import EXCLUDED, FAMILIES, LIMITS, cases, defects, errors, load
from tests.test_goldens import _root

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Compare all cases and write the table."""
    worst: dict[str, tuple[float, str]] = {}
    root = _root()
    index, faulty = json.loads((root / "index.json").read_text()), defects(root)
    compared, matched, partly = Counter[str](), Counter[str](), 0
    for case in cases(root):
        with tempfile.TemporaryDirectory() as folder:
            found = errors(load(case), Path(folder), case.name in faulty)
        family = index[case.name]["family"]
        compared[family] += 1
        partly += case.name in faulty
        matched[family] += all(error <= LIMITS.get(kind, 1e-5) for kind, error in found.items())
        for kind, error in found.items():
            worst[kind] = max(worst.get(kind, (0.0, "")), (error, case.name))
    totals = Counter(entry["family"] for entry in index.values())
    lines = [
        "# Fidelity",
        "",
        "Written by `make fidelity`. Compared with arrays that Deeplearning4j 1.0.0-M2.1 computed in float32 on a CPU:",
        "output, score, gradient, five fits, stepping; outputs of masked cases where both masks are 1.",
        "Errors are relative to max(0.1, the array's largest value), for parameters after fits to max(1, largest).",
        "",
        "| family | cases | compared | matched |",
        "| --- | --- | --- | --- |",
        *(f"| {family} | {totals[family]} | {compared[family]} | {matched[family]} |" for family in FAMILIES),
        "",
        f"Of {partly} of these cases, whose gradients DL4J computes wrongly, outputs and the initial score alone are compared.",
        *(f"Not compared: `{name}`: {why}." for name, why in EXCLUDED.items()),
        "",
        "| quantity | accepted | largest error | in case |",
        "| --- | --- | --- | --- |",
        *(f"| {kind} | {LIMITS.get(kind, 1e-5):g} | {error:.1e} | {name} |" for kind, (error, name) in worst.items()),
        "",
        "## Bit equality in onnxruntime",
        "",
        "One exported file gives the same bits whether a sequence is fed whole, in chunks, step by step, or a row alone (CPU, float32),",
        "with and without mask; a masked step leaves no bit. `tests/exporters/test_bits.py` holds this with `numpy.array_equal`.",
        "",
    ]
    (ROOT / "docs").mkdir(exist_ok=True)
    with atomic_write(ROOT / "docs" / "fidelity.md") as file:
        file.write("\n".join(lines).encode())
    print("\n".join(lines))


if __name__ == "__main__":
    main()
