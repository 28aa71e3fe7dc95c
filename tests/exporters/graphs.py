"""Networks that are graphs, for the tests of the exporter and of the runtime: several inputs, outputs, masks and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.graph import ComputationGraphConfiguration
from rnngraph.conf.vertices import (
    DuplicateToTimeSeriesVertex,
    ElementWiseVertex,
    L2NormalizeVertex,
    LastTimeStepVertex,
    MergeVertex,
    ReverseTimeSeriesVertex,
    ScaleVertex,
    ShiftVertex,
    StackVertex,
    SubsetVertex,
    UnstackVertex,
)
from rnngraph.lowering import initial_parameters, lower
from tests.exporters.networks import Net

Arrays = dict[str, np.ndarray]


def graph_net(inputs: Any, vertices: Mapping[str, Any], outputs: Any, input_types: Mapping[str, Any] | None = None, **settings: Any) -> Net:
    """The configured graph with its initial parameters, biases drawn as well."""
    config = ComputationGraphConfiguration(seed=1, inputs=inputs, vertices=vertices, outputs=outputs, input_types=input_types, **settings)
    draw = np.random.default_rng(3)
    arrays = initial_parameters(config)
    return Net(config, {k: (v if v.any() else draw.normal(0, 0.3, v.shape)).astype(config.data_type) for k, v in arrays.items()})


def head(n_out: int = 3) -> rg.RnnOutputLayer:
    """Classes at each step."""
    return rg.RnnOutputLayer(n_out=n_out, activation="softmax", loss="mcxent")


def two_times(**settings: Any) -> Net:
    """Series "in" (5) and "target" (3), of lengths of their own; an output at each step of each, and one of the last step of "in"."""
    return graph_net(
        ["in", "target"],
        {
            "encoder": (rg.LSTM(n_in=5, n_out=6), "in"),
            "decoder": (rg.GravesLSTM(n_in=3, n_out=4), "target"),
            "seen": (head(3), "encoder"),
            "last": (LastTimeStepVertex("in"), "encoder"),
            "class": (rg.OutputLayer(n_out=2, activation="softmax", loss="mcxent"), "last"),
            "told": (head(4), "decoder"),
        },
        ["told", "seen", "class"],
        **settings,
    )


def one_time(**settings: Any) -> Net:
    """Series "a" (3) and "b" (2) of one length and a vector "who" (4) that holds at each step, merged; an output at each step."""
    return graph_net(
        ["a", "who", "b"],
        {
            "a-rnn": (rg.SimpleRnn(n_in=3, n_out=4), "a"),
            "each": (DuplicateToTimeSeriesVertex("a"), "who"),
            "all": (MergeVertex(), "a-rnn", "b", "each"),
            "rnn": (rg.LSTM(n_out=5), "all"),
            "y": (head(), "rnn"),
        },
        ["y"],
        {"a": rg.InputType.recurrent(3), "who": rg.InputType.feed_forward(4), "b": rg.InputType.recurrent(2)},
        **settings,
    )


def translator(**settings: Any) -> Net:
    """The last state of "in" at each step of "target": no output is right before "in" has ended."""
    return graph_net(
        ["in", "target"],
        {
            "encoder": (rg.LSTM(n_in=5, n_out=6), "in"),
            "thought": (LastTimeStepVertex("in"), "encoder"),
            "each": (DuplicateToTimeSeriesVertex("target"), "thought"),
            "decoder": (rg.LSTM(n_out=4), "target", "each"),
            "y": (head(), "decoder"),
        },
        "y",
        {"in": rg.InputType.recurrent(5), "target": rg.InputType.recurrent(3)},
        **settings,
    )


def backward(**settings: Any) -> Net:
    """Time turned around under the mask of "x", and a second reading of it the other way."""
    return graph_net(
        "x",
        {
            "turned": (ReverseTimeSeriesVertex("x"), "x"),
            "rnn": (rg.LSTM(n_in=3, n_out=4), "turned"),
            "y": (head(), "rnn", "x"),
        },
        "y",
        {"x": rg.InputType.recurrent(3)},
        **settings,
    )


def stacked(**settings: Any) -> Net:
    """The same layer on two series of different lengths, one behind the other, which ends in its last output."""
    return graph_net(
        ["a", "b"],
        {
            "both": (StackVertex(), "a", "b"),
            "rnn": (rg.LastTimeStep(rg.LSTM(n_in=3, n_out=4, mask_mode="reset")), "both"),
            "first": (UnstackVertex(0, 2), "rnn"),
            "second": (UnstackVertex(1, 2), "rnn"),
            "y": (rg.OutputLayer(n_out=3, activation="softmax", loss="mcxent"), "first", "second"),
        },
        "y",
        **settings,
    )


def by_values(**settings: Any) -> Net:
    """The vertices that change values alone, and time turned around with its masks."""
    return graph_net(
        ["a", "b"],
        {
            "sum": (ElementWiseVertex("add"), "a", "b"),
            "most": (ElementWiseVertex("max"), "a", "sum"),
            "scaled": (ScaleVertex(2.0), "most"),
            "shifted": (ShiftVertex(1.0), "scaled"),
            "norm": (L2NormalizeVertex(), "shifted"),
            "some": (SubsetVertex(1, 2), "norm"),
            "turned": (ReverseTimeSeriesVertex(), "some"),
            "rnn": (rg.LSTM(n_out=4), "turned"),
            "y": (head(), "rnn"),
        },
        "y",
        {"a": rg.InputType.recurrent(3), "b": rg.InputType.recurrent(3)},
        **settings,
    )


def words(**settings: Any) -> Net:
    """Ids "word" (7) and features "beat" (2) of one length."""
    return graph_net(
        ["word", "beat"],
        {
            "embedding": (rg.EmbeddingSequenceLayer(n_in=7, n_out=3), "word"),
            "rnn": (rg.GRU(n_out=4), "embedding", "beat"),
            "y": (head(), "rnn"),
        },
        "y",
        {"word": rg.InputType.recurrent(7), "beat": rg.InputType.recurrent(2)},
        **settings,
    )


def expected(net: Net, given: Mapping[str, np.ndarray], masks: Any = False) -> Arrays:
    """What the float64 reference backend gives, states that begin where they begin."""
    graph = lower(net.config, features_mask=masks)
    rows = len(next(iter(given.values())))
    states = {p.name: np.full((rows, *(d for d in p.value.shape[1:] if isinstance(d, int))), p.initial) for p in graph.ports("state")}
    return dict(run(graph, {**net.arrays, **states, **given}))


def series(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def gaps(rows: int, steps: int, seed: int = 0) -> np.ndarray:
    """A mask with gaps."""
    return (np.random.default_rng(seed).random((rows, steps)) > 0.35).astype(np.float32)
