"""Parity with Deeplearning4j 1.0.0-M2.1 for its recorded cases: outputs, scores, gradients, fits and streaming."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnngraph.dl4j import UnsupportedError
from tests.conftest import ROOT
from tests.goldens import LIMITS, NOT_YET, Case, cases, errors, root

CASES = cases(root(ROOT.parent / "shared" / "dl4j_goldens", ROOT / "tests" / "fixtures" / "dl4j_goldens"))
NETWORKS = [case for case in CASES if case.is_network]


@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
def test_matches_dl4j(case: Case, tmp_path: Path) -> None:
    try:
        found = errors(case, tmp_path)
    except UnsupportedError as error:
        assert error.element in NOT_YET, f"{case.name} is not compared, and {error.element!r} is not listed in NOT_YET: {error}"
        pytest.skip(f"not yet: {error.element}")
    off = {kind: error for kind, error in found.items() if not error <= LIMITS.get(kind, 1e-5)}
    assert not off, f"{case.name}: " + ", ".join(f"{kind} is off by {error:.2g}" for kind, error in off.items())
