"""Learned initial states in training: against plain torch, whose nn.LSTM begins with a Parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.conf.parameters import updater_of
from rnngraph.training.constraints import bounds
from rnngraph.training.regularisation import Penalty, penalties

N, F, H, T = 4, 3, 5, 6
RATE = 0.05


def network(layer: Any, **settings: Any) -> rg.MultiLayerNetwork:
    """``layer`` and a linear output, in float64, with random initial states."""
    layers = [layer, rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse")]
    fields = {"data_type": "float64", "updater": rg.Sgd(RATE), "seed": 3, "input_type": rg.InputType.recurrent(F), **settings}
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, **fields))
    generator = np.random.default_rng(1)
    starts = {name: generator.standard_normal(a.shape) for name, a in net.parameters().items() if name.endswith("0")}
    net.set_parameters({**net.parameters(), **starts})
    return net


def dataset(seed: int = 0) -> rg.DataSet:
    generator = np.random.default_rng(seed)
    return rg.DataSet(generator.standard_normal((N, F, T)), generator.standard_normal((N, 2, T)))


NAMES = {
    "0.W": "lstm.weight_ih_l0",
    "0.R": "lstm.weight_hh_l0",
    "0.b": "lstm.bias_ih_l0",
    "0.h0": "h0",
    "0.c0": "c0",
    "1.W": "head.weight",
    "1.b": "head.bias",
}
"""Our names and torch's."""


class Plain(torch.nn.Module):
    """The same network in torch: h0 and c0 are Parameters [H], expanded over the batch; the second bias stays 0."""

    def __init__(self, parameters: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(F, H, dtype=torch.float64)
        self.h0, self.c0 = (torch.nn.Parameter(torch.empty(H, dtype=torch.float64)) for _ in range(2))
        self.head = torch.nn.Linear(H, 2, dtype=torch.float64)
        second = {"lstm.bias_hh_l0": torch.zeros(4 * H)}
        self.load_state_dict({**second, **{theirs: torch.tensor(parameters[ours]) for ours, theirs in NAMES.items()}})

    def step(self, data: rg.DataSet, steps: slice, states: Any = None) -> Any:
        """One step of gradient descent on a segment; the states behind it."""
        x, labels = (torch.tensor(np.asarray(a)[:, :, steps]).permute(2, 0, 1) for a in (data.features, data.labels))
        if states is None:
            states = tuple(s.expand(1, N, H).contiguous() for s in (self.h0, self.c0))
        out, after = self.lstm(x, states)
        trained = [p for name, p in self.named_parameters() if name in NAMES.values()]
        loss = (self.head(out) - labels).square().sum() / 2 / N  # DL4J's mse is the mean over the two columns
        grads = torch.autograd.grad(loss, trained, allow_unused=True)
        with torch.no_grad():
            for p, g in zip(trained, grads, strict=True):
                if g is not None:
                    p.sub_(RATE * g)
        return tuple(s.detach() for s in after)

    def named(self) -> dict[str, np.ndarray]:
        """The parameters under rnngraph's names."""
        found = dict(self.named_parameters())
        return {ours: found[theirs].detach().numpy() for ours, theirs in NAMES.items()}


def assert_equal(net: rg.MultiLayerNetwork, plain: Plain) -> None:
    parameters = net.parameters()
    assert list(parameters) == list(plain.named())
    for name, array in plain.named().items():
        np.testing.assert_allclose(parameters[name], array, rtol=0, atol=1e-12, err_msg=name)


def test_a_run_of_training_is_that_of_torch() -> None:
    net = network(rg.LSTM(n_out=H, initial_state="learned"))
    plain, before = Plain(net.parameters()), net.parameters()
    for seed in range(6):
        net.fit(dataset(seed))
        plain.step(dataset(seed), slice(None))
    assert_equal(net, plain)
    assert min(np.abs(before[k] - net.parameters()[k]).max() for k in ("0.h0", "0.c0")) > 1e-3


def test_truncated_bptt_begins_with_them_in_the_first_segment_alone() -> None:
    net = network(rg.LSTM(n_out=H, initial_state="learned"), backprop=rg.TruncatedBPTT(2))
    plain = Plain(net.parameters())
    for seed in range(2):
        net.fit(dataset(seed))
        states = None
        for start in range(0, T, 2):
            states = plain.step(dataset(seed), slice(start, start + 2), states)
    assert_equal(net, plain)


def test_a_short_backward_length_leaves_them_as_they_are() -> None:
    net = network(rg.LSTM(n_out=H, initial_state="learned"), backprop=rg.TruncatedBPTT(T, backward_length=T - 1))
    before = net.parameters()
    net.fit(dataset())
    assert np.array_equal(before["0.h0"], net.parameters()["0.h0"])
    assert not np.array_equal(before["0.R"], net.parameters()["0.R"])


def test_what_is_given_is_not_trained() -> None:
    row = [0.1 * k for k in range(H)]
    net = network(rg.LSTM(n_out=H, initial_state={"h": "learned", "c": row}))
    net.fit(dataset(), epochs=3)
    assert np.array_equal(net.buffers()["0.c0"], row)
    assert "0.c0" not in net.parameters()


def test_they_count_as_biases() -> None:
    settings = {"l2": 0.5, "l2_bias": 0.25, "bias_updater": rg.Adam(0.1), "constraints": rg.MaxNormConstraint(0.5, 1, on="biases")}
    net = network(rg.Bidirectional(rg.LSTM(n_out=H, initial_state="learned")), **settings)
    found = penalties(net)
    for name in ("0.forward.h0", "0.backward.c0", "0.forward.b"):
        assert found[name] == Penalty(l2=0.25)
        assert updater_of(net.config, name) == rg.Adam(0.1)
    assert found["0.forward.R"] == Penalty(l2=0.5)
    assert {name for bound in bounds(net) for name in bound.names if name.startswith("0.forward")} == {
        f"0.forward.{key}" for key in ("b", "h0", "c0")
    }
    net.fit(dataset())
    assert np.linalg.norm(net.parameters()["0.forward.h0"]) == pytest.approx(0.5, rel=1e-5)


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Any) -> None:
    layer = rg.GRU(n_out=H, initial_state="learned")
    settings = {"updater": rg.Adam(0.01), "backprop": rg.TruncatedBPTT(2)}
    whole, broken = network(layer, **settings), network(layer, **settings)
    data = [dataset(seed) for seed in range(3)]
    whole.fit(data, epochs=2)

    class Stop(rg.TrainingListener):
        """Stops inside a minibatch."""

        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            if network.iteration == 5:
                network.stop_fit("enough")

    broken.fit(data, epochs=2, listeners=[Stop()])
    broken.save(tmp_path / "net.rnng")
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    again.fit(data, epochs=2, resume=True)
    for name, array in whole.parameters().items():
        assert np.array_equal(array, again.parameters()[name]), name


def test_stacked_examples_begin_with_the_same() -> None:
    vertices: dict[str, Any] = {
        "s": (rg.StackVertex(), "p", "q"),
        "k": (rg.SimpleRnn(n_out=H, initial_state=[1.0] * H), "s"),
        "u": (rg.UnstackVertex(0, 2), "k"),
        "v": (rg.UnstackVertex(1, 2), "k"),
        "y": (rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse"), "u"),
        "z": (rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse"), "v"),
    }
    types = {name: rg.InputType.recurrent(F) for name in "pq"}
    config = rg.ComputationGraphConfiguration(
        inputs=["p", "q"], vertices=vertices, outputs=["y", "z"], input_types=types, data_type="float64"
    )
    net = rg.ComputationGraph(config)
    p, x = net.parameters(), dataset().features
    y, z = net.output([x, x])
    h = np.tanh(x[:, :, 0] @ p["k.W"].T + p["k.R"] @ np.ones(H) + p["k.b"])
    np.testing.assert_allclose(y[:, :, 0], h @ p["y.W"].T + p["y.b"], rtol=0, atol=1e-13)
    np.testing.assert_allclose(z[:, :, 0], h @ p["z.W"].T + p["z.b"], rtol=0, atol=1e-13)
