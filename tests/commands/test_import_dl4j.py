"""``rnngraph import-dl4j``, run as a user runs it: what it tells, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.runtime import ParityReport, read_manifest
from rnngraph.runtime import verify as compare
from rnngraph.runtime.verify import ParityRow
from tests.commands.running import Run
from tests.dl4j.files import entries, write_model
from tests.goldens import Case

LAYERS = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
X = np.random.default_rng(5).normal(size=(2, 3, 6)).astype(np.float32)
DATA = rg.DataSet(X, np.stack([X[:, 0] > 0, X[:, 0] <= 0], axis=1).astype(np.float32))


def trained() -> rg.MultiLayerNetwork:
    """Two updates old, with a normalizer, and with DL4J's use of masks."""
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-2), layers=LAYERS, mask_mode="ignore"))
    net.fit(DATA, epochs=2, progress=False)
    net.normalizer = rg.NormalizerStandardize.from_statistics([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    return net


def saved(net: rg.MultiLayerNetwork | rg.ComputationGraph, path: Path) -> Path:
    """As a file of DL4J's, where masks mean something else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        dl4j.save(net, path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file; never written to."""
    path = tmp_path_factory.mktemp("model") / "model.zip"
    return saved(trained(), path)


def test_a_look_writes_nothing(model: Path, run: Run) -> None:
    before = model.read_bytes()
    shown = run("import-dl4j", model)
    assert (shown.code, shown.err) == (0, "")
    assert shown.rows == [["0", "LSTM", "[N, 3, T]", "[N, 4, T]", "128"], ["1", "RnnOutputLayer", "[N, 4, T]", "[N, 2, T]", "10"]]
    for text in (
        f"{model}: a MultiLayerNetwork of DL4J 1.0.0-M2 or M2.1",
        "parameters     138 of type FLOAT",
        "updater state  comes along: training goes on where it stopped",
        "trained        2 iterations, 2 epochs",
        "normalizer     <NormalizerStandardize(fit_label=False), 3 features>, comes along as net.normalizer",
        "streams        yes",
    ):
        assert text in shown.out
    assert "written" not in shown.out
    assert [path.name for path in model.parent.iterdir()] == ["model.zip"]
    assert model.read_bytes() == before


def test_the_network_is_written_as_it_was(model: Path, tmp_path: Path, run: Run) -> None:
    shown = run("import-dl4j", model, "-o", tmp_path / "net.rnng")
    assert shown.code == 0
    assert f"written        {tmp_path / 'net.rnng'}: the network, " in shown.out
    was, net = trained(), rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    np.testing.assert_array_equal(net.output(X), was.output(X))
    assert net.normalizer == was.normalizer
    for one in (was, net):
        one.fit(DATA, epochs=1, progress=False)
    np.testing.assert_array_equal(net.output(X), was.output(X))  # what Adam keeps came along


def test_the_onnx_file_has_a_mask_input_and_is_checked(model: Path, tmp_path: Path, run: Run) -> None:
    shown = run("import-dl4j", model, "--onnx", tmp_path / "net.onnx")
    assert shown.code == 0
    assert "net.onnx: ONNX with a mask input, " in shown.out
    assert "golden 0: y" in shown.out
    assert "comparisons within tolerance" in shown.out
    assert compare(tmp_path / "net.onnx", trained())
    manifest = read_manifest(tmp_path / "net.onnx")
    assert (manifest.mask.rule is not None, manifest.normalizer) == (True, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx", "net.onnx.golden"]


def test_without_mask_and_with_the_normalizer_inside(model: Path, tmp_path: Path, run: Run) -> None:
    shown = run("import-dl4j", model, "--onnx", tmp_path / "net.onnx", "--no-mask", "--bake-normalizer")
    assert shown.code == 0
    assert "net.onnx: ONNX without a mask input, takes raw values, " in shown.out
    manifest = read_manifest(tmp_path / "net.onnx")
    assert manifest.mask.rule is None
    assert manifest.normalizer is not None
    assert manifest.normalizer["inputs"]["x"]["mean"] == [1.0, 2.0, 3.0]


def test_a_number_that_is_off_is_exit_code_1(model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    off = ParityReport("net.onnx", "cpu", (ParityRow("golden 0: y", 0.5, 0.5, 1e-5, ok=False),))
    monkeypatch.setattr("rnngraph.runtime.verify", lambda path: off)
    shown = run("import-dl4j", model, "--onnx", tmp_path / "net.onnx")
    assert shown.code == 1
    assert "1 of 1 comparisons OFF" in shown.out


def test_a_file_that_cannot_be_checked_is_told(model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise rg.ModelFileError("onnxruntime cannot open it")

    monkeypatch.setattr("rnngraph.runtime.verify", refuse)
    shown = run("import-dl4j", model, "--onnx", tmp_path / "net.onnx")
    assert shown.code == 2
    told = f"onnxruntime cannot open it. What was asked for is written, but {tmp_path}/net.onnx could not be checked\n"
    assert shown.err == f"rnngraph: {told}"


def test_json_is_one_object(model: Path, tmp_path: Path, run: Run) -> None:
    shown = run("import-dl4j", model, "-o", tmp_path / "net.rnng", "--onnx", tmp_path / "net.onnx", "--json")
    assert shown.code == 0
    told = json.loads(shown.out)
    assert told.pop("verified")["ok"] is True
    assert told == {
        "path": str(model),
        "kind": "MultiLayerNetwork",
        "version": "1.0.0-M2 or M2.1",
        "data_type": "FLOAT",
        "layers": [
            {"name": "0", "class": "LSTM", "takes": ["[N, 3, T]"], "gives": "[N, 4, T]", "parameters": 128},
            {"name": "1", "class": "RnnOutputLayer", "takes": ["[N, 4, T]"], "gives": "[N, 2, T]", "parameters": 10},
        ],
        "parameters": 138,
        "updater_state": True,
        "iteration": 2,
        "epoch": 2,
        "normalizer": "<NormalizerStandardize(fit_label=False), 3 features>",
        "streams": True,
        "why_not": None,
        "notes": [],
        "error": None,
        "written": [str(tmp_path / "net.rnng"), str(tmp_path / "net.onnx")],
    }


def of_layers(path: Path, *layers: object, **settings: object) -> Path:
    """A file of a new network."""
    config = rg.MultiLayerConfiguration(seed=1, layers=list(layers), **settings)  # type: ignore[arg-type]
    return saved(rg.MultiLayerNetwork(config), path)


def test_what_differs_from_dl4j_stands_in_notes(tmp_path: Path, run: Run) -> None:
    shown = run("import-dl4j", of_layers(tmp_path / "m.zip", *LAYERS, backprop=rg.TruncatedBPTT(length=5)))
    assert shown.code == 0
    assert "note           truncated BPTT: DL4J computes a segment's gradients as if its state had begun at 0" in shown.out


def test_what_a_warning_tells_is_a_note(tmp_path: Path, run: Run, model: Path) -> None:
    content = {name: data for name, data in entries(model).items() if name != "normalizer.bin"}
    shown = run("import-dl4j", write_model(tmp_path / "m.zip", **{**content, "preprocessor.bin": b"\xac\xed"}))
    assert shown.code == 0
    assert "normalizer     none" in shown.out
    assert "Java objects of an old version of DL4J, which could run code when they are read, so they are not" in " ".join(shown.out.split())


def test_preprocessors_wrappers_and_why_it_does_not_stream(tmp_path: Path, run: Run) -> None:
    both = rg.Bidirectional(rg.LSTM(n_in=3, n_out=4), mode="concat")
    shown = run("import-dl4j", of_layers(tmp_path / "m.zip", both, rg.DenseLayer(n_out=5), rg.RnnOutputLayer(n_out=2)))
    assert shown.rows == [
        ["0", "Bidirectional(LSTM)", "[N, 3, T]", "[N, 8, T]", "256"],
        ["", "RnnToFeedForwardPreProcessor", "[N, 8, T]", "[N, 8, T]", ""],
        ["1", "DenseLayer", "[N, 8, T]", "[N, 5, T]", "45"],
        ["", "FeedForwardToRnnPreProcessor", "[N, 5, T]", "[N, 5, T]", ""],
        ["2", "RnnOutputLayer", "[N, 5, T]", "[N, 2, T]", "12"],
    ]
    assert "streams        no: layers[0] (Bidirectional(LSTM))" in shown.out


def test_a_network_without_a_time_axis_has_no_mask_input(tmp_path: Path, run: Run) -> None:
    path = of_layers(tmp_path / "m.zip", rg.DenseLayer(n_in=3, n_out=4), rg.OutputLayer(n_out=2))
    shown = run("import-dl4j", path, "--onnx", tmp_path / "net.onnx")
    assert shown.code == 0
    assert "ONNX without a mask input" in shown.out


def test_an_unknown_layer_is_named_and_nothing_is_written(model: Path, tmp_path: Path, run: Run) -> None:
    content = entries(model)
    text = content["configuration.json"].decode().replace("layers.RnnOutputLayer", "layers.CenterLossOutputLayer").encode()
    path = write_model(tmp_path / "m.zip", **{**content, "configuration.json": text})
    shown = run("import-dl4j", path, "-o", tmp_path / "net.rnng", "--onnx", tmp_path / "net.onnx")
    assert shown.code == 2
    assert "rnngraph: configuration.json: layers[1] (CenterLossOutputLayer): layer CenterLossOutputLayer is not supported" in shown.err
    assert len(shown.err.splitlines()) == 1
    assert "parameters     138 of type FLOAT" in shown.out
    assert "updater state  in the file" in shown.out
    assert [one.name for one in tmp_path.iterdir()] == ["m.zip"]
    told = json.loads(run("import-dl4j", path, "--json").out)
    assert "layer CenterLossOutputLayer is not supported" in told["error"]
    assert (told["layers"], told["streams"], told["written"]) == ([], None, [])


def test_frames_are_told_where_the_file_does_not(tmp_path: Path, run: Run, goldens: Path) -> None:
    path = goldens / "video_documentation" / "model.zip"
    if not path.is_file():
        pytest.skip("DL4J's recorded video is not here")
    refused = run("import-dl4j", path)
    assert refused.code == 2
    assert "the size of the images is missing" in refused.err
    assert refused.err.endswith(". Of this command the option is --input 28,28,1 (height, width, channels)\n")
    assert "28,28,1" in json.loads(run("import-dl4j", path, "--json").out)["error"]
    frame = Case(path.parent, "examples").config.input_type.frame or ()
    shown = run("import-dl4j", path, "--input", ",".join(map(str, frame)))
    assert shown.code == 0
    assert shown.rows[0][:2] == ["0", "ConvolutionLayer"]


def test_a_graph_shows_vertices_by_name(tmp_path: Path, run: Run) -> None:
    vertices = {
        "encoder": (rg.LSTM(n_out=4), "in"),
        "both": (rg.MergeVertex(), "encoder", "in"),
        "out": (rg.RnnOutputLayer(n_out=2), "both"),
    }
    config = rg.ComputationGraphConfiguration(
        seed=1, inputs="in", vertices=vertices, outputs="out", input_types={"in": rg.InputType.recurrent(3)}, mask_mode="ignore"
    )
    path = saved(rg.ComputationGraph(config), tmp_path / "m.zip")
    shown = run("import-dl4j", path, "-o", tmp_path / "net.rnng", "--onnx", tmp_path / "net.onnx")
    assert shown.code == 0
    assert shown.rows == [
        ["encoder", "LSTM", "[N, 3, T]", "[N, 4, T]", "128"],
        ["both", "MergeVertex", "[N, 4, T]", "[N, 7, T]", "0"],
        ["", "", "[N, 3, T]", "", ""],
        ["out", "RnnOutputLayer", "[N, 7, T]", "[N, 2, T]", "16"],
    ]
    assert f"{path}: a ComputationGraph of DL4J" in shown.out
    assert read_manifest(tmp_path / "net.onnx").ports("input")[0].mask == "features_mask_in"
    (whole,) = rg.ComputationGraph.load(tmp_path / "net.rnng").output(X)
    np.testing.assert_array_equal(whole, rg.ComputationGraph(config).output(X)[0])


def test_widths_that_are_only_guessed_are_not_written(tmp_path: Path, run: Run) -> None:
    """DL4J's file has the width of the merge, 8, and not those of the inputs, 5 and 3."""
    vertices = {"both": (rg.MergeVertex(), "a", "b"), "rnn": (rg.SimpleRnn(n_out=4), "both"), "out": (rg.RnnOutputLayer(n_out=2), "rnn")}
    types = {"a": rg.InputType.recurrent(5), "b": rg.InputType.recurrent(3)}
    config = rg.ComputationGraphConfiguration(
        seed=1, inputs=["a", "b"], vertices=vertices, outputs="out", input_types=types, mask_mode="ignore"
    )
    path = saved(rg.ComputationGraph(config), tmp_path / "m.zip")
    looked = run("import-dl4j", path)
    assert looked.code == 0
    assert "'a' 4 and 'b' 4 are taken until the first arrays tell" in " ".join(looked.out.split())
    refused = run("import-dl4j", path, "--onnx", tmp_path / "net.onnx")
    assert refused.code == 2
    assert "what is written would hold a guess; say it, with your numbers, as --input a=4 --input b=4" in refused.err
    assert not (tmp_path / "net.onnx").exists()
    shown = run("import-dl4j", path, "--onnx", tmp_path / "net.onnx", "--input", "a=5", "--input", "b=3")
    assert shown.code == 0
    assert [port.shape[1] for port in read_manifest(tmp_path / "net.onnx").ports("input")] == [5, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.zip"], "none.zip: cannot be read (No such file or directory); expected a model file of DL4J's"),
        (["text.zip"], "text.zip: not a zip archive"),
        (["graph.fb"], "graph.fb: a FlatBuffers file, as SameDiff saves its graphs; expected a MultiLayerNetwork or ComputationGraph"),
        (["m.zip", "-o", "m.zip"], "--out m.zip is the model file itself, which would be replaced; write to another file, as net.rnng"),
        (["m.zip", "--onnx", "./m.zip"], "--onnx m.zip is the model file itself, which would be replaced"),
        (["m.zip", "-o", "no/net.rnng"], "--out no/net.rnng: the folder no is not there; make it, or write elsewhere"),
        (["m.zip", "-o", "net", "--onnx", "net"], "--out and --onnx are both net; write the network and its ONNX form to two files"),
        (["m.zip", "--bake-normalizer"], "--bake-normalizer writes the normalizer into the ONNX file; give --onnx net.onnx too"),
        (["bare.zip", "--onnx", "n.onnx", "--bake-normalizer"], "--bake-normalizer: bare.zip has no normalizer that could be written"),
        (["m.zip", "--input", "28,28"], "--input '28,28': expected a width, or height,width,channels of frames"),
        (["m.zip", "--input", "a=3"], "tell it by input_type=.... Of this command the option is --input 12 (how many features)"),
        (["m.zip", "-o", "."], "--out . is a folder; give the name of a file in it, as net.rnng or net.onnx"),
        (["m.zip", "-o", "n.rnng", "--onnx", "."], "--onnx . is a folder; give the name of a file in it, as net.rnng or net.onnx"),
        (["m.zip", "-o", "n.rnng", "--onnx", "no/n.onnx"], "--onnx no/n.onnx: the folder no is not there; make it, or write elsewhere"),
        (["m.zip", "-o", "n.rnng", "--onnx", "old.rnng"], "'old.rnng' is a saved network, which the export would replace"),
        (["m.zip", "-o", "n.rnng", "--onnx", "p.onnx"], "p.onnx.golden: is no folder, and the export would replace it by a folder of"),
        (["m.zip", "--onnx", "y.onnx", "-o", "y.onnx.golden"], "puts golden samples at y.onnx.golden, where y.onnx.golden would be lost"),
        (
            ["k.onnx.golden", "--onnx", "k.onnx"],
            "--onnx k.onnx puts golden samples at k.onnx.golden, where k.onnx.golden would be lost; give",
        ),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = entries(model)
    (tmp_path / "m.zip").write_bytes(model.read_bytes())
    write_model(tmp_path / "bare.zip", **{name: data for name, data in content.items() if name != "normalizer.bin"})
    (tmp_path / "text.zip").write_text("no zip, but long enough for a header")
    fields = struct.pack("<HHHH", 8, 8, 4, 0)  # the list of fields, then the table, which points back to it
    (tmp_path / "graph.fb").write_bytes(struct.pack("<I", 12) + fields + struct.pack("<iI", 8, 0) + b"\0" * 40)
    for name in ("old.rnng", "p.onnx.golden"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "k.onnx.golden").write_bytes(model.read_bytes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    told = run("import-dl4j", *arguments, "--json")
    assert told.code == 2
    assert json.loads(told.out)["error"] == told.err.removeprefix("rnngraph: ").removesuffix("\n")
    shown = run("import-dl4j", *arguments)
    assert shown.code == 2
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_lies_in_the_folder_of_samples_is_kept(model: Path, tmp_path: Path, run: Run) -> None:
    data_set = tmp_path / "net.onnx.golden" / "test_data_set_0"
    data_set.mkdir(parents=True)
    (data_set / "m.zip").write_bytes(model.read_bytes())
    refused = run("import-dl4j", data_set / "m.zip", "--onnx", tmp_path / "net.onnx")
    assert refused.code == 2
    assert "net.onnx.golden/test_data_set_0/m.zip would be lost; give it another name" in refused.err
    assert [one.name for one in tmp_path.rglob("*")] == ["net.onnx.golden", "test_data_set_0", "m.zip"]


def test_a_pipe_is_not_replaced(model: Path, tmp_path: Path, run: Run) -> None:
    os.mkfifo(tmp_path / "pipe")
    for option in ("-o", "--onnx"):
        refused = run("import-dl4j", model, option, tmp_path / "pipe")
        assert refused.code == 2
        assert (
            "pipe is not a regular file, but a device, a pipe or a socket; give the name of a file, as net.rnng or net.onnx" in refused.err
        )
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("failing", ["rnngraph.exporters.export_onnx", "rnngraph.base_network.Network.save"])
def test_both_files_are_written_or_none(failing: str, model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "net.rnng").write_text("mine")
    monkeypatch.setattr(failing, full)
    refused = run("import-dl4j", model, "-o", tmp_path / "net.rnng", "--onnx", tmp_path / "net.onnx")
    assert refused.code == 2
    assert f"{tmp_path}/net.rnng and {tmp_path}/net.onnx: cannot be written (No space left on device); nothing is written" in refused.err
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("net.rnng", "mine")]


def test_a_narrow_screen_hides_nothing(model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = tmp_path / f"{'long' * 20}.rnng"
    shown = run("import-dl4j", model, "-o", out)
    assert shown.code == 0
    assert [row[-1] for row in shown.rows if row[-1]] == ["128", "10"]
    assert "".join(row[1] for row in shown.rows).startswith("LSTM")
    assert f"{out}: the network, ".replace(" ", "") in "".join(line[15:] for line in shown.out.splitlines()).replace(" ", "")
