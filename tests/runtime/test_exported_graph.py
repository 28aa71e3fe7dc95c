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
from tests.exporters.graphs import backward, gaps, one_time, series, stacked, translator, two_times, words
from tests.exporters.networks import Net


def network(net: Net) -> rg.ComputationGraph:
    """In torch, with the same parameters."""
    graph = rg.ComputationGraph(net.config)
    graph.set_parameters(net.arrays)
    return graph


@pytest.mark.parametrize("options", [{}, {"features_mask": True}, {"features_mask": True, "target": "cpu"}])
@pytest.mark.parametrize("build", [two_times, one_time, words, stacked, translator, backward])
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
    for layer in ("encoder", "decoder", 3):
        got, want = session.rnn_get_previous_state(layer), net.rnn_get_previous_state(layer)
        assert got.keys() == want.keys()
        for key in want:
            np.testing.assert_allclose(got[key], want[key], atol=1e-6)


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
