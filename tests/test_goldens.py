"""Parity with Deeplearning4j 1.0.0-M2.1 for its recorded recurrent cases: outputs, scores, gradients, fits and streaming."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.goldens import LIMITS, cases, defects, errors, load


def _root() -> Path:
    whole = ROOT.parent / "shared" / "dl4j_goldens"
    return whole if (whole / "index.json").is_file() else ROOT / "tests" / "fixtures" / "dl4j_goldens"


@pytest.mark.parametrize("folder", cases(_root()), ids=lambda p: p.name)
def test_matches_dl4j(folder: Path, tmp_path: Path) -> None:
    case, defect = load(folder), folder.name in defects(_root())
    found = errors(case, tmp_path, defect)
    assert set(found) >= {"output, torch", "output, reference", "output, onnxruntime"}
    assert ("gradient" in found) == ("score" in case.arrays and not defect)
    for kind, error in found.items():
        assert error <= LIMITS.get(kind, 1e-5), f"{folder.name}: {kind} is off by {error:.2g}"


def test_time_distributed_differs_by_the_mask_alone() -> None:
    """DL4J flattens the data example by example and the mask step by step; where that mask is 1 its output is ours."""
    folder = _root() / "timedistributed_dense_masked"
    if not folder.is_dir():
        pytest.skip("the case is not among the fixtures")
    case = load(folder)
    mask = case.arrays["features_mask"]
    theirs_sees = (mask.T.reshape(mask.shape) > 0) & (mask > 0)
    assert 0 < theirs_sees.sum() < (mask > 0).sum()
    ours, theirs = (y.transpose(0, 2, 1)[theirs_sees] for y in (case.net.output(case.data.features, mask), case.arrays["output"]))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
