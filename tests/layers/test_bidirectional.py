"""Bidirectional and GravesBidirectionalLSTM: both directions, joined four ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.torch import Program
from rnngraph.conf.parameters import updater_of
from rnngraph.lowering import lower, parameter_shapes
from rnngraph.lowering.build import lower as build
from rnngraph.training.regularisation import penalties
from tests.layers.properties import GAPS, dataset, features, network


def bare(layer: Any, parameters: dict[str, np.ndarray] | None = None, **settings: Any) -> rg.MultiLayerNetwork:
    """The layer alone."""
    start = rg.InputType.recurrent(3)
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer], input_type=start, data_type="float64", **settings))
    if parameters:
        net.set_parameters(parameters)
    return net


def test_it_is_torchs_bidirectional_lstm() -> None:
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4, bidirectional=True, dtype=torch.float64)
    parameters = {}
    for direction, suffix in (("forward", ""), ("backward", "_reverse")):
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        w, r, b, b_r = (getattr(module, name + suffix).detach().numpy() for name in names)
        parameters.update({f"0.{direction}.{k}": v for k, v in {"W": w, "R": r, "b": b + b_r}.items()})
    net = bare(rg.Bidirectional(rg.LSTM(n_out=4)), parameters)
    x = features()
    with torch.no_grad():
        want = module(torch.from_numpy(x).permute(2, 0, 1))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(net.output(x), want, rtol=0, atol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
def test_the_four_modes_join_the_same_halves(masked: bool) -> None:
    x, mask = features(), GAPS if masked else None
    both = bare(rg.Bidirectional(rg.GRU(n_out=4)), seed=3)
    forward, backward = np.split(both.output(x, mask), 2, axis=1)
    want = {"add": forward + backward, "mul": forward * backward, "average": (forward + backward) / 2}
    for mode, expected in want.items():
        got = bare(rg.Bidirectional(mode, rg.GRU(n_out=4)), both.parameters()).output(x, mask)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)


def test_the_backward_half_is_the_layer_over_the_sequence_turned_around() -> None:
    x = features()
    both = bare(rg.Bidirectional(rg.SimpleRnn(n_out=4)), seed=3)
    parameters = {k.replace("backward.", ""): v for k, v in both.parameters().items() if "backward" in k}
    alone = bare(rg.SimpleRnn(n_out=4), parameters).output(x[:, :, ::-1])
    np.testing.assert_allclose(both.output(x)[:, 4:], alone[:, :, ::-1], rtol=0, atol=1e-14)


def test_around_last_time_step_each_half_is_at_its_own_last_step() -> None:
    x = features()
    steps = bare(rg.Bidirectional(rg.LSTM(n_out=4)), seed=3)
    whole = steps.output(x)
    ends = bare(rg.Bidirectional(rg.LastTimeStep(rg.LSTM(n_out=4))), steps.parameters()).output(x)
    np.testing.assert_allclose(ends, np.concatenate([whole[:, :4, -1], whole[:, 4:, 0]], 1), rtol=0, atol=1e-14)
    last = bare(rg.LastTimeStep(rg.Bidirectional(rg.LSTM(n_out=4))), steps.parameters()).output(x)
    np.testing.assert_allclose(last, whole[:, :, -1], rtol=0, atol=1e-14)


@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_the_last_step_of_each_half_under_a_mask(mode: str) -> None:
    """The first real step for the backward half; 0 for a row that is wholly masked."""
    x = features()
    steps = bare(rg.Bidirectional(rg.LSTM(n_out=4)), seed=3, mask_mode=mode)
    whole = steps.output(x, GAPS)
    ends = bare(rg.Bidirectional(rg.LastTimeStep(rg.LSTM(n_out=4))), steps.parameters(), mask_mode=mode).output(x, GAPS)
    last = bare(rg.LastTimeStep(rg.Bidirectional(rg.LSTM(n_out=4))), steps.parameters(), mask_mode=mode).output(x, GAPS)
    for row, real in enumerate(np.flatnonzero(m) for m in GAPS):
        if not len(real):
            assert not ends[row].any()
            assert not last[row].any()
            continue
        want = np.concatenate([whole[row, :4, real[-1]], whole[row, 4:, real[0]]])
        np.testing.assert_allclose(ends[row], want, rtol=0, atol=1e-14)
        np.testing.assert_allclose(last[row], whole[row, :, real[-1]], rtol=0, atol=1e-14)


def test_graves_bidirectional_lstm_is_the_sum_of_two_graves_lstms() -> None:
    x = features()
    ours = bare(rg.GravesBidirectionalLSTM(n_out=4), seed=3)
    wrapped = bare(rg.Bidirectional("add", rg.GravesLSTM(n_out=4)), ours.parameters())
    for mask in (None, GAPS):
        np.testing.assert_array_equal(ours.output(x, mask), wrapped.output(x, mask))
    drawn = bare(rg.Bidirectional("add", rg.GravesLSTM(n_out=4)), seed=3).parameters()
    np.testing.assert_array_equal(drawn["0.backward.P"], ours.parameters()["0.backward.P"])


def test_parameters_of_both_directions_are_drawn_apart() -> None:
    config = rg.MultiLayerConfiguration(layers=[rg.Bidirectional(rg.LSTM(n_in=3, n_out=4))], seed=1)
    assert parameter_shapes(config) == {
        f"0.{direction}.{key}": shape
        for direction in ("forward", "backward")
        for key, shape in (("W", (16, 3)), ("R", (16, 4)), ("b", (16,)))
    }
    got = rg.MultiLayerNetwork(config).parameters()
    assert (got["0.forward.W"] != got["0.backward.W"]).all()
    assert (got["0.forward.R"] != got["0.backward.R"]).all()
    for direction in ("forward", "backward"):
        np.testing.assert_array_equal(got[f"0.{direction}.b"], np.repeat([0, 1, 0, 0], 4))


def test_updater_and_penalties_are_those_of_the_layer_inside() -> None:
    inner = rg.GravesLSTM(n_in=3, n_out=4, l2=0.25, updater=rg.Adam(0.5))
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.Bidirectional(inner), rg.RnnOutputLayer(n_out=2)]))
    assert set(penalties(net)) == {f"0.{d}.{k}" for d in ("forward", "backward") for k in ("W", "R", "P")}
    assert updater_of(net.config, "0.backward.R") == rg.Adam(0.5)


def test_fused_in_torch_one_cell_a_direction() -> None:
    net = network(rg.Bidirectional(rg.LSTM(n_out=4)))
    ops = [n.op for n in Program(build(net.config)).graph.nodes]
    assert (ops.count("lstm"), ops.count("recurrent")) == (2, 0)
    graph = lower(net.config, features_mask=True)
    assert sorted(bool(n.attributes["reverse"]) for n in graph.nodes if n.op == "recurrent") == [False, True]
    assert not graph.ports("state")


def test_it_learns() -> None:
    """The label of each step is the sign of the next step's feature, which the backward half alone can know."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 1, 12))
    y = np.zeros((32, 2, 12))
    later = np.concatenate([x[:, 0, 1:], np.ones((32, 1))], 1) > 0
    y[:, 0], y[:, 1] = ~later, later
    layers = [rg.Bidirectional(rg.GRU(n_in=1, n_out=8)), rg.RnnOutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, updater=rg.Adam(0.03), seed=1))
    net.fit(rg.DataSet(x, y), epochs=120, progress=False)
    assert net.evaluate(rg.DataSet(x, y)).accuracy() > 0.95


def test_mixed_with_layers_that_have_a_state() -> None:
    """The state of the layer in front is an input still; stepping is refused for the whole network."""
    layers = [rg.LSTM(n_in=3, n_out=4), rg.Bidirectional(rg.LSTM(n_out=4)), rg.RnnOutputLayer(n_out=2)]
    config = rg.MultiLayerConfiguration(layers=layers)
    assert [p.name for p in lower(config).ports("state")] == ["state_00_h", "state_00_c"]
    net = rg.MultiLayerNetwork(config)
    with pytest.raises(rg.StreamingError, match=r"layers\[1\] \(Bidirectional\(LSTM\)\): layer 1 .* runs backwards in time"):
        net.rnn_time_step(np.zeros((1, 3)))
    assert net.rnn_get_previous_state(0) == {}
    assert dataset(network(layers[1]), features(), None).num_examples() == len(GAPS)
