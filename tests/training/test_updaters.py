"""Updaters against their formulas, written out here for single numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.conf import Updater
from rnngraph.conf.family import choices
from rnngraph.training.updaters import RULES, Rule
from tests.training.small import assert_close, averaged, batch, network, states

State = dict[str, float]
Formula = Callable[[Any, float, State, int], float]
"""(updater, gradient, what is kept, t) -> what is taken off the weight; changes what is kept."""


def sgd(u: Any, g: float, s: State, t: int) -> float:
    return float(u.learning_rate * g)


def no_op(u: Any, g: float, s: State, t: int) -> float:
    return g


def adam(u: Any, g: float, s: State, t: int) -> float:
    s["m"] = u.beta1 * s["m"] + (1 - u.beta1) * g
    s["v"] = u.beta2 * s["v"] + (1 - u.beta2) * g * g
    rate = u.learning_rate * math.sqrt(1 - u.beta2**t) / (1 - u.beta1**t)
    return float(rate * s["m"] / (math.sqrt(s["v"]) + u.epsilon))


def ada_max(u: Any, g: float, s: State, t: int) -> float:
    s["m"] = u.beta1 * s["m"] + (1 - u.beta1) * g
    s["u"] = max(u.beta2 * s["u"], abs(g)) + 1e-32
    return float(u.learning_rate / (1 - u.beta1**t) * s["m"] / s["u"])


def ams_grad(u: Any, g: float, s: State, t: int) -> float:
    s["m"] = u.beta1 * s["m"] + (1 - u.beta1) * g
    s["v"] = u.beta2 * s["v"] + (1 - u.beta2) * g * g
    s["v_hat"] = max(s["v_hat"], s["v"])
    rate = u.learning_rate * math.sqrt(1 - u.beta2**t) / (1 - u.beta1**t)
    return float(rate * s["m"] / (math.sqrt(s["v_hat"]) + u.epsilon))


def nadam(u: Any, g: float, s: State, t: int) -> float:
    s["m"] = u.beta1 * s["m"] + (1 - u.beta1) * g
    s["v"] = u.beta2 * s["v"] + (1 - u.beta2) * g * g
    ahead = (u.beta1 * s["m"] + (1 - u.beta1) * g) / (1 - u.beta1**t)
    return float(u.learning_rate * ahead / (math.sqrt(s["v"]) + u.epsilon))


def ada_belief(u: Any, g: float, s: State, t: int) -> float:
    s["m"] = u.beta1 * s["m"] + (1 - u.beta1) * g
    s["s"] = u.beta2 * s["s"] + (1 - u.beta2) * (g - s["m"]) ** 2 + u.epsilon
    rate = u.learning_rate * math.sqrt(1 - u.beta2**t) / (1 - u.beta1**t)
    return float(rate * s["m"] / (math.sqrt(s["s"]) + u.epsilon))


def ada_grad(u: Any, g: float, s: State, t: int) -> float:
    s["h"] += g * g
    return float(u.learning_rate * g / (math.sqrt(s["h"]) + u.epsilon))


def ada_delta(u: Any, g: float, s: State, t: int) -> float:
    s["msg"] = u.rho * s["msg"] + (1 - u.rho) * g * g
    d = g * math.sqrt(s["msdx"] + u.epsilon) / math.sqrt(s["msg"] + u.epsilon)
    s["msdx"] = u.rho * s["msdx"] + (1 - u.rho) * d * d
    return d


def rms_prop(u: Any, g: float, s: State, t: int) -> float:
    s["G"] = u.rms_decay * s["G"] + (1 - u.rms_decay) * g * g
    return float(u.learning_rate * g / (math.sqrt(s["G"]) + u.epsilon))


def nesterovs(u: Any, g: float, s: State, t: int) -> float:
    before = s["v"]
    s["v"] = u.momentum * before - u.learning_rate * g
    return float(u.momentum * before - (1 + u.momentum) * s["v"])


FORMULAS: dict[str, tuple[Formula, dict[str, float | str]]] = {
    "Sgd": (sgd, {}),
    "NoOp": (no_op, {}),
    "Adam": (adam, {"m": 0, "v": 0}),
    "AdaMax": (ada_max, {"m": 0, "u": 0}),
    "AMSGrad": (ams_grad, {"m": 0, "v": 0, "v_hat": 0}),
    "Nadam": (nadam, {"m": 0, "v": 0}),
    "AdaBelief": (ada_belief, {"m": 0, "s": 0}),
    "AdaGrad": (ada_grad, {"h": "epsilon"}),
    "AdaDelta": (ada_delta, {"msg": 0, "msdx": 0}),
    "RmsProp": (rms_prop, {"G": "epsilon"}),
    "Nesterovs": (nesterovs, {"v": 0}),
}
"""The formula, and with what each state begins: a number, or the updater's own epsilon."""

UPDATERS = [
    rg.Sgd(0.3),
    rg.NoOp(),
    rg.Adam(0.05),
    rg.Adam(0.2, 0.3, 0.6, 0.1),
    rg.AdaMax(0.05, 0.5, 0.7),
    rg.AMSGrad(0.05, 0.2, 0.1, 0.01),
    rg.Nadam(0.05, 0.8, 0.6, 0.02),
    rg.AdaBelief(0.05),
    rg.AdaBelief(0.05, 0.4, 0.5, 1e-3),
    rg.AdaGrad(0.2),
    rg.AdaGrad(0.2, 0.05),
    rg.AdaDelta(),
    rg.AdaDelta(0.5, 1e-2),
    rg.RmsProp(0.05),
    rg.RmsProp(0.05, 0.3, 0.02),
    rg.Nesterovs(0.2),
    rg.Nesterovs(0.1, 0.5),
]


def test_every_updater_has_a_formula_and_says_what_it_keeps() -> None:
    members: dict[str, Any] = {name: cls for name, cls in choices(Updater).items() if name != "TorchUpdater"}
    assert set(RULES) == set(FORMULAS) == set(members)
    assert {name: cls.states for name, cls in members.items()} == {name: tuple(start) for name, (_, start) in FORMULAS.items()}


@pytest.mark.parametrize("updater", UPDATERS, ids=repr)
def test_six_updates_are_those_of_the_formula(updater: Any) -> None:
    """With other gradients at each, in float64: parameters, and what is kept of them."""
    formula, start = FORMULAS[updater.tag()]
    net = network(updater=updater)
    first = {key: getattr(updater, value) if isinstance(value, str) else value for key, value in start.items()}
    kept = {name: [dict(first) for _ in range(w.size)] for name, w in net.parameters().items()}
    for t in range(1, 7):
        data = batch(t)
        gradients, wanted = averaged(net, data), net.parameters()
        for name, g in gradients.items():
            steps = [formula(updater, float(one), state, t) for one, state in zip(g.flat, kept[name], strict=True)]
            wanted[name] -= np.reshape(steps, g.shape)
        net.fit(data, progress=False)
        assert_close(net.parameters(), wanted)
    assert net.iteration == 6
    for name, held in states(net).items():
        assert_close(held, {key: np.reshape([s[key] for s in kept[name]], held[key].shape) for key in start}, 1e-9)
    assert set(net.updater_state) == (set(net.parameters()) if start else set())


def test_layers_and_biases_have_updaters_of_their_own() -> None:
    """The second SimpleRnn has both, the first its biases', the output the network's."""
    layers = [
        rg.SimpleRnn(n_in=2, n_out=3, bias_updater=rg.NoOp()),
        rg.GRU(n_out=3, updater=rg.Nesterovs(0.5), bias_updater=rg.AdaGrad(0.25)),
    ]
    own: dict[str, Any] = {"0.b": rg.NoOp(), "1.W": rg.Nesterovs(0.5), "1.R": rg.Nesterovs(0.5), "1.b": rg.AdaGrad(0.25)}
    own["1.bR"] = own["1.b"]
    net = network(*layers, updater=rg.Sgd(0.125))
    gradients, wanted = averaged(net, batch()), net.parameters()
    for name, g in gradients.items():
        updater = own.get(name, rg.Sgd(0.125))
        formula, start = FORMULAS[updater.tag()]
        for position, one in np.ndenumerate(g):
            first = {key: float(getattr(updater, value) if isinstance(value, str) else value) for key, value in start.items()}
            wanted[name][position] -= formula(updater, float(one), first, 1)
    net.fit(batch(), progress=False)
    assert_close(net.parameters(), wanted)
    assert {name: set(held) for name, held in net.updater_state.items()} == {"1.W": {"v"}, "1.R": {"v"}, "1.b": {"h"}, "1.bR": {"h"}}


def test_gamma_and_beta_follow_the_updater_of_weights() -> None:
    """Only b and bR are biases; DL4J counts so too."""
    net = network(rg.SimpleRnn(n_in=2, n_out=3), rg.BatchNormalization(), updater=rg.Sgd(0.5), bias_updater=rg.Sgd(0.25))
    gradients, before = averaged(net, batch()), net.parameters()
    net.fit(batch(), progress=False)
    rates = {"0.b": 0.25, "2.b": 0.25}
    assert_close(net.parameters(), {name: w - rates.get(name, 0.5) * gradients[name] for name, w in before.items()})


@pytest.mark.usefixtures("registry")
def test_an_updater_of_ones_own_needs_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    class Halving(Updater):
        """Takes off half of the gradient."""

        type: Literal["Halving"] = "Halving"

    net = network(updater=Halving())
    message = r"^layers\[0\] \(SimpleRnn\), updater Halving: there is no formula for it; expected one of AMSGrad, .*, or an entry in"
    with pytest.raises(rg.ConfigurationError, match=message):
        net.fit(batch(), progress=False)
    monkeypatch.setitem(RULES, "Halving", Rule(lambda u, w, g, states, t: torch._foreach_add_(w, g, alpha=-0.5)))
    gradients, before = averaged(net, batch()), net.parameters()
    net.fit(batch(), progress=False)
    assert_close(net.parameters(), {name: w - 0.5 * gradients[name] for name, w in before.items()})


@pytest.mark.parametrize("updater", UPDATERS, ids=repr)
def test_a_saved_run_goes_on_as_an_unbroken_one(updater: Any, tmp_path: Any) -> None:
    whole, part = network(updater=updater), network(updater=updater)
    for k in range(4):
        whole.fit(batch(k), progress=False)
    for k in range(2):
        part.fit(batch(k), progress=False)
    part.save(tmp_path / "net.rnng")
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    for k in range(2, 4):
        again.fit(batch(k), progress=False)
    np.testing.assert_equal((again.parameters(), states(again)), (whole.parameters(), states(whole)))
