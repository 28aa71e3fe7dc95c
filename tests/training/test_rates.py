"""Schedules in training: which number counts at which update, and numbers that no updater can use."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.conf.schedules import Schedule
from tests.training.small import assert_close, averaged, batch, network, states


@pytest.mark.parametrize("kind", ["iteration", "epoch"])
@pytest.mark.parametrize("torch_optimiser", [False, True])
def test_a_rate_is_that_of_the_iteration_or_epoch(kind: Any, torch_optimiser: bool) -> None:
    """Three epochs of two minibatches: i counts the updates made before, or the epochs."""
    schedule = rg.MapSchedule(kind, {0: 0.5, 1: 0.25, 2: 0.125, 3: 1.0})
    rates = [0.5, 0.25, 0.125, 1.0, 1.0, 1.0] if kind == "iteration" else [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    net = network(updater=rg.TorchUpdater("SGD", lr=schedule) if torch_optimiser else rg.Sgd(schedule))
    sets = [batch(1), batch(2)]
    twin = network(updater=rg.Sgd(1.0))
    wanted = twin.parameters()
    for k, rate in enumerate(rates):
        gradients = averaged(twin, sets[k % 2])
        wanted = {name: w - rate * gradients[name] for name, w in wanted.items()}
        twin.set_parameters(wanted)
    net.fit(sets, epochs=3, progress=False)
    assert_close(net.parameters(), wanted)


def test_momentum_follows_a_schedule() -> None:
    """v' = mu v - lr g, w -= mu v - (1 + mu) v'."""
    net = network(updater=rg.Nesterovs(0.5, rg.StepSchedule("iteration", 0.8, 0.5, 1)))
    v: Any = 0.0
    for momentum in (0.8, 0.4, 0.2):
        g, w = averaged(net, batch())["0.W"], net.parameters()["0.W"]
        before, v = v, momentum * v - 0.5 * g
        net.fit(batch(), progress=False)
        np.testing.assert_allclose(net.parameters()["0.W"], w - momentum * before + (1 + momentum) * v, rtol=1e-12)


def test_a_rate_of_0_changes_nothing_and_counts() -> None:
    net = network(updater=rg.Adam(rg.PolySchedule("iteration", 0.1, 1.0, 1)))
    net.fit(batch(), progress=False)
    before = net.parameters()
    net.fit(batch(), progress=False)
    np.testing.assert_equal(net.parameters(), before)
    assert net.iteration == 2


def falling(kind: Any, last: float) -> rg.MapSchedule:
    """0.5, and ``last`` from 2 on."""
    return rg.MapSchedule(kind, {0: 0.5, 2: last})


GROWING = rg.ExponentialSchedule("iteration", 0.5, 1e300)
RATE, MOMENTUM = "a finite number from 0 on", "a number from 0 on and below 1"


@pytest.mark.parametrize(
    ("updater", "setting", "value", "expected"),
    [
        (rg.Sgd(falling("iteration", -0.25)), "Sgd: learning_rate=MapSchedule(", "-0.25", RATE),
        (rg.Sgd(falling("epoch", -0.25)), "Sgd: learning_rate=MapSchedule(", "-0.25", RATE),
        (rg.Adam(GROWING), "Adam: learning_rate=ExponentialSchedule(", "inf", RATE),
        (rg.Nesterovs(0.1, falling("iteration", 1.0)), "Nesterovs: momentum=MapSchedule(", "1.0", MOMENTUM),
        (rg.TorchUpdater("Adam", lr=falling("iteration", -1.0)), "TorchUpdater: lr=MapSchedule(", "-1.0", RATE),
    ],
    ids=["iteration", "epoch", "infinite", "momentum", "torch"],
)
def test_a_rate_out_of_range_stops_before_anything_changes(updater: Any, setting: str, value: str, expected: str) -> None:
    """One layer alone has it; all keep what they have."""
    layers = [rg.SimpleRnn(n_in=2, n_out=4, updater=rg.Adam(0.1)), rg.DenseLayer(n_out=3, updater=updater)]
    net = network(*layers)
    net.fit(batch(), epochs=2, progress=False)
    before = net.parameters(), states(net)
    start, end = f"iteration 2: layers[1] (DenseLayer), updater {setting}", f" gives {value} in epoch 2; expected {expected}. The network "
    with pytest.raises(rg.TrainingError, match=f"^{re.escape(start)}.*{re.escape(end)}keeps the parameters of the last iteration"):
        net.fit(batch(), progress=False)
    np.testing.assert_equal((net.parameters(), states(net)), before)
    assert (net.iteration, net.epoch) == (2, 2)


@pytest.mark.usefixtures("registry")
def test_a_rate_that_is_no_number_stops() -> None:
    class Strange(Schedule):
        """A schedule of one's own."""

        type: Literal["Strange"] = "Strange"

        def _value(self, iteration: int, epoch: int) -> float:
            return math.nan

    net = network(updater=rg.Sgd(Strange()))
    with pytest.raises(rg.TrainingError, match=r"^iteration 0: .*learning_rate=Strange\(\) gives nan in epoch 0; expected a finite"):
        net.fit(batch(), progress=False)
