"""The recorded graphs in our words, written down from what the recording says of each."""

from __future__ import annotations

from typing import Any

import rnngraph as rg

LSTM, DENSE, HEAD = rg.LSTM(n_out=7), rg.DenseLayer(n_out=6, activation="relu"), rg.RnnOutputLayer(n_out=3)
REVERSE = rg.ReverseTimeSeriesVertex("in")
ONE, TWO = {"in": 5}, {"a": 5, "b": 3}
Vertices = dict[str, Any]


def residual(op: Any) -> Vertices:
    """Two LSTMs, joined."""
    return {"first": (LSTM, "in"), "second": (LSTM, "first"), "join": (rg.ElementWiseVertex(op), "first", "second"), "out": (HEAD, "join")}


def merged(layer: Any) -> Vertices:
    """Two inputs, merged by hand."""
    name = "rnn" if isinstance(layer, rg.SimpleRnn) else "lstm"
    return {"merge": (rg.MergeVertex(), "a", "b"), name: (layer, "merge"), "out": (HEAD, name)}


REVERSED: Vertices = {
    "forward": (LSTM, "in"),
    "r1": (REVERSE, "in"),
    "backward": (LSTM, "r1"),
    "r2": (REVERSE, "backward"),
    "merge": (rg.MergeVertex(), "forward", "r2"),
    "out": (HEAD, "merge"),
}
SEQ2SEQ: Vertices = {
    "encoder": (LSTM, "in"),
    "last": (rg.LastTimeStepVertex("in"), "encoder"),
    "repeat": (rg.DuplicateToTimeSeriesVertex("target"), "last"),
    "merge": (rg.MergeVertex(), "target", "repeat"),
    "decoder": (LSTM, "merge"),
    "out": (HEAD, "decoder"),
}
TWO_HEADS: Vertices = {
    "lstm": (LSTM, "in"),
    "steps": (HEAD, "lstm"),
    "last": (rg.LastTimeStepVertex("in"), "lstm"),
    "whole": (rg.OutputLayer(n_out=2, activation="identity", loss="mse"), "last"),
}
GRAPHS: dict[str, tuple[dict[str, int], Vertices]] = {
    "graph_auto_merge": (TWO, {"lstm": (LSTM, "a", "b"), "out": (HEAD, "lstm")}),
    "graph_bidirectional_pool": (
        ONE,
        {
            "bi": (rg.Bidirectional(LSTM), "in"),
            "rnn": (rg.SimpleRnn(n_out=7), "in"),
            "merge": (rg.MergeVertex(), "bi", "rnn"),
            "pool": (rg.GlobalPoolingLayer("max"), "merge"),
            "out": (rg.OutputLayer(n_out=3), "pool"),
        },
    ),
    "graph_input_types": (
        ONE,
        {"lstm": (LSTM, "in"), "dense": (DENSE, "lstm"), "out": (HEAD, "dense")},
    ),
    **{f"graph_residual_{op}": (ONE, residual(op)) for op in ("add", "average", "max", "product", "subtract")},
    "graph_reverse": (ONE, REVERSED),
    "graph_reverse_masked": (ONE, REVERSED),
    "graph_seq2seq": ({"in": 5, "target": 3}, SEQ2SEQ),
    "graph_seq2seq_masked": ({"in": 5, "target": 3}, SEQ2SEQ),
    "graph_small_vertices": (
        ONE,
        {
            "first": (LSTM, "in"),
            "subset": (rg.SubsetVertex(1, 5), "first"),
            "scale": (rg.ScaleVertex(0.5), "subset"),
            "shift": (rg.ShiftVertex(0.25), "scale"),
            "second": (LSTM, "shift"),
            "out": (HEAD, "second"),
        },
    ),
    "graph_stack_unstack": (
        {"a": 5, "b": 5},
        {
            "stack": (rg.StackVertex(), "a", "b"),
            "lstm": (LSTM, "stack"),
            "ua": (rg.UnstackVertex(0, 2), "lstm"),
            "ub": (rg.UnstackVertex(1, 2), "lstm"),
            "merge": (rg.MergeVertex(), "ua", "ub"),
            "out": (HEAD, "merge"),
        },
    ),
    "graph_tbptt_4": (TWO, merged(LSTM)),
    "graph_two_heads": (ONE, TWO_HEADS),
    "graph_two_heads_masked": (ONE, TWO_HEADS),
    "graph_two_inputs_masked": (TWO, merged(rg.SimpleRnn(n_out=7))),
    "graph_two_inputs_merge": (TWO, merged(LSTM)),
    "graph_two_time_heads": (
        ONE,
        {
            "lstm": (LSTM, "in"),
            "steps": (HEAD, "lstm"),
            "values": (rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse"), "lstm"),
        },
    ),
}


def graph(name: str) -> rg.ComputationGraphConfiguration:
    """The configuration of a recorded graph."""
    widths, vertices = GRAPHS[name]
    return rg.ComputationGraphConfiguration(
        inputs=list(widths),
        vertices=vertices,
        outputs=[key for key, (layer, *_) in vertices.items() if isinstance(layer, (rg.OutputLayer, rg.RnnOutputLayer))],
        input_types={key: rg.InputType.recurrent(width) for key, width in widths.items()},
        seed=49,
        updater=rg.Adam(0.01),
        l2=0.01 if name == "graph_two_heads" else 0.0,
        backprop=rg.TruncatedBPTT(4) if name == "graph_tbptt_4" else rg.StandardBackprop(),
    )
