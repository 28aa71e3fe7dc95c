"""Write docs/fidelity.md: which recorded cases of Deeplearning4j are met, and how closely.

python -m benchmarks.fidelity
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnngraph.files import atomic_write
from tests.goldens import DIFFERENCES, FAMILIES, LIMITS, Case, Errors, errors
from tests.test_goldens import CASES

ROOT = Path(__file__).resolve().parent.parent

GROUPS = {
    "outputs": ("output, torch", "output, reference", "output, onnxruntime"),
    "steps": ("steps, torch", "steps, onnxruntime"),
    "scores": ("score", "score during fits"),
    "gradients": ("gradient",),
    "parameters": ("parameters after fits",),
}
"""The columns of the table of families, and what is in each."""


@dataclass
class Result:
    """What came of one case: its errors, or the element that rnngraph lacks."""

    case: Case
    errors: Errors = field(default_factory=dict)
    lacking: str = ""

    @property
    def matched(self) -> bool:
        """Whether everything that was compared is within its limit."""
        return not self.lacking and all(error <= LIMITS.get(kind, 1e-5) for kind, error in self.errors.items())


def compare(case: Case) -> Result:
    """Compare one case."""
    if case.lacking:
        return Result(case, lacking=case.lacking)
    with tempfile.TemporaryDirectory() as folder:
        return Result(case, errors=errors(case, Path(folder)))


def main() -> None:
    """Compare all cases and write the report."""
    results = [compare(case) for case in CASES if case.is_network]
    text = "\n".join(_report(results))
    (ROOT / "docs").mkdir(exist_ok=True)
    with atomic_write(ROOT / "docs" / "fidelity.md") as file:
        file.write(text.encode())
    print(text)


def _report(results: Sequence[Result]) -> Iterator[str]:
    yield "# Fidelity"
    yield ""
    yield "Written by `make fidelity`. Compared with arrays that Deeplearning4j 1.0.0-M2.1 computed in float32 on a CPU:"
    yield "outputs in torch, in the reference backend and in onnxruntime through an exported file; steps, chunks and states of streams;"
    yield "scores, gradients, and parameters after up to ten fits. Errors are relative to max(0.1, the array's largest value), for"
    yield "parameters to max(1, largest). Masked cases are compared where both masks are 1."
    yield ""
    yield from _families(results)
    yield from _quantities(results)
    yield from _outputs_alone(results)
    yield from _lacking(results)
    yield from _misses(results)
    yield "## Beside networks"
    yield ""
    yield "What DL4J wrote of the other families is held by tests: `csv`, 15 cases, every array and mask exactly, and a 16th, a refusal"
    yield "(`tests/data/test_sequence_iterator.py`);"
    yield "`evaluation`, 9 cases, every number to 1e-6, most to the last bits, and the texts byte for byte but two of regression, whose"
    yield "sums DL4J rounds to float32 (`tests/evaluation/test_goldens.py`); `data`, one case, statistics and arrays of"
    yield "normalizers (`tests/data/test_normalizers.py`)."
    yield ""
    yield "## Bit equality in onnxruntime"
    yield ""
    yield "One exported file gives the same bits whether a sequence is fed whole, in chunks, step by step, or a row alone (CPU, float32),"
    yield "with and without mask; a masked step leaves no bit. `tests/exporters/test_bits.py` holds this with `numpy.array_equal`."
    yield ""


def _families(results: Sequence[Result]) -> Iterator[str]:
    """By family: how many cases there are, are compared and match, and the largest errors."""
    yield f"| family | cases | compared | matched | {' | '.join(GROUPS)} |"
    yield f"| --- | --- | --- | --- | {' | '.join('---' for _ in GROUPS)} |"
    for family in FAMILIES:
        size = sum(case.family == family for case in CASES)
        own = [r for r in results if r.case.family == family and not r.lacking]
        largest = (max((r.errors[kind] for r in own for kind in kinds if kind in r.errors), default=None) for kinds in GROUPS.values())
        shown = " | ".join("" if error is None else f"{error:.1e}" for error in largest)
        yield f"| {family} | {size} | {len(own)} | {sum(r.matched for r in own)} | {shown} |"
    arrays = [f"`{case.name}`" for case in CASES if not case.is_network]
    if arrays:
        yield ""
        yield f"No networks, and so not counted as compared: {', '.join(arrays)}."
    yield ""


def _quantities(results: Sequence[Result]) -> Iterator[str]:
    """By quantity: the largest error, and where."""
    yield "| quantity | accepted | largest error | in case |"
    yield "| --- | --- | --- | --- |"
    for kind in (kind for kinds in GROUPS.values() for kind in kinds):
        found = [(r.errors[kind], r.case.name) for r in results if kind in r.errors]
        if found:
            error, name = max(found)
            yield f"| {kind} | {LIMITS.get(kind, 1e-5):g} | {error:.1e} | `{name}` |"
    yield ""


def _outputs_alone(results: Sequence[Result]) -> Iterator[str]:
    """Cases whose gradients are DL4J's mistakes."""
    alone = [r for r in results if not r.case.gradients_count and not r.lacking]
    if not alone:
        return
    yield "## Compared by outputs alone"
    yield ""
    yield "DL4J's gradients of these cases are not those of their scores:"
    yield ""
    reasons = {**json.loads((alone[0].case.folder.parent / "gradient_defects.json").read_text())["cases"], **DIFFERENCES}
    yield from (f"- `{r.case.name}`: {reasons[r.case.name]}" for r in alone)
    yield ""


def _lacking(results: Sequence[Result]) -> Iterator[str]:
    """What rnngraph lacks, and for which cases."""
    by_element: dict[str, list[str]] = {}
    for r in results:
        if r.lacking:
            by_element.setdefault(r.lacking, []).append(f"`{r.case.name}`")
    if by_element:
        yield "## Not yet compared"
        yield ""
        yield from (f"- {element}: {', '.join(names)}" for element, names in sorted(by_element.items()))
        yield ""


def _misses(results: Sequence[Result]) -> Iterator[str]:
    """Cases that do not match."""
    misses = [r for r in results if not r.lacking and not r.matched]
    if misses:
        yield "## Not matched"
        yield ""
        for r in misses:
            off = ", ".join(f"{kind} by {error:.1e}" for kind, error in r.errors.items() if not error <= LIMITS.get(kind, 1e-5))
            yield f"- `{r.case.name}`: {off}"
        yield ""


if __name__ == "__main__":
    main()
