"""``rnngraph train``: what it trains, writes and tells, and that nothing is lost."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.runs.folder import RunFolder
from tests.commands.data import CLASSES, FILES, LSTM, NUMBERS, config, series, table
from tests.commands.running import Run


def data(numbers: list[int], normalizer: rg.NormalizerStandardize | None = None, seed: int | None = None) -> Any:
    """The same files, read in Python."""
    features, labels = (
        rg.CSVSequenceRecordReader().initialize(rg.CollectionInputSplit([f"{side}_{k}.csv" for k in numbers])) for side in "fl"
    )
    found = rg.SequenceRecordReaderDataSetIterator(features, labels, batch_size=5, n_classes=3, shuffle=seed is not None, seed=seed or 0)
    found.set_pre_processor(normalizer)
    return found


def logged(name: str) -> list[dict[str, Any]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in Path(name, "log.jsonl").read_text().splitlines()]


def test_it_trains_as_a_program_does(folder: Path, run: Run) -> None:
    done = run(
        *("train", "config.yaml", *FILES, "--validation-range", "9:11", "--normalize", "standardize", "--batch-size", 5),
        *("--epochs", 3, "--seed", 4, "--out", "run"),
    )
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[:3] == [
        "network      config.yaml, LSTM -> RnnOutputLayer",
        "training     9 sequences of f_%d.csv, validation 3",
        "normalizer   standardize, fitted on 9 sequences",
    ]
    assert lines[3].startswith("epoch 3/3  score ")
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration.from_yaml(Path("config.yaml").read_text()))
    net.normalizer = rg.NormalizerStandardize()
    net.normalizer.fit(data(list(range(9))))
    trained, held = data(list(range(9)), net.normalizer, seed=4), data([9, 10, 11], net.normalizer)
    scores = rg.CollectScoresListener()
    net.fit(trained, 3, [scores, rg.EarlyStopping()], held)
    kept = rg.MultiLayerNetwork.load("run/net.rnng")
    np.testing.assert_equal(kept.parameters(), net.parameters())
    assert kept.normalizer == net.normalizer
    best = min(range(3), key=lambda k: scores.epochs[k][2] or np.inf)
    assert lines[4] == f"saved        run/net.rnng, the network of epoch {best + 1}, the best by validation ({scores.epochs[best][2]:.4g})"
    assert [one["score"] for one in logged("run") if one["event"] == "iteration"] == [score for _, score in scores.scores]
    assert [one["validation_score"] for one in logged("run") if one["event"] == "epoch"] == [value for _, _, value in scores.epochs]
    assert Path("run/config.yaml").read_text() == Path("config.yaml").read_text()
    assert sorted(one.name for one in Path("run").iterdir()) == ["checkpoints", "config.yaml", "log.jsonl", "net.rnng", "run.json"]


def test_json_is_one_object(folder: Path, run: Run) -> None:
    done = run("train", "config.yaml", *FILES, "--epochs", 2, "--out", "run", "--json")
    assert (done.code, done.err) == (0, "")
    told = done.json
    assert {
        key: told[key] for key in ("network", "epochs", "iterations", "epoch", "validation_score", "best_score", "reason", "signal")
    } == {
        "network": "run/net.rnng",
        "epochs": 2,
        "iterations": 2,
        "epoch": 2,
        **dict.fromkeys(("validation_score", "best_score", "reason", "signal")),
    }
    result = json.loads(Path("run/run.json").read_text())["result"]
    assert result == {key: value for key, value in told.items() if key != "network"}


@pytest.mark.parametrize(
    ("number", "code", "background"),
    [(signal.SIGINT, 130, False), (signal.SIGTERM, 143, False), (signal.SIGHUP, 129, False), (signal.SIGTERM, 143, True)],
)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    number: int, code: int, background: bool, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if background:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = (*FILES, "--validation-share", "0.25", "--batch-size", 4, "--epochs", 4, "--patience", 9, "--normalize", "min_max")
    assert run("train", "config.yaml", *options, "--out", "whole").code == 0
    told = rg.JsonLinesListener.iteration_done

    def stopping(self: rg.JsonLinesListener, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        told(self, network, iteration, epoch, score)
        if iteration == 4:  # the second of the second epoch
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(rg.JsonLinesListener, "iteration_done", stopping)
        stopped = run("train", "config.yaml", *options, "--out", "run")
    assert stopped.code == code
    assert stopped.out.splitlines()[-2:] == [
        "stopped      after 1 epochs, 5 iterations; run/net.rnng is the network as it is now",
        "go on        rnngraph train --out run --resume",
    ]
    assert rg.MultiLayerNetwork.load("run/net.rnng").iteration == 5
    went_on = run("train", "--out", "run", "--resume")
    assert "goes on      after 1 epochs, 5 iterations" in went_on.out
    a, b = (rg.MultiLayerNetwork.load(f"{name}/net.rnng") for name in ("whole", "run"))
    np.testing.assert_equal(a.parameters(), b.parameters())
    assert a.normalizer == b.normalizer
    scores = [[(one["event"], one.get("score"), one.get("validation_score")) for one in logged(name)] for name in ("whole", "run")]
    assert scores[0] == scores[1]
    assert run("train", "--out", "run", "--resume", "--epochs", 5).code == 0  # and longer than was meant
    assert len(Path("run/log.jsonl").read_text().splitlines()) == len(scores[0]) + 4


def test_a_run_that_broke_down_goes_on_from_its_last_checkpoint(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was logged behind the checkpoint is trained, and logged, again."""
    options = (*FILES, "--batch-size", 4, "--epochs", 3, "--checkpoint-every", 2, "--keep-last", 2)
    assert run("train", "config.yaml", *options, "--out", "whole").code == 0
    told = rg.JsonLinesListener.iteration_done

    def breaking(self: rg.JsonLinesListener, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        told(self, network, iteration, epoch, score)
        if iteration == 6:
            raise RuntimeError("broken down")

    with monkeypatch.context() as patch:
        patch.setattr(rg.JsonLinesListener, "iteration_done", breaking)
        with pytest.raises(RuntimeError, match="broken down"):
            run("train", "config.yaml", *options, "--out", "run")
    assert not Path("run/net.rnng").exists()
    went_on = run("train", "--out", "run", "--resume")
    assert "goes on      after 1 epochs, 6 iterations" in went_on.out
    a, b = (rg.MultiLayerNetwork.load(f"{name}/net.rnng") for name in ("whole", "run"))
    np.testing.assert_equal(a.parameters(), b.parameters())
    assert [one.get("score") for one in logged("whole")] == [one.get("score") for one in logged("run")]
    assert len(list(Path("run/checkpoints").iterdir())) == 2


def test_a_full_disk_costs_no_checkpoint(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run").code == 0
    before = {path.name: path.read_bytes() for path in Path("run/checkpoints").iterdir()}

    room: list[int] = []

    def full(descriptor: int) -> None:
        if not room:
            raise OSError(28, "No space left on device")
        room.pop()

    with monkeypatch.context() as patch:
        patch.setattr("rnngraph.files.os.fsync", full)
        assert "--out run: cannot be written (No space left on device); make room" in run("train", "--out", "run", "--resume").err
        room.append(1)  # for what was asked for
        refused = run("train", "--out", "run", "--resume", "--epochs", 2)
    assert refused.code == 2
    assert "cannot be written (No space left on device)" in refused.err
    assert "rnngraph train --out run --resume, from the last checkpoint on" in refused.err
    assert {path.name: path.read_bytes() for path in Path("run/checkpoints").iterdir()} == before
    assert run("train", "--out", "run", "--resume", "--epochs", 2).code == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--target", 100], "EarlyStopping: the mean score of the epoch has reached 100; the best, "),
        (["--max-minutes", "1e-9"], "EarlyStopping: the 1e-09 minutes are over"),
        (["--validation-share", 0.25, "--patience", 1], "EarlyStopping: no improvement of the validation score for 1 epochs; the best, "),
    ],
)
def test_a_run_may_end_early_and_says_why(options: list[object], reason: str, folder: Path, run: Run) -> None:
    config(folder, rate=3.0)
    done = run("train", "config.yaml", *FILES, "--epochs", 50, *options, "--out", "run")
    assert done.code == 0
    assert reason in done.out
    assert json.loads(Path("run/run.json").read_text())["result"]["reason"].startswith(reason)
    assert json.loads(Path("run/run.json").read_text())["result"]["epochs"] < 50


def test_events_for_tensorboard(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    class Events(rg.TrainingListener):
        def __init__(self, log_dir: Path) -> None:
            made.append(log_dir)

    monkeypatch.setattr(rg, "TensorBoardListener", Events)
    assert run("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run", "--tensorboard").code == 0
    assert made == [Path("run/tensorboard")]


def test_ids_and_other_encodings(folder: Path, run: Run) -> None:
    for k in range(4):
        (folder / f"w_{k}.csv").write_text("3\n0\n" * (k + 1), encoding="utf-16")
    config(folder, "- {type: EmbeddingSequenceLayer, n_in: 4, n_out: 2}\n", LSTM, CLASSES)
    options = ("--features", "w_%d.csv", "--labels", "l_%d.csv", "--range", "0:3")
    for k in range(4):
        (folder / f"l_{k}.csv").write_text(f"{k % 3}\n", encoding="utf-16")
    refused = run("train", "config.yaml", *options, "--epochs", 1, "--out", "run")
    assert ".csv, line 1 has the byte 0xff, which is no utf-8 text" in refused.err
    assert "give the encoding in which it was written, as --encoding 'utf-16'" in refused.err
    assert run("train", "config.yaml", *options, "--encoding", "utf-16", "--epochs", 1, "--out", "run").code == 0
    assert run("evaluate", "run", *options, "--json").json["sequences"] == 4


def test_a_constant_column_is_told(folder: Path, run: Run) -> None:
    for k in range(12):
        x = np.loadtxt(f"f_{k}.csv", delimiter=",")
        table(folder / f"f_{k}.csv", np.column_stack([x[:, 0], np.full(len(x), 7.0)]))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        done = run("train", "config.yaml", *FILES, "--normalize", "standardize", "--epochs", 1, "--out", "run", "--json")
    assert done.code == 0
    assert done.json["epochs"] == 1
    assert done.err.startswith("rnngraph: --normalize standardize: column 2 of the features is 7 all over the training files; what differs")


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(folder: Path, run: Run) -> None:
    assert run("train", "config.yaml", *FILES, "--epochs", 2, "--out", "run").code == 0
    shutil.copytree("run", "killed")
    shutil.rmtree("killed/checkpoints")
    Path("killed/net.rnng").unlink()
    assert run("train", "--out", "killed", "--resume").code == 0
    a, b = (rg.MultiLayerNetwork.load(f"{name}/net.rnng").parameters() for name in ("run", "killed"))
    np.testing.assert_equal(a, b)


def test_files_may_have_moved_and_numbers_must_not(folder: Path, run: Run) -> None:
    assert run("train", "config.yaml", *FILES, "--validation-range", "9:11", "--epochs", 1, "--out", "run").code == 0
    Path("moved").mkdir()
    for path in [*folder.glob("f_*.csv"), *folder.glob("l_*.csv")]:
        path.rename(folder / "moved" / path.name)
    went_on = run("train", "--out", "run", "--resume", "--epochs", 2, "--features", "moved/f_%d.csv", "--labels", "moved/l_%d.csv")
    assert went_on.code == 0
    Path("other.yaml").write_text(Path("config.yaml").read_text().replace("n_out: 5", "n_out: 6"))
    for options, message in (
        (["--batch-size", 3], "--batch-size was 32 when the run began and is 3 now"),
        (["--seed", 3], "--seed was 0 when the run began and is 3 now"),
        (["--alignment", "align_start"], "--alignment was align_end when the run began and is align_start now"),
        (["--normalize", "min_max"], "--normalize was None when the run began and is min_max now"),
        (["--validation-range", "8:11"], "--validation-range was (9, 11) when the run began and is (8, 11) now"),
        (["--validation-share", "0.5"], "--validation-range was (9, 11) when the run began and is None now"),
        (["--overwrite"], "--resume and --overwrite exclude each other"),
    ):
        refused = run("train", "--out", "run", "--resume", *options)
        assert refused.code == 2
        assert message in refused.err
    refused = run("train", "other.yaml", "--out", "run", "--resume")
    assert "--resume: other.yaml describes another network than run/config.yaml; leave it out to go on" in refused.err


def test_a_run_that_goes_on_and_is_killed_knows_until_when(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run").code == 0

    def killed(*arguments: object, **more: object) -> None:
        raise SystemExit(137)

    with monkeypatch.context() as patch:
        patch.setattr(rg.MultiLayerNetwork, "fit", killed)
        assert run("train", "--out", "run", "--resume", "--epochs", 3).code == 137
    assert run("train", "--out", "run", "--resume", "--json").json["epochs"] == 3


def test_two_runs_do_not_share_a_folder(folder: Path, run: Run) -> None:
    options = ("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run")
    with RunFolder(Path("run")).held():
        assert "--out run: another rnngraph train writes there now; wait for its end, or name another folder" in run(*options).err
        assert list(Path("run").iterdir()) == []
    assert run(*options).code == 0
    with RunFolder(Path("run")).held():
        for more in (["--overwrite"], ["--resume"]):
            refused = run(*options, *more)
            assert refused.code == 2
            assert "another rnngraph train writes there now" in refused.err
    assert "none/run.json is not there" in run("train", "--out", "none", "--resume").err
    assert not Path("none").exists()
    (kept := Path("run/run.json")).rename("kept")  # what a run that goes on reads, it reads while it has the folder
    with RunFolder(Path("run")).held():
        assert "another rnngraph train writes there now" in run("train", "--out", "run", "--resume").err
    Path("kept").rename(kept)
    assert run(*options, "--resume").code == 0


def test_a_run_is_not_lost_to_the_next_one(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as where it is not installed
    options = ("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run")
    assert run(*options).code == 0
    Path("run/notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    for more, message in (
        (
            [],
            "--out run: a run is there (net.rnng, checkpoints, log.jsonl, config.yaml, run.json); go on with it by --resume, name another",
        ),
        (["--overwrite", "--skip-lines", 9], "no time step is left"),
        (["--overwrite", "--classes", 4], "--classes 4: config.yaml ends in n_out=3"),
        (["--overwrite", "--target", "nan"], "--target nan: expected a finite number, such as 0.1"),
        (["--overwrite", "--max-minutes", -1], "--max-minutes -1: expected a number of minutes above 0"),
        (["--overwrite", "--checkpoint-minutes", 0], "--checkpoint-minutes 0: expected a number of minutes above 0"),
        (["--overwrite", "--validation-share", "nan"], "--validation-share nan: expected a share between 0 and 1, such as 0.2"),
        (["--overwrite", "--tensorboard"], "TensorBoardListener needs tensorboard, which is not installed"),
    ):
        refused = run(*options, *more)
        assert refused.code == 2
        assert message in refused.err
        assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before
    assert run(*options, "--overwrite", "--seed", 3).code == 0
    assert Path("run/notes.txt").read_text() == "mine"
    assert len(list(Path("run/checkpoints").iterdir())) == 1
    Path("own").mkdir()
    Path("own/config.yaml").write_text("mine")
    refused = run(*options[:-1], "own", "--overwrite")
    assert "--out own has config.yaml in it, which no run wrote; name another folder" in refused.err
    assert Path("own/config.yaml").read_text() == "mine"


def test_a_training_that_fails_tells_how_to_go_on(folder: Path, run: Run) -> None:
    config(folder, LSTM, NUMBERS, rate=1e30)
    series(folder)
    refused = run("train", "config.yaml", "--features", "x_%d.csv", "--labels", "y_%d.csv", "--out", "run")
    assert refused.code == 2
    assert "Lower the learning rate, or normalise the features. Of this command: rnngraph train --out run --resume" in refused.err


def test_numbers_are_normalised_and_come_back(folder: Path, run: Run) -> None:
    config(folder, LSTM, NUMBERS)
    series(folder)
    options = ("--features", "x_%d.csv", "--labels", "y_%d.csv", "--normalize", "standardize", "--normalize-labels")
    assert run("train", "config.yaml", *options, "--epochs", 1, "--out", "run").code == 0
    normalizer = rg.MultiLayerNetwork.load("run/net.rnng").normalizer
    assert isinstance(normalizer, rg.NormalizerStandardize)
    y = np.concatenate([np.loadtxt(f"y_{k}.csv", delimiter=",") for k in range(8)])
    assert normalizer.labels is not None
    np.testing.assert_allclose(normalizer.labels.mean, y.mean(axis=0), rtol=1e-5)


VECTOR = ("- type: LastTimeStep\n  layer: {type: LSTM, n_in: 2, n_out: 5}\n", CLASSES.replace("Rnn", ""))
ONE = CLASSES.replace("n_out: 3, activation: softmax, loss: mc", "n_out: 1, activation: sigmoid, loss: ")


@pytest.mark.parametrize(
    ("layers", "options", "labels"),
    [
        pytest.param((LSTM, CLASSES), [], np.eye(3), id="classes"),
        pytest.param(VECTOR, [], np.eye(3), id="a class of the whole"),
        pytest.param((LSTM, CLASSES.replace("mcxent", "sparse_mcxent")), [], np.array([[0], [1], [2]]), id="class numbers"),
        pytest.param((LSTM, NUMBERS.replace("2", "3")), ["--classes", 3], np.eye(3), id="mse of classes"),
        pytest.param((LSTM, NUMBERS.replace("2", "1")), [], np.array([[0], [1], [2]]), id="numbers"),
        pytest.param((LSTM, ONE), [], np.array([[0], [1], [0]]), id="yes or no"),
    ],
)
def test_the_loss_says_what_labels_are(layers: tuple[str, str], options: list[object], labels: np.ndarray, folder: Path, run: Run) -> None:
    """The score before the first update is that of labels made by hand: ``labels`` has those of each class, a row."""
    config(folder, *layers)
    if ONE in layers:
        for k in range(12):
            (folder / f"l_{k}.csv").write_text(f"{k % 3 % 2}\n")
    done = run("train", "config.yaml", *FILES, "--epochs", 1, "--out", "run", "--json", *options)
    assert done.code == 0, done.err
    x = [np.loadtxt(f"f_{k}.csv", delimiter=",") for k in range(12)]
    mask, features, y = np.zeros((12, 7)), np.zeros((12, 2, 7)), labels[np.arange(12) % 3]
    for k, one in enumerate(x):
        mask[k, : len(one)], features[k, :, : len(one)] = 1, one.T
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration.from_yaml(Path("config.yaml").read_text()))
    if layers is not VECTOR:
        last = np.array([len(one) - 1 for one in x])[:, None] == np.arange(7)
        whole = rg.DataSet(features, y[:, :, None] * last[:, None], mask, last)
    else:
        whole = rg.DataSet(features, y, mask)
    assert done.json["score"] == pytest.approx(net.score(whole), rel=1e-5)


def test_labels_may_stand_beside_features(folder: Path, run: Run) -> None:
    for k in range(6):
        x = np.loadtxt(f"f_{k}.csv", delimiter=",")
        table(folder / f"both_{k}.csv", np.column_stack([np.full(len(x), k % 3), x]))
    done = run("train", "config.yaml", "--features", "both_*.csv", "--label-column", 0, "--epochs", 1, "--out", "run")
    assert done.code == 0, done.err
    assert run("evaluate", "run", "--features", "both_*.csv", "--json").json["Evaluation"]["examples"] == sum(
        len(np.loadtxt(f"f_{k}.csv", delimiter=",")) for k in range(6)
    )
    config(folder, LSTM.replace("2", "1"), NUMBERS)
    done = run("train", "config.yaml", "--features", "both_*.csv", "--label-column", 1, "--epochs", 1, "--out", "numbers")
    assert done.code == 0, done.err


MISTAKES = [
    (["none.yaml", *FILES], "none.yaml is not there; expected a file with a MultiLayerConfiguration"),
    (["wrong.yaml", *FILES], "did you mean n_out?"),
    (["torn.yaml", *FILES], "torn.yaml: YAML: line 3, column 1: "),
    ([*FILES], "the configuration is missing: rnngraph train config.yaml --features ..."),
    (["config.yaml"], "--features is missing; say where the sequences are"),
    (
        ["config.yaml", "--features", "f_%d.csv"],
        "where are the labels? Give their files, --labels 'l_%d.csv', or their column, --label-column 0",
    ),
    (["config.yaml", *FILES, "--label-column", "0"], "--labels l_%d.csv and --label-column 0: give one"),
    (
        ["config.yaml", "--features", "g_%d.csv", "--labels", "l_%d.csv"],
        "rnngraph: --features g_%d.csv: there is no file of that name for any number in ",
    ),
    (["config.yaml", "--features", "g*.csv", "--labels", "l*.csv"], "--features: pattern 'g*.csv' fits no file"),
    (["config.yaml", *FILES, "--range", "0-3"], "--range 0-3: expected the first and the last number, both included, such as 0:99"),
    (["config.yaml", *FILES, "--range", "0:12"], "f_12.csv is not there (1 of 13 files missing)"),
    (["config.yaml", "--features", "f_*.csv", "--labels", "l_1*.csv"], "--features f_*.csv are 12 files and --labels l_1*.csv are 3"),
    (
        ["config.yaml", "--features", "f_[0-2].csv", "--labels", "l_[3-5].csv"],
        "f_0.csv would be read with the labels l_3.csv, whose number is",
    ),
    (["config.yaml", *FILES, "--delimiter", ";"], "f_"),
    (["config.yaml", "--features", "bad_%d.csv", "--labels", "l_%d.csv"], "bad_0.csv, line 2, column 1 is 'x'"),
    (["config.yaml", "--features", "bad_%d.csv", "--labels", "l_%d.csv"], "--skip-lines is 0"),
    (["config.yaml", "--features", "f_%d.csv", "--label-column", "7"], "--label-column is 7, but f_"),
    (
        ["config.yaml", *FILES, "--classes", "2"],
        "--classes 2: config.yaml ends in n_out=3; expected as many classes as the network has outputs",
    ),
    (["config.yaml", *FILES, "--classes", "3", "--regression"], "--classes 3 and --regression exclude each other"),
    (["config.yaml", *FILES, "--alignment", "left"], "left"),
    (["config.yaml", *FILES, "--normalize", "none"], "--normalize none: expected standardize or min_max"),
    (["config.yaml", *FILES, "--normalize-labels"], "--normalize-labels is for networks that predict numbers, together with --normalize"),
    (["config.yaml", *FILES, "--validation-share", "0.01"], "--validation-share 0.01 of 12 sequences is 0; both parts need at least one"),
    (
        ["config.yaml", *FILES, "--validation-share", "0.2", "--validation-range", "0:1"],
        "--validation-share holds a part of the training files",
    ),
    (["config.yaml", *FILES, "--validation-range", "0:11"], "--validation-range 0:11 leaves none of 12 sequences to train on"),
    (["config.yaml", *FILES, "--validation-labels", "l_%d.csv"], "--validation-labels l_%d.csv needs --validation-features too"),
    (["narrow.yaml", *FILES], "the training data: "),
    (["config.yaml", *FILES, "--class-labels", "a,b"], "--class-labels has 2 names (a, b), the network 3 outputs; expected one for each"),
    (["config.yaml", *FILES, "--alignment", "equal_length"], "--alignment equal_length expects features and labels of one length"),
    (["config.yaml", "--features", "empty_%d.csv", "--labels", "l_%d.csv"], "empty_0.csv has 0 lines of which 0 are skipped"),
    (["config.yaml", "--features", "ragged_%d.csv", "--labels", "l_%d.csv"], "ragged_0.csv, line 2 has 1 columns, line 1 has 2"),
    (["config.yaml", "--features", "other_%d.csv", "--labels", "l_%d.csv"], "the line '1;2' looks separated by ';'"),
    (
        ["config.yaml", "--features", "nan_%d.csv", "--labels", "l_%d.csv"],
        "nan_0.csv, line 1, column 2 is nan; expected a finite number: --nan",
    ),
    (["config.yaml", *FILES, "--device", "gpu"], "gpu"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing_behind(arguments: list[str], message: str, folder: Path, run: Run) -> None:
    Path("wrong.yaml").write_text(Path("config.yaml").read_text().replace("n_out: 5", "n_outs: 5"))
    Path("narrow.yaml").write_text(Path("config.yaml").read_text().replace("n_in: 2", "n_in: 3"))
    Path("torn.yaml").write_text("seed: 1\nlayers: [\n")
    for name, text in (("bad", "1,2\nx,2\n"), ("empty", ""), ("ragged", "1,2\n3\n"), ("other", "1;2\n3;4\n"), ("nan", "1,nan\n3,4\n")):
        Path(f"{name}_0.csv").write_text(text)
    before = sorted(folder.iterdir())
    refused = run("train", *arguments, "--out", "run")
    assert refused.code == 2
    assert message in refused.err
    assert len(refused.err.splitlines()) == 1
    assert sorted(folder.iterdir()) == before
    told = run("train", *arguments, "--out", "run", "--json")
    assert refused.err == f"rnngraph: {told.json['error']}\n"


def test_folders_that_cannot_be_used(folder: Path, run: Run) -> None:
    for options, message in (
        (["config.yaml", *FILES], "--out is missing; name the folder of the run, as --out run"),
        (["config.yaml", *FILES, "--out", "config.yaml"], "--out config.yaml is a file; give the name of a folder, as run"),
        (["--out", "none", "--resume"], "none/run.json is not there; none is no folder of a run of rnngraph train"),
    ):
        refused = run("train", *options)
        assert refused.code == 2
        assert message in refused.err
    Path("run").mkdir()
    for text, message in (
        ('{"format": 99, "producer": "rnngraph 9"}', "run/run.json has format 99, written by rnngraph 9"),
        ("{}", "KeyError"),
    ):
        Path("run/run.json").write_text(text)
        refused = run("train", "--out", "run", "--resume")
        assert refused.code == 2
        assert message in refused.err
