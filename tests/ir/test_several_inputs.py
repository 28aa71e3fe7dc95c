"""Graphs with several inputs: a mask and a time of its own for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.vertices import MergeVertex
from rnngraph.errors import GraphError
from rnngraph.exporters.onnx.targets import Target, transform
from rnngraph.ir.cell import greater, linear, trace
from rnngraph.ir.cells import simple_rnn
from rnngraph.ir.graph import Graph
from rnngraph.ir.padding import mask_of, reads_padding, reads_padding_of
from rnngraph.ir.steps import least_steps, time_axis
from rnngraph.ir.streaming import not_streaming, why_not
from rnngraph.ir.types import N, T, evaluate, floats, floor_divide, is_time, symbol
from rnngraph.lowering import lower
from tests.exporters.graphs import backward, graph_net, head, one_time, stacked, translator, two_times
from tests.exporters.networks import Net

T_A, T_B = symbol("T_a"), symbol("T_b")


def test_what_depends_on_time() -> None:
    assert all(is_time(d) for d in (T, T_A, T_A + -2, 2 * T_B, floor_divide(T_A, 2)))
    assert not any(is_time(d) for d in (3, N, 2 * N, N + T, symbol("H"), symbol("Time")))
    assert (time_axis((N, 3, T_A)), time_axis((N, 3)), time_axis((2 * N, floor_divide(T_B, 2)))) == (2, None, 1)


def test_each_time_has_its_least_number_of_steps() -> None:
    graph = Graph()
    a, b = (graph.input(n, "input", floats(t, N, 2)) for n, t in (("a", T_A), ("b", T_B)))
    graph.input("who", "input", floats(N, 2))
    windows = {"kind": "max", "kernel": (3,), "stride": (2,), "padding": ((0, 0),), "dilation": (1,)}
    graph.add("pool", [graph.add("pool", [b], **windows)], **windows)
    graph.add("pool", [a], **windows)
    assert least_steps(graph) == {"T_a": 3, "T_b": 7}


def test_a_mask_of_another_time_is_refused() -> None:
    graph = Graph()
    x = graph.input("a", "input", floats(T_A, N, 4))
    r, h = graph.input("R", "parameter", floats(4, 4)), graph.input("state_00_h", "state", floats(N, 4))
    for steps in (T_B, 5):
        mask = greater(graph.input(f"mask {steps}", "mask", floats(steps, N, 1)), 0.5)
        with pytest.raises(GraphError, match=r"the mask: expected bool\[T_a, N, 1\].*got bool\["):
            graph.add_many("recurrent", [x, h, r, mask], body=trace(simple_rnn, act="tanh"), reverse=False, mask_mode="hold")


# Padding


def ignoring(which: str) -> Net:
    """Series "a" and "b", of which the layer behind ``which`` reads padding."""
    mode = {name: "ignore" if name == which else "hold" for name in "ab"}
    layers = {name: (rg.LSTM(n_in=3, n_out=4, mask_mode=mode[name]), name) for name in "ab"}
    return graph_net(
        ["a", "b"],
        {"rnn-a": layers["a"], "rnn-b": layers["b"], "all": (MergeVertex(), "rnn-a", "rnn-b"), "y": (head(), "all")},
        "y",
    )


@pytest.mark.parametrize("which", ["a", "b", "neither"])
def test_padding_is_read_input_by_input(which: str) -> None:
    graph = lower(ignoring(which).config, features_mask=True)
    assert {p.name: reads_padding_of(p, graph) for p in graph.ports("input")} == {name: name == which for name in "ab"}
    assert reads_padding(graph) == (which != "neither")


def test_an_input_without_a_mask_has_no_padding() -> None:
    graph = lower(ignoring("a").config, features_mask=["b"])
    a, b = graph.ports("input")
    assert mask_of(a, graph) is None
    assert mask_of(b, graph) is graph.ports("mask")[0]
    assert not reads_padding(graph)


def test_a_mask_does_not_clean_another_input() -> None:
    """``where`` under the mask of b leaves padding of a in a."""
    graph = Graph()
    a, b = (graph.input(n, "input", floats(T, N, 3)) for n in "ab")
    masks = {n: greater(graph.input(f"mask_{n}", "mask", floats(T, N, 1), of=n), 0.5) for n in "ab"}
    for x in (a, b):
        linear(graph.add("where", [masks["b"], x, 0.0]), graph.input(f"{x.name}.W", "parameter", floats(3, 3)))
    assert [reads_padding_of(p, graph) for p in graph.ports("input")] == [True, False]


# Streaming


def test_vertices_that_need_whole_sequences_are_named() -> None:
    net = translator()
    names, titles = net.config.layer_names, [layer.title for layer in net.config.layers]
    graph = lower(net.config)
    assert list(not_streaming(graph, names)) == [names.index("each")]
    reason = "it repeats at each step what is known when a sequence has ended"
    assert why_not(graph, titles, names) == f"vertex 'each' (DuplicateToTimeSeriesVertex): {reason}"
    assert why_not(lower(two_times().config), [], two_times().config.layer_names) is None


def test_a_layer_without_weights_is_found_by_its_name() -> None:
    pool = rg.Subsampling1DLayer(kernel_size=2, stride=2)
    net = graph_net("x", {"p": (rg.LSTM(n_in=3, n_out=4), "x"), "p-2": (pool, "p"), "y": (head(), "p-2")}, "y")
    titles = [layer.title for layer in net.config.layers]
    told = why_not(lower(net.config), titles, net.config.layer_names)
    assert told == "vertex 'p-2' (Subsampling1DLayer): it (pool over time) moves by 2 steps: a piece may end between two windows"


# Passes


@pytest.mark.parametrize("target", ["portable", "cpu"])
@pytest.mark.parametrize("build", [two_times, one_time, translator, backward, stacked, lambda: ignoring("neither")])
def test_the_passes_keep_the_numbers_under_masks_of_their_own(build: Callable[[], Net], target: Target) -> None:
    """NaN stands in every series where its own mask is 0; rows without a real step are among them."""
    net = build()
    graph = lower(net.config, features_mask=True)
    after = transform(graph, target)
    for seed in range(4):
        draw = np.random.default_rng(seed)
        sizes = {"N": 3, **{name: 5 + k for k, name in enumerate(least_steps(graph))}}
        given = {p.name: draw.standard_normal([evaluate(d, sizes) for d in p.value.shape]) for p in graph.ports("input", "mask", "state")}
        for mask in graph.ports("mask"):
            given[mask.name] = (given[mask.name] > -0.3).astype(float)
            given[mask.name][seed % 3] = 0
            given[str(mask.of)] = np.where(given[mask.name][:, None] > 0, given[str(mask.of)], np.nan)
        want, got = (run(g, {**net.arrays, **given}) for g in (graph, after))
        assert list(got) == list(want)
        for name, expected in want.items():
            assert np.isfinite(expected).all(), name
            np.testing.assert_allclose(got[name], expected, rtol=0, atol=1e-12, err_msg=name)
