"""Two trainings that DL4J's authors published: initial network, scores of every update, parameters after the last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.arrays import read_array
from rnngraph.dl4j.table import shapes
from rnngraph.dl4j.vector import taken_apart
from tests.conftest import ROOT

FOLDER = ROOT.parent / "shared" / "dl4j_oracles" / "integration"
SERIES, CLASSES = 101, 6
Scaling = Callable[[np.ndarray], np.ndarray]


def standardised(x: np.ndarray) -> np.ndarray:
    """Mean 0, deviation 1 over all values."""
    return np.asarray((x - x.mean()) / x.std())


def to_unit_range(x: np.ndarray) -> np.ndarray:
    """Between 0 and 1."""
    return np.asarray((x - x.min()) / (x.max() - x.min()))


def batches(scaling: Scaling) -> list[rg.DataSet]:
    """The first 101 training series, ten batches of 10 and one of 1, with the class of each."""
    train = FOLDER / "data" / "uci_seq" / "train"
    x = scaling(np.stack([np.loadtxt(train / "features" / f"{k}.csv") for k in range(SERIES)]))
    classes = [int(np.loadtxt(train / "labels" / f"{k}.csv")) for k in range(SERIES)]
    y = np.eye(CLASSES)[classes]
    return [rg.DataSet(x[k : k + 10, None, :], y[k : k + 10]) for k in range(0, SERIES, 10)]


@pytest.mark.parametrize(
    ("name", "scaling"), [("RnnCsvSequenceClassification1", standardised), ("RnnCsvSequenceClassification2", to_unit_range)]
)
def test_the_published_training_curve_is_met(name: str, scaling: Scaling) -> None:
    case = FOLDER / name
    if not case.is_dir():
        pytest.skip("DL4J's published models are not beside this clone")
    net = dl4j.load(case / "Model_RANDOM_INIT_UNTRAINED.zip")
    scores = rg.CollectScoresListener()
    net.fit(batches(scaling), listeners=scores, progress=False)
    published = [float(score) for score in Path(case / "trainingCurve.csv").read_text().split(",")]
    np.testing.assert_allclose([score for _, score in scores.scores], published, rtol=0, atol=5e-5)
    after = read_array((case / "paramsPostTrain.bin").read_bytes(), "paramsPostTrain.bin").ravel()
    ours = dl4j.table(net, net.parameters())
    for key, theirs in taken_apart(after, shapes(net.config)).items():
        np.testing.assert_allclose(ours[key], theirs, rtol=0, atol=2e-5 * max(1.0, float(np.abs(theirs).max())), err_msg=key)
