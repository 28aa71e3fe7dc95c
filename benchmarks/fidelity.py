"""Write docs/fidelity.md: which recorded cases of Deeplearning4j are met, and how closely.

python -m benchmarks.fidelity
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from rnngraph.files import atomic_write
from tests.goldens import EXCLUDED, LIMITS, cases, errors, load
from tests.test_goldens import _root

ROOT = Path(__file__).resolve().parent.parent


PREFIXES = {"recurrent": ("graves_", "lstm_", "simplernn_"), "losses": ("loss_",)}
"""How the names of a family's cases begin."""


def main() -> None:
    """Compare all cases and write the table."""
    worst: dict[str, tuple[float, str]] = {}
    rows = []
    for family in ("recurrent", "losses"):
        matched, known = 0, cases(_root(), family)
        for case in known:
            with tempfile.TemporaryDirectory() as folder:
                found = errors(load(case), Path(folder))
            matched += all(error <= LIMITS.get(kind, 1e-5) for kind, error in found.items())
            for kind, error in found.items():
                worst[kind] = max(worst.get(kind, (0.0, "")), (error, case.name))
        rows.append(f"| {family} | {len(known) + sum(n.startswith(PREFIXES[family]) for n in EXCLUDED)} | {len(known)} | {matched} |")
    lines = [
        "# Fidelity",
        "",
        "Written by `make fidelity`. Compared with arrays that Deeplearning4j 1.0.0-M2.1 computed in float32 on a CPU:",
        "output, score, gradient, fits, stepping.",
        "Errors are relative to max(0.1, the array's largest value), for parameters after fits to max(1, largest).",
        "",
        "| family | cases | compared | matched |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
        *(f"Not compared: `{name}`: {why}." for name, why in EXCLUDED.items()),
        "",
        "| quantity | accepted | largest error | in case |",
        "| --- | --- | --- | --- |",
        *(f"| {kind} | {LIMITS.get(kind, 1e-5):g} | {error:.1e} | {name} |" for kind, (error, name) in worst.items()),
        "",
        "Activations: values and derivatives of all 21 equal DL4J's table in float64, but for `rrelu` (see differences.md);",
        "`tests/test_golden_tables.py` holds this.",
        "",
        "## Bit equality in onnxruntime",
        "",
        "One exported file gives the same bits whether a sequence is fed whole, in chunks, step by step, or a row alone (CPU, float32),",
        "with and without mask; a masked step leaves no bit. `tests/exporters/test_bits.py` holds this with `numpy.array_equal`, for every",
        "activation as layer and as gate activation. Of ELU, SELU, softplus and mish, whose kernels in onnxruntime give other bits at",
        "a row's tail, the file has forms of Exp and arithmetic; softplus is within 4e-7 of itself over [-80, 100] in float32. A user's",
        "own activation has that property unless it is written with `log`; `rnngraph.ir.activations.lookup(name).invariant` tells.",
        "",
    ]
    (ROOT / "docs").mkdir(exist_ok=True)
    with atomic_write(ROOT / "docs" / "fidelity.md") as file:
        file.write("\n".join(lines).encode())
    print("\n".join(lines))


if __name__ == "__main__":
    main()
