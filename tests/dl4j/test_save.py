"""Models that DL4J recorded, read and written again: every byte of the arrays, every letter of the configuration."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from rnngraph import dl4j
from tests.dl4j.files import entries
from tests.goldens import Case
from tests.test_goldens import CASES

FILES = ("model.zip", "model_fit.zip")
RECORDED = [(c, name) for c in CASES for name in FILES if (c.folder / name).is_file()]

WITHOUT_EFFECT = {
    "embedding_sequence_lstm": {"inputLength"},
    "embedding_sequence_lstm_masked": {"inputLength"},
    "gradient_none": {"gradientNormalizationThreshold"},
    "tbptt_fwd5_back3_lstm": {"tbpttBackLength"},
    "updater_schedule_adagrad_step": {"learningRate"},
    "weight_decay": {"regularization"},
}
"""What is not read since it changes nothing in DL4J: the length of the series that an embedding saw last, a threshold of no clipping, the
length of DL4J's backward pass, which goes on to the segment's start. A learning rate of NaN, which is DL4J's loss of a schedule, becomes
the default; two entries of one penalty, which add up, become one."""


def resaved(case: Case, name: str, path: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The entries of DL4J's file and of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        warnings.simplefilter("ignore", dl4j.ImportNote)
        dl4j.save(dl4j.load(case.folder / name, case.input_type), path)
    return entries(case.folder / name), entries(path)


@pytest.mark.parametrize(("case", "name"), RECORDED, ids=lambda v: v.name if isinstance(v, Case) else v)
def test_a_recorded_model_comes_out_as_it_went_in(case: Case, name: str, tmp_path: Path) -> None:
    if case.lacking:
        pytest.skip(f"not yet: {case.lacking}")
    if case.name == "updater_schedule_adagrad_step" and name == "model_fit.zip":
        pytest.skip("its parameters are NaN, which no network of ours has")
    theirs, ours = resaved(case, name, tmp_path / "m.zip")
    assert list(ours) == list(theirs)
    texts = [one.pop("configuration.json").decode() for one in (theirs, ours)]
    assert ours == theirs
    if case.name in WITHOUT_EFFECT:
        assert differing(*map(json.loads, texts)) == WITHOUT_EFFECT[case.name]
    else:
        assert texts[1] == texts[0]


def differing(a: Any, b: Any, key: str = "") -> set[str]:
    """The keys of what is not equal."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return set().union(*(differing(a[k], b[k], k) for k in a))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return set().union(*(differing(x, y, key) for x, y in zip(a, b, strict=True)))
    return set() if a == b and type(a) is type(b) else {key}
