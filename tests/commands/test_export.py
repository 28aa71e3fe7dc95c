"""``rnngraph export``: networks, runs and graphs become files, and nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

import rnngraph as rg
from rnngraph.runtime import read_manifest, verify
from tests.commands.networks import network
from tests.commands.running import Run
from tests.exporters.graphs import two_times


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.rnng"
    network().save(path)
    return path


def test_the_file_is_told_and_computes_what_the_network_does(saved: Path, run: Run) -> None:
    model = saved.with_suffix(".onnx")
    done = run("export", saved, "-o", model, "--features-mask", "--batch", 2, "--class-labels", "low, [high]")
    assert done.out == f"{model}: {model.stat().st_size} bytes; golden samples in {model}.golden\n"
    manifest = read_manifest(model)
    assert (manifest.batch, manifest.class_labels, manifest.mask.input) == (2, ("low", "[high]"), "features_mask")
    assert verify(model, rg.MultiLayerNetwork.load(saved))


def test_json(saved: Path, run: Run) -> None:
    model = saved.with_suffix(".onnx")
    told = run("export", saved, "-o", model, "--json").json
    assert told == {"path": str(model), "bytes": model.stat().st_size, "golden": f"{model}.golden", "network": str(saved)}
    refused = run("export", saved, "-o", model, "--normalizer", "--json")
    assert refused.code == 2
    assert refused.json == {"error": refused.err.removeprefix("rnngraph: ").removesuffix("\n")}


def test_a_run_is_exported_by_its_folder(tmp_path: Path, run: Run) -> None:
    (tmp_path / "run").mkdir()
    net = network()
    net.save(tmp_path / "run" / "net.rnng")
    assert run("export", tmp_path / "run", "-o", tmp_path / "net.onnx").code == 0
    assert verify(tmp_path / "net.onnx", net)


def test_folders_without_a_network(tmp_path: Path, run: Run) -> None:
    refused = run("export", tmp_path, "-o", tmp_path / "net.onnx")
    assert refused.code == 2
    assert f"{tmp_path} is a folder without net.rnng; give a saved network, or the folder of a run of rnngraph train" in refused.err
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint_000001_iteration_1_epoch_0.rnng").touch()
    refused = run("export", tmp_path, "-o", tmp_path / "net.onnx")
    assert f"stopped before it saved its network; go on with it: rnngraph train --out {tmp_path} --resume" in refused.err


def test_a_network_is_not_exported_onto_itself(saved: Path, run: Run) -> None:
    before = saved.read_bytes()
    for out in (saved, saved.parent / "." / saved.name, saved.parent / ".." / saved.parent.name / saved.name):
        refused = run("export", saved, "-o", out)
        assert refused.code == 2
        assert "is the saved network itself, which the export would replace; write to another file, as net.onnx" in refused.err
    other = saved.with_name("other.rnng")
    other.write_bytes(before)
    refused = run("export", saved, "-o", other)
    assert refused.code == 2
    assert "is a saved network, which the export would replace; write to another file, as net.onnx" in refused.err
    assert saved.read_bytes() == other.read_bytes() == before


def test_the_likeliest_mistakes(saved: Path, run: Run) -> None:
    model = saved.with_suffix(".onnx")
    for arguments, message in (
        ([saved.with_name("none.rnng")], "none.rnng: "),
        ([saved, "--class-labels", "one"], "class_labels has 1 names, the network 2 outputs"),
        ([saved, "--normalizer"], f"--normalizer: {saved} was saved without one; set net.normalizer before net.save"),
        ([saved, "--target", "gpu"], "target"),
    ):
        refused = run("export", *arguments, "-o", model)
        assert refused.code == 2
        assert message in refused.err
        assert len(refused.err.splitlines()) == 1
        assert not model.exists()


def test_a_graph_is_exported(tmp_path: Path, run: Run) -> None:
    graph = rg.ComputationGraph(two_times().config)
    graph.save(tmp_path / "net.rnng")
    assert run("export", tmp_path / "net.rnng", "-o", tmp_path / "net.onnx", "--features-mask").code == 0
    assert verify(tmp_path / "net.onnx", graph)


def test_a_normalizer_is_written_into_the_file(tmp_path: Path, run: Run) -> None:
    net = network()
    net.normalizer = rg.NormalizerStandardize.from_statistics([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    net.save(tmp_path / "net.rnng")
    written = run("export", tmp_path / "net.rnng", "-o", tmp_path / "net.onnx", "--normalizer")
    assert (written.code, written.err) == (0, "")
    assert "normalizer  x takes raw values: standardize of 3 columns" in run("inspect", tmp_path / "net.onnx").out
    written = run("export", tmp_path / "net.rnng", "-o", tmp_path / "net.onnx")
    assert written.code == 0
    assert "was written without it: it takes values that are normalised already; --normalizer puts it inside" in written.err
    assert "normalizer" not in run("inspect", tmp_path / "net.onnx").out


def test_what_fewer_bits_cost_is_told(saved: Path, run: Run) -> None:
    model = saved.with_suffix(".onnx")
    done = run("export", saved, "-o", model, "--precision", "int8", "--target", "cpu")
    first, weights, *errors = done.out.splitlines()
    assert first == f"{model}: {model.stat().st_size} bytes; golden samples in {model}.golden"
    assert weights == "precision   weights as int8, integer products in layers 0; whole, in pieces and step by step the same bits"
    told = read_manifest(model).precision
    assert told is not None
    assert errors == [
        f"error       {name}: at most {error['absolute']:.2g}, relative {error['relative']:.2g}; allowed {told.tolerance[name]:g}"
        for name, error in told.error.items()
    ]
    assert len(errors) == 3
    assert run("inspect", model).out.splitlines()[-5:-1] == [weights, *errors]
    content = run("export", saved, "-o", model, "--precision", "float16", "--json").json["precision"]
    assert (content["kind"], content["integer_layers"], sorted(content["error"])) == (
        "float16",
        [],
        ["next_state_00_c", "next_state_00_h", "y"],
    )
    assert run("inspect", model, "--json").json["precision"] == content
    refused = run("export", saved, "-o", model, "--precision", "int4")
    assert refused.code == 2
    assert "precision='int4': expected None or one of 'float32', 'float16', 'bfloat16', 'int8'" in refused.err
