"""Parity with Deeplearning4j 1.0.0-M2.1 for its recorded cases: outputs, scores, gradients, fits and streaming."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.goldens import LIMITS, NOT_YET, Case, cases, errors, root

WHOLE = ROOT.parent / "shared" / "dl4j_goldens"
CASES = cases(root(WHOLE, ROOT / "tests" / "fixtures" / "dl4j_goldens"))


@pytest.mark.parametrize("case", [case for case in CASES if case.is_network], ids=lambda case: case.name)
def test_matches_dl4j(case: Case, tmp_path: Path) -> None:
    if case.lacking:
        assert case.lacking in NOT_YET, f"{case.name} is not compared, for want of {case.lacking!r}, which NOT_YET does not list"
        pytest.skip(f"not yet: {case.lacking}")
    off = {kind: error for kind, error in errors(case, tmp_path).items() if not error <= LIMITS.get(kind, 1e-5)}
    assert not off, f"{case.name}: " + ", ".join(f"{kind} is off by {error:.2g}" for kind, error in off.items())


def test_the_list_of_what_is_lacking_ends_with_the_last_case_that_lacks_something() -> None:
    complete = not any(case.lacking for case in CASES if case.is_network)
    assert not (complete and NOT_YET and WHOLE.is_dir()), f"every case is compared: empty NOT_YET, which still lists {sorted(NOT_YET)}"
