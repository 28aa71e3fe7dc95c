"""TorchUpdater against torch.optim itself, driven by hand on copies of the parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.training.update import Update
from tests.training.small import assert_close, averaged, batch, network, states

OPTIMISERS: list[tuple[str, dict[str, Any]]] = [
    ("ASGD", {"lr": 0.05}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8}),
    ("Adafactor", {"lr": 0.05}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "fused": True}),
    ("AdamW", {"lr": 0.05, "betas": (0.5, 0.9), "foreach": True}),
    ("Adamax", {"lr": 0.05}),
    ("NAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.5, "centered": True}),
    ("Rprop", {"lr": 0.02}),
    ("SGD", {"lr": 0.2}),
    ("SGD", {"lr": 0.2, "momentum": 0.9, "nesterov": True}),
]
IDS = [f"{name}-{next(reversed(options))}" for name, options in OPTIMISERS]


def refused(updater: Any, message: str, *layers: Any) -> None:
    net = network(*layers, updater=updater)
    before = net.parameters()
    with pytest.raises(rg.ConfigurationError, match=message):
        net.fit(batch(), progress=False)
    np.testing.assert_equal((net.parameters(), net.updater_state, net.iteration), (before, {}, 0))


@pytest.mark.parametrize(("name", "options"), OPTIMISERS, ids=IDS)
def test_it_steps_as_torch_does(name: str, options: dict[str, Any]) -> None:
    """Five updates; what is kept is kept under torch's names, in torch's shapes and types."""
    net = network(updater=rg.TorchUpdater(name, **options))
    twin = {key: torch.tensor(w, requires_grad=True) for key, w in net.parameters().items()}
    optimiser = getattr(torch.optim, name)(list(twin.values()), **options)
    for k in range(5):
        for key, g in averaged(net, batch(k)).items():
            twin[key].grad = torch.tensor(g)
        optimiser.step()
        net.fit(batch(k), progress=False)
        assert_close(net.parameters(), {key: w.detach().numpy() for key, w in twin.items()})
    for key, w in twin.items():
        kept = net.updater_state.get(key, {})
        assert {n: (t.shape, t.dtype) for n, t in kept.items()} == {n: (t.shape, t.dtype) for n, t in optimiser.state[w].items()}
        assert net._parameters[key].grad is None


@pytest.mark.parametrize("data_type", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), OPTIMISERS, ids=IDS)
def test_a_saved_run_goes_on_as_an_unbroken_one_bit_for_bit(name: str, options: dict[str, Any], data_type: str, tmp_path: Path) -> None:
    config = network(updater=rg.TorchUpdater(name, **options)).config.replaced(data_type=data_type)
    whole, part = rg.MultiLayerNetwork(config), rg.MultiLayerNetwork(config)
    whole.fit([batch(k) for k in range(5)], progress=False)
    part.fit([batch(k) for k in range(2)], progress=False)
    part.save(tmp_path / "net.rnng")
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    assert again.config == config
    np.testing.assert_equal(states(again), states(part))
    again.fit([batch(k) for k in range(2, 5)], progress=False)
    np.testing.assert_equal((again.parameters(), states(again)), (whole.parameters(), states(whole)))


@pytest.mark.parametrize("used", [False, True], ids=["the first update", "a later update"])
@pytest.mark.parametrize(("name", "options"), OPTIMISERS, ids=IDS)
def test_an_update_that_fails_leaves_nothing_behind(
    name: str, options: dict[str, Any], used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a fit, behind the optimiser's own step; what follows is as if it had not been."""
    net, twin = (network(updater=rg.TorchUpdater(name, **options)) for _ in range(2))
    sets = [batch(k) for k in range(4)]
    good = sets[:2] if used else []
    twin.fit([*good, *sets[2:]], progress=False)
    decays = Update._decays

    def breaking(self: Any, numbers: Any) -> Any:
        raise_now = net.iteration == len(good)
        return {"0.W": torch.full((4, 2), torch.nan, dtype=torch.float64)} if raise_now else decays(self, numbers)

    monkeypatch.setattr(Update, "_decays", breaking)
    with pytest.raises(rg.TrainingError, match=rf"^iteration {len(good)}: 0\.W \(layers\[0\], SimpleRnn\) would become nan"):
        net.fit(sets[: len(good) + 1], progress=False)
    monkeypatch.undo()
    assert bool(net.updater_state) == (used and name + str(options) != "SGD{'lr': 0.2}")
    net.fit(sets[2:], progress=False)
    np.testing.assert_equal((net.parameters(), states(net)), (twin.parameters(), states(twin)))


def test_layers_may_have_optimisers_of_their_own() -> None:
    """Muon takes matrices only, so biases have another."""
    muon = rg.TorchUpdater("Muon", lr=0.1)
    net = network(updater=muon, bias_updater=rg.Sgd(0.5))
    gradients, wanted = averaged(net, batch()), net.parameters()
    matrices = {key: torch.tensor(w, requires_grad=True) for key, w in wanted.items() if w.ndim == 2}
    for key, w in matrices.items():
        w.grad = torch.tensor(gradients[key])
    optimiser: torch.optim.Optimizer = torch.optim.Muon(list(matrices.values()), lr=0.1)
    optimiser.step()
    wanted.update({key: w.detach().numpy() for key, w in matrices.items()})
    wanted.update({key: wanted[key] - 0.5 * gradients[key] for key in ("0.b", "1.b")})
    net.fit(batch(), progress=False)
    assert_close(net.parameters(), wanted)
    refused(muon, r"^layers\[0\] \(SimpleRnn\), updater TorchUpdater: torch.optim.Muon cannot train 0\.W, .* so: Muon only supports 2D")


def test_l2_and_weight_decay_act_around_it() -> None:
    """Torch sees g + l2 w; lr c w comes off behind it, by the w of before."""
    net = network(updater=rg.TorchUpdater("SGD", lr=0.5, momentum=0.5), l2=0.25, weight_decay=0.125)
    before, gradients = net.parameters(), averaged(net, batch())
    net.fit(batch(), progress=False)
    for name in ("0.W", "0.R", "1.W"):
        wanted = before[name] - 0.5 * (gradients[name] + 0.25 * before[name]) - 0.5 * 0.125 * before[name]
        np.testing.assert_allclose(net.parameters()[name], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Adom", "torch.optim has no optimiser 'Adom'; did you mean Adam or "),
        ("adamw", "torch.optim has no optimiser 'adamw'; did you mean AdamW or "),
        ("Optimizer", "torch.optim has no optimiser 'Optimizer'; It has ASGD, Adadelta, "),
        ("lr_scheduler", "torch.optim has no optimiser 'lr_scheduler'"),
        ("LBFGS", "torch.optim.LBFGS cannot train 0.W, 0.R, 0.b, 1.W, 1.b so: LBFGS doesn't support"),
        ("SparseAdam", "torch.optim.SparseAdam cannot train 0.W, 0.R, 0.b, 1.W, 1.b so: SparseAdam does not support dense gradients"),
    ],
)
def test_names_that_cannot_be(name: str, message: str) -> None:
    refused(rg.TorchUpdater(name), f"^{re.escape('layers[0] (SimpleRnn), updater TorchUpdater: ' + message.split(' LBFGS doesn')[0])}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0.1}, "torch.optim.Adam cannot train .* so: .*unexpected keyword argument 'rate'"),
        ({"eps": -0.1}, "torch.optim.Adam cannot train .* so: Invalid epsilon value: -0.1"),
        ({"eps": "small"}, "torch.optim.Adam cannot train .* so: "),
        ({"betas": (0.5, 1.5)}, "torch.optim.Adam cannot train .* so: Invalid beta parameter at index 1: 1.5"),
        ({"fused": True, "foreach": True}, "torch.optim.Adam cannot train .* so: .*cannot be"),
        ({"maximize": True}, "maximize=True: fit makes the score small, not large; leave it out$"),
        ({"differentiable": True}, "differentiable=True: no gradient flows through an update; leave it out$"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_settings_that_cannot_be(options: dict[str, Any], message: str) -> None:
    refused(rg.TorchUpdater("Adam", **options), r"^layers\[0\] \(SimpleRnn\), updater TorchUpdater: " + message)
    net = network(updater=rg.TorchUpdater("Adam", maximize=False, differentiable=False))
    net.fit(batch(), progress=False)
    assert net.iteration == 1


def test_a_gradient_that_is_infinite_ends_the_fit_where_only_its_sign_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rprop steps by a gradient's sign, and sets one to 0 whose sign has changed."""
    net, one = network(updater=rg.TorchUpdater("Rprop", lr=0.1)), batch()
    net.fit(one, epochs=2, progress=False)
    before, grad = net.parameters(), torch.autograd.grad

    def infinite(*arguments: Any, **keywords: Any) -> Any:
        found = grad(*arguments, **keywords)
        last = net.updater_state["0.R"]["prev"][0, 1]
        found[1][0, 1] = float("-inf") if last > 0 else float("inf")
        return found

    monkeypatch.setattr(torch.autograd, "grad", infinite)
    with pytest.raises(rg.TrainingError, match=r"^iteration 2: the gradient of 0\.R \(layers\[0\], SimpleRnn\) is -?inf at \[0, 1\]"):
        net.fit(one, progress=False)
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(array, before[name])
