"""Models that others wrote with older versions of DL4J; a test skips where they are not beside the clone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.arrays import read_array
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession
from tests.conftest import ROOT

FOLDER = ROOT.parent / "shared" / "dl4j_oracles" / "regression"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the models that others wrote are not here")

BLOCK = {"g": 0, "f": 1, "o": 2, "i": 3}
"""Where DL4J's columns have our gates."""


def vector_of(path: Path) -> np.ndarray:
    return read_array(path.read_bytes(), path.name)


def gates(first: int, rows: int, units: int) -> np.ndarray:
    """Our [4 units, rows] of a matrix [rows, 4 units] that holds the numbers from ``first`` on by columns, in DL4J's order of gates."""
    return np.array([[first + r + rows * (BLOCK[gate] * units + u) for r in range(rows)] for gate in "ifgo" for u in range(units)])


def peepholes(first: int, rows: int) -> np.ndarray:
    """Our [3, units] in the order i, f, o, of the last three columns of RW in the order f, o, i."""
    return np.array([[first + rows * (4 * rows + {"f": 0, "o": 1, "i": 2}[gate]) + u for u in range(rows)] for gate in "ifo"])


def expected(*layers: str) -> dict[str, np.ndarray]:
    """By layer: 1, 2, 3, ... in a GravesLSTM(3 -> 4), a GravesBidirectionalLSTM(4 -> 4) and a RnnOutputLayer(4 -> 5), in our layout."""
    found, at = {}, 1
    first, second, last = layers
    for name, n_in in ((f"{first}.", 3), (f"{second}.forward.", 4), (f"{second}.backward.", 4)):
        found[f"{name}W"] = gates(at, n_in, 4)
        found[f"{name}R"] = gates(at + 16 * n_in, 4, 4)
        found[f"{name}P"] = peepholes(at + 16 * n_in, 4)
        found[f"{name}b"] = gates(at + 16 * n_in + 76, 1, 4)[:, 0]
        at += 16 * n_in + 76 + 16
    found[f"{last}.W"] = np.array([[at + r + 4 * c for r in range(4)] for c in range(5)])
    found[f"{last}.b"] = np.arange(at + 20, at + 25)
    return found


@pytest.mark.parametrize(("name", "kind"), [("LSTM_1", rg.MultiLayerNetwork), ("CG_LSTM_1", rg.ComputationGraph)])
def test_each_number_of_a_file_of_0_6_lands_where_it_must(name: str, kind: type) -> None:
    net = dl4j.load(FOLDER / "060" / f"060_ModelSerializer_Regression_{name}.zip")
    assert isinstance(net, kind)
    wanted = expected("0", "1", "2")
    assert set(net.parameters()) == set(net.updater_state) == set(wanted)
    for key, array in wanted.items():
        np.testing.assert_array_equal(net.parameters()[key], array, err_msg=key)
        np.testing.assert_array_equal(net.updater_state[key]["G"], array, err_msg=key)


def test_the_configuration_of_a_file_of_0_6() -> None:
    settings: Any = {
        "updater": rg.RmsProp(0.15, 0.96), "weight_init": rg.NormalDistribution(0.1, 1.2), "l1": 0.1, "weight_decay": 0.2,
        "weight_decay_apply_lr": False, "gradient_normalization": "clip_element_wise_absolute_value",
        "gradient_normalization_threshold": 1.5,
    }  # fmt: skip
    dropout = rg.Dropout(retain=0.6)  # DL4J's GravesBidirectionalLSTM applies none
    assert dl4j.load(FOLDER / "060" / "060_ModelSerializer_Regression_LSTM_1.zip").config == rg.MultiLayerConfiguration(
        seed=12345,
        layers=[
            rg.GravesLSTM(n_in=3, n_out=4, activation="tanh", mask_mode="ignore", dropout=dropout, **settings),
            rg.GravesBidirectionalLSTM(n_out=4, activation="softsign", mask_mode="reset", **settings),
            rg.RnnOutputLayer(n_out=5, loss="mcxent", mask_mode="ignore", dropout=dropout, **settings),
        ],
    )


def test_a_file_of_beta6_gives_the_output_that_was_recorded_with_it() -> None:
    name = FOLDER / "100b6" / "GravesLSTMCharModelingExample"
    net = dl4j.load(f"{name}_100b6.bin")
    x, y = (vector_of(Path(f"{name}_{what}_100b6.bin")) for what in ("Input", "Output"))
    assert isinstance(net, rg.MultiLayerNetwork)
    np.testing.assert_allclose(net.output(x), y, rtol=0, atol=1e-6)
    assert isinstance(net.config.backprop, rg.TruncatedBPTT)


def test_a_graph_of_beta6_gives_the_output_that_was_recorded_with_it(tmp_path: Path) -> None:
    name = FOLDER / "100b6" / "SyntheticBidirectionalRNNGraph"
    net = dl4j.load(f"{name}_100b6.bin")
    x, y = (vector_of(Path(f"{name}_{what}_100b6.bin")) for what in ("Input", "Output"))
    assert isinstance(net, rg.ComputationGraph)
    export_onnx(net, tmp_path / "net.onnx")
    for output in (net.output, StreamingSession(tmp_path / "net.onnx").output):
        (found,) = output([x])
        np.testing.assert_allclose(found, y, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "version", "kind", "parameters"),
    [
        ("060/060_ModelSerializer_Regression_LSTM_1.zip", "0.6", "MultiLayerNetwork", 477),
        ("060/060_ModelSerializer_Regression_CG_LSTM_1.zip", "0.6", "ComputationGraph", 477),
        ("100b6/GravesLSTMCharModelingExample_100b6.bin", "1.0.0-beta4 to beta7", "MultiLayerNetwork", 558677),
        ("100b6/SyntheticBidirectionalRNNGraph_100b6.bin", "1.0.0-beta4 to beta7", "ComputationGraph", 4515),
    ],
)
def test_descriptions(name: str, version: str, kind: str, parameters: int) -> None:
    found = dl4j.describe(FOLDER / name)
    assert (found.version, found.kind, found.parameters, found.updater_state) == (version, kind, parameters, True)
