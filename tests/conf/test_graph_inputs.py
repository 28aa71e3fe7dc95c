"""What a graph takes where nobody says it: widths and time axes that follow from the layers behind."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg

R, F = rg.InputType.recurrent, rg.InputType.feed_forward
LSTM, SERIES, VECTOR = rg.LSTM, rg.RnnOutputLayer, rg.OutputLayer


def types(inputs: Any, vertices: Any, outputs: Any = "y", given: Any = None) -> dict[str, Any]:
    return rg.ComputationGraphConfiguration(inputs=inputs, vertices=vertices, outputs=outputs, input_types=given).input_types


def test_the_only_reader_tells() -> None:
    assert types("in", {"rnn": (LSTM(n_in=3, n_out=4), "in"), "y": (SERIES(n_out=2), "rnn")}) == {"in": R(3)}
    assert types("in", {"y": (VECTOR(n_in=5, n_out=2), "in")}) == {"in": F(5)}
    assert types("in", {"e": (rg.EmbeddingSequenceLayer(n_in=9, n_out=2), "in"), "y": (SERIES(n_out=2), "e")}) == {"in": R(9)}
    assert types("in", {"e": (rg.EmbeddingLayer(n_in=9, n_out=2), "in"), "y": (VECTOR(n_out=2), "e")}) == {"in": F(9)}


def test_the_one_unknown_width_of_a_merge() -> None:
    vertices = {"rnn": (LSTM(n_in=7, n_out=3), "a", "b"), "y": (SERIES(n_out=2), "rnn"), "z": (SERIES(n_in=3, n_out=2), "a")}
    assert types(["a", "b"], vertices, ["y", "z"]) == {"a": R(3), "b": R(4)}


def test_a_sequence_to_sequence_network() -> None:
    vertices = {
        "decoder": (LSTM(n_in=7, n_out=4), "target", "each"),
        "each": (rg.DuplicateToTimeSeriesVertex("target"), "thought"),
        "thought": (rg.LastTimeStepVertex("source"), "encoder"),
        "encoder": (LSTM(n_in=5, n_out=4), "source"),
        "y": (SERIES(n_out=2), "decoder"),
    }
    assert types(["source", "target"], vertices) == {"source": R(5), "target": R(3)}


@pytest.mark.parametrize(
    "vertex",
    [rg.ElementWiseVertex("add"), rg.ElementWiseVertex("max")],
)
def test_vertices_that_give_what_they_get(vertex: Any) -> None:
    vertices = {"s": (vertex, "a", "b"), "n": (rg.L2NormalizeVertex(), "s"), "y": (SERIES(n_in=3, n_out=2), "n")}
    assert types(["a", "b"], vertices) == {"a": R(3), "b": R(3)}


def test_stacked_inputs_are_alike() -> None:
    vertices = {
        "both": (rg.StackVertex(), "a", "b"),
        "rnn": (LSTM(n_in=3, n_out=2), "both"),
        "u": (rg.UnstackVertex(1, 2), "rnn"),
        "y": (SERIES(n_out=2), "u"),
    }
    assert types(["a", "b"], vertices) == {"a": R(3), "b": R(3)}


def test_an_element_wise_vertex_tells_of_its_other_input() -> None:
    """Behind it nothing knows how wide it is; the layer that the other comes from does."""
    vertices = {"rnn": (LSTM(n_in=2, n_out=6), "a"), "s": (rg.ElementWiseVertex("product"), "rnn", "b"), "y": (SERIES(n_out=2), "s")}
    assert types(["a", "b"], vertices) == {"a": R(2), "b": R(6)}


def test_wrappers_tell_too() -> None:
    vertices = {
        "both": (rg.Bidirectional("concat", LSTM(n_in=3, n_out=2)), "a"),
        "last": (rg.LastTimeStep(rg.GRU(n_out=4)), "both"),
        "m": (rg.ElementWiseVertex("add"), "last", "b"),
        "y": (VECTOR(n_out=2), "m"),
    }
    assert types(["a", "b"], vertices) == {"a": R(3), "b": F(4)}


@pytest.mark.parametrize(
    ("vertices", "given", "name"),
    [
        ({"y": (SERIES(n_out=2), "a", "b")}, None, "a"),
        ({"rnn": (LSTM(n_in=7, n_out=3), "a", "b"), "y": (SERIES(n_out=2), "rnn")}, None, "a"),
        ({"s": (rg.SubsetVertex(0, 1), "a"), "y": (SERIES(n_in=4, n_out=2), "s", "b")}, {"b": R(2)}, "a"),
        ({"s": (rg.ScaleVertex(2.0), "b"), "y": (SERIES(n_out=2), "s", "a")}, {"a": R(2)}, "b"),
    ],
)
def test_what_does_not_follow_is_told(vertices: Any, given: Any, name: str) -> None:
    message = (
        f"input {name!r}: what it takes does not follow from the layers behind it; "
        f"give input_types={{{name!r}: InputType.recurrent(n)}}, or n_in to the layers that read it"
    )
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        types(["a", "b"], vertices, given=given)


def test_what_is_given_stands_beside_what_follows() -> None:
    vertices = {"rnn": (LSTM(n_in=7, n_out=3), "a", "b"), "y": (SERIES(n_out=2), "rnn")}
    assert types(["a", "b"], vertices, given={"b": R(2)}) == {"a": R(5), "b": R(2)}


IDS = {"e": (rg.EmbeddingSequenceLayer(n_in=9, n_out=3), "a"), "y": (SERIES(n_out=2), "e")}


def test_ids_are_read_alone_or_stacked() -> None:
    vertices = {
        "both": (rg.StackVertex(), "a", "b"),
        "e": (rg.EmbeddingSequenceLayer(n_in=9, n_out=3), "both"),
        "one": (rg.UnstackVertex(0, 2), "e"),
        "two": (rg.UnstackVertex(1, 2), "e"),
        "y": (SERIES(n_out=2), "one", "two"),
    }
    config = rg.ComputationGraphConfiguration(inputs=["a", "b"], vertices=vertices, outputs="y")
    assert [entry.ids for entry in config.entries] == [9, 9]


@pytest.mark.parametrize(
    ("vertices", "outputs", "message"),
    [
        (
            {**IDS, "z": (SERIES(n_out=2), "a")},
            ["y", "z"],
            "vertex 'z' (RnnOutputLayer): reads numbers, but its input 'a' takes ids, since an embedding reads it; "
            "give one of the two an input of its own",
        ),
        (
            {"z": (rg.ScaleVertex(2.0), "a"), "e": IDS["e"], "y": (SERIES(n_out=2), "e", "z")},
            "y",
            "vertex 'z' (ScaleVertex): reads numbers, but its input 'a' takes ids, since an embedding reads it; "
            "give one of the two an input of its own",
        ),
        (
            {"z": (rg.ScaleVertex(2.0), "a"), "e": (rg.EmbeddingSequenceLayer(n_in=9, n_out=3), "z"), "y": (SERIES(n_out=2), "e")},
            "y",
            "vertex 'e' (EmbeddingSequenceLayer): reads ids, which only inputs of the network can be, but 'z' gives numbers; "
            "let it read an input",
        ),
    ],
)
def test_ids_are_no_numbers(vertices: Any, outputs: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        types("a", vertices, outputs, {"a": R(9)})
