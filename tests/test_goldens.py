"""Parity with Deeplearning4j 1.0.0-M2.1 for its recorded cases: outputs, scores, gradients, fits and streaming."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.goldens import LIMITS, cases, errors, load


def _root() -> Path:
    whole = ROOT.parent / "shared" / "dl4j_goldens"
    return whole if (whole / "index.json").is_file() else ROOT / "tests" / "fixtures" / "dl4j_goldens"


@pytest.mark.parametrize("folder", [*cases(_root(), "recurrent"), *cases(_root(), "losses")], ids=lambda p: p.name)
def test_matches_dl4j(folder: Path, tmp_path: Path) -> None:
    found = errors(load(folder), tmp_path)
    assert len(found) >= 7
    for kind, error in found.items():
        assert error <= LIMITS.get(kind, 1e-5), f"{folder.name}: {kind} is off by {error:.2g}"
