"""``rnngraph inspect``: what is shown of a file."""

from __future__ import annotations

from pathlib import Path

import rnngraph as rg
from rnngraph.exporters import export_onnx
from tests.commands.networks import exported, network
from tests.commands.running import Run
from tests.exporters.graphs import two_times


def test_ports_layers_and_facts(tmp_path: Path, run: Run) -> None:
    model = exported(tmp_path / "net.onnx", features_mask=True)
    shown = run("inspect", model)
    assert shown.code == 0
    for text in ("features_mask", "state_00_c", "[N, 4]", "next_state_00_h", "streams     yes", "│ RnnOutputLayer │", "sigmoid │ hold"):
        assert text in shown.out
    assert run("inspect", model, "--json").json["parameters_count"] == 4 * 4 * (3 + 4 + 1) + 2 * 5


def test_a_saved_network_is_to_be_exported_first(tmp_path: Path, run: Run) -> None:
    network().save(saved := tmp_path / "net.rnng")
    for command in ("inspect", "verify", "stream"):
        refused = run(command, saved)
        assert refused.code == 2
        assert (
            f"{saved} is a zip archive, as saved networks are, and no ONNX file; write that first: rnngraph export {saved}" in refused.err
        )


def test_batch_and_class_labels(tmp_path: Path, run: Run) -> None:
    model = exported(tmp_path / "net.onnx", batch=2, class_labels=["low", "[high]"])
    shown = run("inspect", model).out
    assert "classes     low, [high]" in shown
    assert "[2, 3, T]" in shown
    assert "mask        none: export with features_mask=True" in shown
    told = run("inspect", model, "--json").json
    assert (told["batch"], told["class_labels"], told["mask"]["rule"]) == (2, ["low", "[high]"], None)


def test_layers_show_what_they_wrap_and_how_they_take_masks(tmp_path: Path, run: Run) -> None:
    last = rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4, activation="softsign", gate_activation="hardsigmoid", mask_mode="ignore"))
    config = rg.MultiLayerConfiguration(seed=1, layers=[last, rg.OutputLayer(n_out=2)])
    shown = run("inspect", exported(tmp_path / "net.onnx", rg.MultiLayerNetwork(config), features_mask=True))
    assert ["0", "LastTimeStep(LSTM)", "3", "4", "softsign", "hardsigmoid", "ignore", "yes"] in shown.rows
    assert "padding     is read: x has to be finite at masked steps too" in shown.out


def test_a_graph_shows_its_inputs_outputs_masks_and_vertices(tmp_path: Path, run: Run) -> None:
    model = exported(tmp_path / "net.onnx", two_times(), features_mask=["in"], class_labels={"class": ["low", "[high]"]})
    shown = run("inspect", model)
    assert ["in", "in", "input", "[N, 5, T_in]", "float32", "", "features_mask_in"] in shown.rows
    assert ["in", "target", "input", "[N, 3, T_target]", "float32", "", ""] in shown.rows
    assert ["out", "told", "output", "[N, 4, T_target]", "float32", "", ""] in shown.rows
    assert ["0", "encoder", "LSTM", "5", "6", "tanh", "sigmoid", "hold", "yes"] in shown.rows
    assert "classes     class: low, [high]" in shown.out
    told = run("inspect", model, "--json").json
    assert (told["network"], told["inputs"][1]["steps"], told["layers"][0]["name"]) == ("graph", "T_target", "encoder")


def test_the_likeliest_mistakes(tmp_path: Path, run: Run) -> None:
    network().save(tmp_path / "net.rnng")
    for path, message in (
        (tmp_path / "none.onnx", "none.onnx: there is no such file"),
        (tmp_path / "net.rnng", "net.rnng is a zip archive, as saved networks are, and no ONNX file"),
        (tmp_path, "is a folder; give the .onnx file that export_onnx wrote"),
    ):
        refused = run("inspect", path)
        assert refused.code == 2
        assert message in refused.err
        assert run("inspect", path, "--json").json["error"] in refused.err


def test_what_states_begin_with(tmp_path: Path, run: Run) -> None:
    layers = [rg.LSTM(n_in=3, n_out=4, initial_state={"h": [-1.0, 0.5, 0.25, 2.0], "c": 0.75}), rg.RnnOutputLayer(n_out=2)]
    export_onnx(rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)), model := tmp_path / "net.onnx")
    shown = run("inspect", model)
    assert "-1 to 2" in shown.out
    assert " 0.75 " in shown.out
    assert [state["initial"] for state in run("inspect", model, "--json").json["states"]] == [[-1.0, 0.5, 0.25, 2.0], 0.75]
