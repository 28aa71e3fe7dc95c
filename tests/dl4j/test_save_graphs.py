"""Graphs in our words come out in DL4J's, letter by letter, and its vectors as they went in."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.arrays import read_array
from rnngraph.dl4j.table import from_table, shapes, table
from rnngraph.dl4j.vector import joined, taken_apart, updater_tables, updater_vector
from rnngraph.dl4j.writing.configuration import configuration_json
from rnngraph.dl4j.writing.differences import warn_of_differences
from tests.dl4j.files import entries
from tests.dl4j.graphs import GRAPHS, HEAD, graph
from tests.test_goldens import WHOLE

recorded = pytest.mark.skipif(not (WHOLE / "index.json").is_file(), reason="the whole collection is not here")


@recorded
@pytest.mark.parametrize("name", GRAPHS)
def test_a_recorded_graph_in_our_words_is_dl4js_file(name: str, tmp_path: Path) -> None:
    """With DL4J's parameters in it, every byte of every entry."""
    net, theirs = rg.ComputationGraph(graph(name)), entries(WHOLE / name / "model.zip")
    found = taken_apart(read_array(theirs["coefficients.bin"], "x"), shapes(net.config))
    net.set_parameters(from_table(net, found))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        dl4j.save(net, tmp_path / "m.zip")
    assert entries(tmp_path / "m.zip") == theirs


@recorded
@pytest.mark.parametrize("name", GRAPHS)
def test_a_recorded_graph_that_was_loaded_is_saved_as_it_was(name: str, tmp_path: Path) -> None:
    """Every byte of every entry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        warnings.simplefilter("ignore", dl4j.ImportNote)
        net = dl4j.load(WHOLE / name / "model.zip")
        dl4j.save(net, tmp_path / "m.zip")
    assert entries(tmp_path / "m.zip") == entries(WHOLE / name / "model.zip")


@recorded
@pytest.mark.parametrize("name", GRAPHS)
def test_the_vectors_of_a_recorded_graph_come_out_as_they_went_in(name: str) -> None:
    """Tables of what DL4J shows under the names of its vertices, and back."""
    config = graph(name)
    with zipfile.ZipFile(WHOLE / name / "model.zip") as file:
        vector, state = (read_array(file.read(entry), entry) for entry in ("coefficients.bin", "updaterState.bin"))
    known = shapes(config)
    found = taken_apart(vector, known)
    with np.load(WHOLE / name / "arrays.npz") as arrays:
        shown = {key.removeprefix("param_"): arrays[key] for key in arrays.files if key.startswith("param_")}
    assert shown.keys() == found.keys()
    for key, array in shown.items():
        np.testing.assert_array_equal(found[key].reshape(array.shape), array)
    network = SimpleNamespace(config=config)
    np.testing.assert_array_equal(joined(table(network, from_table(network, found)), known), vector)
    np.testing.assert_array_equal(updater_vector(updater_tables(state, config, known), config, known), state)


SERIES = {"in": rg.InputType.recurrent(3)}


def test_a_vertex_whose_name_has_an_underscore_keeps_its_updater() -> None:
    """Its parameters are told from their vertex by the last one."""
    vertices = {"my_first_W": (rg.LSTM(n_out=2, updater=rg.Adam(0.1)), "in"), "my_b": (rg.RnnOutputLayer(n_out=2), "my_first_W")}
    config = rg.ComputationGraphConfiguration(inputs="in", vertices=vertices, outputs="my_b", input_types=SERIES)
    known = shapes(config)
    assert list(known) == ["my_first_W_W", "my_first_W_RW", "my_first_W_b", "my_b_W", "my_b_b"]
    count = 8 * (3 + 2 + 1)
    first = ["my_first_W_RW", "my_first_W_W", "my_first_W_b"]
    kept = updater_tables(np.arange(2.0 * count), config, known)
    assert {state: sorted(held) for state, held in kept.items()} == {"m": first, "v": first}


def test_vertices_that_no_recording_has() -> None:
    vertices = {
        "norm": (rg.L2NormalizeVertex(epsilon=0.5), "in"),
        "as_rows": (rg.PreprocessorVertex(rg.RnnToFeedForwardPreProcessor()), "norm"),
        "dense": (rg.DenseLayer(n_out=2), "as_rows"),
        "out": (HEAD, "dense"),
    }
    config = rg.ComputationGraphConfiguration(inputs="in", vertices=vertices, outputs="out", input_types=SERIES)
    found = json.loads(configuration_json(config))["vertices"]
    package = "org.deeplearning4j.nn.conf"
    assert found["norm"] == {"@class": f"{package}.graph.L2NormalizeVertex", "dimension": None, "eps": 0.5}
    rows = {"@class": f"{package}.preprocessor.RnnToFeedForwardPreProcessor", "rnnDataFormat": "NCW"}
    assert found["as_rows"] == {"@class": f"{package}.graph.PreprocessorVertex", "preProcessor": rows}
    assert found["out"]["preProcessor"]["@class"] == f"{package}.preprocessor.FeedForwardToRnnPreProcessor"


def test_what_a_graph_has_and_dl4j_lacks_is_told_by_its_name() -> None:
    vertices = {"gru": (rg.GRU(n_out=2), "in"), "out": (HEAD, "gru")}
    config = rg.ComputationGraphConfiguration(inputs="in", vertices=vertices, outputs="out", input_types=SERIES)
    with pytest.raises(dl4j.NotInDL4JError, match=r"^vertex 'gru' \(GRU\): DL4J 1\.0\.0-M2\.1 has no layer GRU"):
        configuration_json(config)


def test_vertices_read_masked_steps_as_they_stand() -> None:
    vertices = {
        "first": (rg.LSTM(n_out=3, mask_mode="ignore"), "in"),
        "join": (rg.ElementWiseVertex("add"), "in", "first"),
        "out": (rg.RnnOutputLayer(n_out=3, mask_mode="ignore"), "join"),
    }
    config = rg.ComputationGraphConfiguration(inputs="in", vertices=vertices, outputs="out", input_types=SERIES)
    told = r"^with a features mask .* vertex 'join' \(ElementWiseVertex\) has mask_mode='hold', DL4J's ElementWiseVertex does 'ignore'$"
    with pytest.warns(dl4j.DL4JWarning, match=told):
        warn_of_differences(config)
