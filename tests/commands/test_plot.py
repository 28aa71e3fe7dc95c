"""``rnngraph plot``: the pictures of a run, and what they are made of."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runs import pictures
from rnngraph.runs.given import Given, asked
from rnngraph.runs.log import curve_of
from rnngraph.runs.models import open_model
from tests.commands.data import CLASSES, FILES, LSTM, NUMBERS, config, series
from tests.commands.networks import network
from tests.commands.running import Run


def size(path: str) -> tuple[int, int]:
    """Width and height of a PNG."""
    content = Path(path).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def test_the_pictures_of_a_run(folder: Path, run: Run) -> None:
    options = ("--validation-range", "8:11", "--batch-size", 5, "--epochs", 2)
    assert run("train", "config.yaml", *FILES, *options, "--out", "run").code == 0
    for name, more in (("curve", []), ("confusion", ["--confusion"]), ("predictions", ["--predictions", "--sequence", 3])):
        shown = run("plot", "run", "-o", f"{name}.png", *more)
        assert (shown.code, shown.err) == (0, "")
        width, height = size(f"{name}.png")
        assert shown.out == f"{name}.png: {width} x {height} pixels\n"
        assert width > 600
    assert run("plot", "run", "-o", "curve.png", "--json").json == {"path": "curve.png", "bytes": Path("curve.png").stat().st_size}
    assert run("plot", "run/log.jsonl", "-o", "again.png").code == 0


def test_the_curve_is_that_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    scores = {0: [3.0, 1.0], 1: [0.5, 0.25], 2: [0.1]}
    told = [{"event": "fit"}, {"event": "iteration", "epoch": 0, "score": 99.0}, {"event": "fit"}]  # of another run before
    for epoch, values in scores.items():
        told += [{"event": "iteration", "epoch": epoch, "score": value} for value in values]
        told += [{"event": "epoch", "epoch": epoch, "validation_score": None if epoch else 2.0}] * (epoch < 2)
    log.write_text("".join(json.dumps(one) + "\n" for one in told) + '{"event": "itera')  # torn by a kill
    found = curve_of(log)
    assert found.at == (0.25, 0.75, 1.25, 1.75, 2.25)
    assert found.scores == (3.0, 1.0, 0.5, 0.25, 0.1)
    assert (found.epochs, found.means, found.validation) == ((1, 2), (2.0, 0.375), (2.0, None))


def drawn(model: str, given: Given, sequence: int = 0) -> dict[str, list[float]]:
    """The lines of the first panel of predictions."""
    from rnngraph.plotting.style import styled

    opened = open_model(Path(model))
    with styled():
        panel = pictures.predictions(opened, asked(given, opened), sequence).axes[0]
        return {str(one.get_label()): np.asarray(one.get_ydata()).tolist() for one in panel.get_lines()}


def test_predictions_of_a_vector_are_what_it_would_say_if_the_sequence_ended(folder: Path) -> None:
    layers = ("- type: LastTimeStep\n  layer: {type: LSTM, n_in: 2, n_out: 5}\n", CLASSES.replace("Rnn", ""))
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration.from_yaml(config(folder, *layers).read_text()))
    net.save("net.rnng")
    export_onnx(net, "net.onnx")
    x = np.loadtxt("f_2.csv", delimiter=",").T[None]
    prefixes = np.stack([net.output(x[:, :, : t + 1])[0] for t in range(x.shape[2])], axis=1)
    for model in ("net.rnng", "net.onnx"):
        found = drawn(model, Given("f_%d.csv", "l_%d.csv"), 2)
        np.testing.assert_allclose([found[f"class {k}"] for k in range(3)], prefixes, atol=1e-5)


def test_predictions_of_numbers_are_in_their_own_units(folder: Path, run: Run) -> None:
    config(folder, LSTM, NUMBERS)
    series(folder)
    files = ("--features", "x_%d.csv", "--labels", "y_%d.csv", "--validation-share", "0.25")
    assert run("train", "config.yaml", *files, "--normalize", "min_max", "--normalize-labels", "--epochs", 1, "--out", "run").code == 0
    found = drawn("run", Given("x_%d.csv", "y_%d.csv"), 1)
    np.testing.assert_allclose(found["label"], np.loadtxt("y_1.csv", delimiter=",")[:, 0], rtol=1e-5)
    assert min(found["prediction"]) > 500
    assert run("plot", "run", "-o", "p.png", "--predictions").code == 0
    refused = run("plot", "run", "-o", "p.png", "--confusion")
    assert "--confusion is of classes; run/net.rnng predicts numbers" in refused.err


def test_the_likeliest_mistakes(folder: Path, run: Run) -> None:
    both = rg.Bidirectional("concat", rg.LSTM(n_in=2, n_out=4))
    layers = [rg.LastTimeStep(both), rg.OutputLayer(n_out=3)]
    rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers)).save("both.rnng")
    network(2, 3).save("net.rnng")
    Path("empty.jsonl").write_text('{"event": "fit"}\n')
    for arguments, message in (
        (["none", "-o", "c.png"], "none cannot be read (No such file or directory); give the folder of a run of rnngraph train"),
        (["empty.jsonl", "-o", "c.png"], "empty.jsonl has no iteration in it: the run has not trained yet"),
        (["none", "-o", "c.jpg"], "--out c.jpg: pictures are PNG; give a name that ends in .png"),
        (["none", "-o", "no/c.png"], "no/c.png: there is no folder no; create it first"),
        (["net.rnng", "-o", "c.png", "--confusion", "--predictions"], "--confusion and --predictions are two pictures"),
        (["net.rnng", "-o", "c.png", "--confusion"], "--features is missing"),
        (
            ["net.rnng", "-o", "c.png"],
            "net.rnng is a network, which has no training curve; give the folder of a run, or ask for --confusion",
        ),
        (
            ["net.rnng", "-o", "c.png", "--predictions", "--sequence", "12", *FILES],
            "--sequence 12: there are 12 sequences; expected 0 to 11",
        ),
        (
            ["both.rnng", "-o", "c.png", "--predictions", *FILES],
            "both.rnng gives one output for the whole sequence and cannot be fed step by",
        ),
    ):
        refused = run("plot", *arguments)
        assert refused.code == 2
        assert message in refused.err
        assert not Path("c.png").exists()
