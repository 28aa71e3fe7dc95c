"""``rnngraph evaluate``: saved networks and exported files over files of sequences."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from tests.commands.data import LSTM, NUMBERS, config, sequences, series, table
from tests.commands.networks import exported, network
from tests.commands.running import Run
from tests.exporters.graphs import two_times

FILES = ("--features", "f_%d.csv", "--labels", "l_%d.csv")
NORMALIZER = rg.NormalizerStandardize.from_statistics([50.0, 60.0], [30.0, 20.0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with twelve sequences of three classes."""
    monkeypatch.chdir(tmp_path)
    sequences(tmp_path)
    return tmp_path


def saved(net: rg.MultiLayerNetwork) -> rg.MultiLayerNetwork:
    """``net`` with a normalizer, in ``net.rnng``."""
    net.normalizer = NORMALIZER
    net.save("net.rnng")
    return net


def expected(net: rg.MultiLayerNetwork) -> list[list[int]]:
    """The confusion matrix by a plain loop: each sequence alone, its last step counts."""
    counts = np.zeros((3, 3), int)
    for k in range(12):
        x = NORMALIZER.transform_features(np.loadtxt(f"f_{k}.csv", delimiter=",").T[None])
        counts[k % 3, net.output(x)[0, :, -1].argmax()] += 1
    told: list[list[int]] = counts.tolist()
    return told


def test_a_saved_network_with_its_normalizer(folder: Path, run: Run) -> None:
    net = saved(network(2, 3))
    told = run("evaluate", "net.rnng", *FILES, "--json", "--roc", "--batch-size", 5).json
    confusion = expected(net)
    assert (told["network"], told["sequences"], told["Evaluation"]["examples"]) == ("net.rnng", 12, 12)
    assert told["Evaluation"]["confusion"] == confusion
    assert told["Evaluation"]["accuracy"] == pytest.approx(np.trace(np.array(confusion)) / 12)
    assert 0 <= told["ROCMultiClass"]["auc"] <= 1
    shown = run("evaluate", "net.rnng", *FILES, "--class-labels", "low,mid,high")
    assert shown.out.startswith("net.rnng on 12 sequences of f_%d.csv\n\n")
    for text in ("Evaluation Metrics", " # of classes:    3", "2 = high"):
        assert text in shown.out


@pytest.mark.parametrize("options", [{}, {"features_mask": True}, {"normalizer": NORMALIZER}, {"class_labels": ["a", "b", "c"]}])
def test_an_exported_file_says_the_same(options: dict[str, object], folder: Path, run: Run) -> None:
    """With and without a mask input, the normalizer inside or beside it in the network that it was exported from."""
    net = saved(network(2, 3))
    export_onnx(net, "net.onnx", **options)  # type: ignore[arg-type]
    told = run("evaluate", "net.onnx", *FILES, "--json").json["Evaluation"]
    assert told["confusion"] == expected(net)
    assert told["labels"] == options.get("class_labels", ["0", "1", "2"])


def test_the_normalizer_of_another_network_is_not_taken(folder: Path, run: Run) -> None:
    net = saved(network(2, 3))
    before = expected(net)
    export_onnx(net, "net.onnx")
    other = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=9, layers=net.config.layers))
    saved(other)
    raw = np.zeros((3, 3), int)
    for k in range(12):
        raw[k % 3, net.output(np.loadtxt(f"f_{k}.csv", delimiter=",").T[None])[0, :, -1].argmax()] += 1
    told = run("evaluate", "net.onnx", *FILES, "--json").json["Evaluation"]["confusion"]
    assert told == raw.tolist() != before


def test_an_exported_file_needs_no_torch(folder: Path) -> None:
    export_onnx(saved(network(2, 3)), "net.onnx")
    code = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; from rnngraph.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", "net.onnx", *FILES, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sequences"] == 12


def test_numbers_are_told_in_their_own_units(folder: Path, run: Run) -> None:
    config(folder, LSTM, NUMBERS)
    series(folder)
    options = ("--features", "x_%d.csv", "--labels", "y_%d.csv")
    assert (
        run("train", "config.yaml", *options, "--normalize", "standardize", "--normalize-labels", "--epochs", 1, "--out", "run").code == 0
    )
    net = rg.MultiLayerNetwork.load("run/net.rnng")
    normalizer = net.normalizer
    assert isinstance(normalizer, rg.NormalizerStandardize)
    x, y = (np.stack([np.loadtxt(f"{name}_{k}.csv", delimiter=",").T for k in range(8)]) for name in "xy")
    errors = normalizer.revert_labels(net.output(normalizer.transform_features(x))) - y
    told = run("evaluate", "run", *options, "--json").json["RegressionEvaluation"]
    assert told["mean_squared_error"] == pytest.approx((errors**2).mean(), rel=1e-5)
    assert told["mean_absolute_error"] == pytest.approx(abs(errors).mean(), rel=1e-5)
    assert run("export", "run", "-o", "run/net.onnx").code == 0
    assert run("export", "run", "-o", "run/raw.onnx", "--normalizer").code == 0
    for model in ("run/net.onnx", "run/raw.onnx"):
        assert run("evaluate", model, *options, "--json").json["RegressionEvaluation"] == pytest.approx(told, rel=1e-4)
    assert "col_1" in run("evaluate", "run", *options).out
    assert "pressure" in run("evaluate", "run", *options, "--class-labels", "level,pressure").out
    refused = run("evaluate", "run", *options, "--roc")
    assert refused.code == 2
    assert "--roc is of classes and of yes or no; the network predicts numbers, for which there is no ROC" in refused.err


def test_several_yes_or_no(folder: Path, run: Run) -> None:
    layers = [rg.LSTM(n_in=2, n_out=4), rg.RnnOutputLayer(n_out=2, activation="sigmoid", loss="xent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers))
    right = 0
    for k in range(12):
        x = np.loadtxt(f"f_{k}.csv", delimiter=",")
        table(folder / f"l_{k}.csv", y := (x > 50) * 1.0)
        right += int(((net.output(x.T[None])[0].T > 0.5) == y).sum())
    net.save("net.rnng")
    told = run("evaluate", "net.rnng", *FILES, "--json", "--roc").json
    assert "hot" in run("evaluate", "net.rnng", *FILES, "--class-labels", "cold,hot").out
    steps = sum(len(np.loadtxt(f"f_{k}.csv", delimiter=",")) for k in range(12))
    assert told["EvaluationBinary"]["examples"] == steps
    assert told["EvaluationBinary"]["accuracy"] == pytest.approx(right / (2 * steps))
    assert "auc" in told["ROCBinary"]
    export_onnx(net, "net.onnx", features_mask=True)
    assert run("evaluate", "net.onnx", *FILES, "--json").json["EvaluationBinary"] == pytest.approx(told["EvaluationBinary"])


def test_a_run_is_evaluated_on_what_it_held_back_and_reads_as_it_was_read(folder: Path, run: Run) -> None:
    for path in (*folder.glob("f_*.csv"), *folder.glob("l_*.csv")):
        path.write_text("a header\n" + path.read_text().replace(",", ";"))
    config(folder)
    options = ("--skip-lines", 1, "--delimiter", ";", "--validation-range", "9:11", "--class-labels", "a,b,c")
    assert run("train", "config.yaml", *FILES, *options, "--epochs", 1, "--out", "run").code == 0
    told = run("evaluate", "run", "--json").json
    assert (told["sequences"], told["Evaluation"]["labels"]) == (3, ["a", "b", "c"])
    assert run("evaluate", "run", *FILES, "--range", "0:4", "--json").json["sequences"] == 5
    assert "3 sequences of the run's validation" in run("evaluate", "run").out
    shutil.copytree("run", "moved")
    assert run("evaluate", "moved/net.rnng", *FILES, "--json").json["sequences"] == 12


def test_labels_may_have_other_lines_in_front_than_features(folder: Path, run: Run) -> None:
    for path in folder.glob("f_*.csv"):
        path.write_text("a header\n" + path.read_text())
    config(folder)
    options = ("--skip-lines", 1, "--label-skip-lines", 0, "--epochs", 1)
    assert run("train", "config.yaml", *FILES, *options, "--out", "run").code == 0
    assert run("evaluate", "run", *FILES, "--json").json["sequences"] == 12
    refused = run("evaluate", "run", *FILES, "--label-skip-lines", 5)
    assert refused.code == 2
    assert "no time step is left" in refused.err


def test_the_likeliest_mistakes(folder: Path, run: Run) -> None:
    saved(network(2, 3))
    network(3, 3).save("wide.rnng")
    rg.ComputationGraph(two_times().config).save("graph.rnng")
    exported(folder / "graph.onnx", two_times())
    config(folder)
    assert run("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run").code == 0
    Path("l_3.csv").write_text("7\n")
    for arguments, message in (
        (["none.rnng", *FILES], "none.rnng"),
        (["net.rnng"], "--features is missing; say where the sequences are"),
        (["run"], "run/net.rnng: its run held no sequences back for validation; say which to use: --features 'f_%d.csv'"),
        (["net.rnng", "--features", "f_%d.csv"], "where are the labels?"),
        (["net.rnng", *FILES], "l_3.csv, line 1, column 1 is class 7; expected 0 to 2"),
        (["net.rnng", *FILES, "--range", "4:30"], "f_12.csv is not there"),
        (["wide.rnng", *FILES, "--range", "0:2"], "features"),
        (["graph.rnng", *FILES], "graph.rnng is a ComputationGraph, which may have several inputs; evaluate it in Python"),
        (["graph.onnx", *FILES], "graph.onnx is a graph, which may have several inputs; evaluate it in Python"),
    ):
        refused = run("evaluate", *arguments)
        assert refused.code == 2
        assert message in refused.err
        assert len(refused.err.splitlines()) == 1
        assert refused.err == f"rnngraph: {run('evaluate', *arguments, '--json').json['error']}\n"
