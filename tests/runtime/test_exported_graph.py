"""Files of ComputationGraphs against the networks that they were exported from: the same verbs, the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify
from tests.exporters.graphs import backward, captions, gaps, odd_names, one_time, series, stacked, translator, two_times, watching, words
from tests.exporters.networks import Net


def network(net: Net) -> rg.ComputationGraph:
    """In torch, with the same parameters."""
    graph = rg.ComputationGraph(net.config)
    graph.set_parameters(net.arrays)
    return graph


@pytest.mark.parametrize("options", [{}, {"features_mask": True}, {"features_mask": True, "target": "cpu"}])
@pytest.mark.parametrize("build", [two_times, one_time, words, stacked, odd_names, captions, watching, translator, backward])
def test_verified_against_the_network(build: Callable[[], Net], options: dict[str, Any], tmp_path: Path) -> None:
    net = network(build())
    export_onnx(net, tmp_path / "net.onnx", **options)
    before = net.snapshot()
    report = verify(tmp_path / "net.onnx", net)
    assert report, str(report)
    assert any(row.what.startswith("network: ") for row in report.rows)
    assert any(row.what.startswith("network, chunked: ") for row in report.rows) == (build not in (translator, backward))
    np.testing.assert_equal(dict(net.snapshot().states), dict(before.states))


def test_a_stream_moves_between_the_network_and_the_file(tmp_path: Path) -> None:
    net = network(two_times())
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    session = StreamingSession(tmp_path / "net.onnx")
    xs, masks = [series((2, 5, 6)), series((2, 3, 6), seed=1)], [gaps(2, 6), None]
    for one in (net, session):
        one.rnn_time_step(xs, features_masks=masks)
    session.restore(net.snapshot())
    net.restore(session.snapshot())
    step = [x[:, :, 0] for x in xs]
    for got, want in zip(session.rnn_time_step(step), net.rnn_time_step(step), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)
    for layer in list[int | str](["encoder", "decoder", 3]):
        held, state = session.rnn_get_previous_state(layer), net.rnn_get_previous_state(layer)
        assert held.keys() == state.keys()
        for key in state:
            np.testing.assert_allclose(held[key], state[key], atol=1e-6)


def test_a_network_of_layers_is_no_graph(tmp_path: Path) -> None:
    export_onnx(network(two_times()), tmp_path / "net.onnx")
    row = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]))
    with pytest.raises(InputError, match=r"is the file of a graph: give the ComputationGraph .*, not MultiLayerNetwork"):
        verify(tmp_path / "net.onnx", row)
    export_onnx(row, tmp_path / "row.onnx")
    with pytest.raises(InputError, match=r"of a network of layers in a row: give the MultiLayerNetwork .*, not ComputationGraph"):
        verify(tmp_path / "row.onnx", network(two_times()))


def test_a_graph_in_float64(tmp_path: Path) -> None:
    net = network(one_time(data_type="float64"))
    export_onnx(net, tmp_path / "net.onnx", features_mask=["b"])
    report = verify(tmp_path / "net.onnx", net)
    assert report, str(report)
    assert max(row.absolute for row in report.rows) < 1e-12


def test_the_network_and_its_file_refuse_alike(tmp_path: Path) -> None:
    net = network(two_times(mask_mode="ignore"))
    export_onnx(net, tmp_path / "net.onnx", features_mask=True)
    xs, mask = [series((2, 5, 6)), series((2, 3, 4), seed=1)], gaps(2, 6)
    bad = [np.where(mask[:, None] > 0, xs[0], np.nan), xs[1]]
    for one in (net, StreamingSession(tmp_path / "net.onnx")):
        with pytest.raises(InputError, match=r"is a list of 1, but .* has the inputs 'in', 'target'; give one for each, in this order"):
            one.output(xs[:1])
        with pytest.raises(InputError, match=r": missing: 'target'; unknown: 'aim'; .* has the inputs 'in', 'target'"):
            one.output({"in": xs[0], "aim": xs[1]})
        with pytest.raises(InputError, match=r"features_masks: unknown: 'aim'"):
            one.output(xs, features_masks={"aim": mask})
        with pytest.raises(InputError, match=r"input 'in' is one step without a time axis, input 'target' has one"):
            one.rnn_time_step([xs[0][:, :, 0], xs[1]])
        with pytest.raises(
            InputError, match=r"nan at .*; a layer (or vertex behind it|behind 'in') has mask_mode='ignore' and reads padding too"
        ):
            one.output(bad, features_masks=[mask, None])
        assert one.rnn_get_previous_state("encoder") == {}
