"""One update: whole or not at all, whatever ends it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.errors import TrainingError
from rnngraph.training.groups import Group
from rnngraph.training.tbptt import Segment
from rnngraph.training.update import Update, whole

SetHandler = Callable[[Any], None]


def network(updater: Any, **settings: Any) -> rg.MultiLayerNetwork:
    """Linear in x, so that gradients grow with it."""
    layers = [
        rg.SimpleRnn(n_in=2, n_out=3, activation="identity"),
        rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse"),
    ]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=1, updater=updater, **settings))


def batch(size: float = 1.0) -> rg.DataSet:
    x = np.random.default_rng(0).standard_normal((2, 2, 3)).astype(np.float32)
    return rg.DataSet(x * np.float32(size), np.zeros((2, 1, 3), np.float32))


def content(net: rg.MultiLayerNetwork) -> Any:
    """All that an update changes."""
    states = {name: {key: tensor.numpy().copy() for key, tensor in held.items()} for name, held in net.updater_state.items()}
    return net.parameters(), states, net.iteration, net.fitted_with_mask


# Gradients and scores are near size². Times 1e30 the former leave float32, or their squares do.
OVERFLOWS = [
    pytest.param(rg.Sgd(1e30), 1e8, r"\d\.\w \(layers\[\d\], \w+\) would become -?inf at \[", id="a parameter"),
    pytest.param(rg.Adam(1e-3), 1e12, r"the updater's v of \d\.\w \(layers\[\d\], \w+\) would become inf at \[", id="the updater's state"),
]


@pytest.mark.parametrize("used", [False, True], ids=["the first update", "a later update"])
@pytest.mark.parametrize(("updater", "size", "message"), OVERFLOWS)
def test_an_update_that_overflows_changes_nothing(updater: Any, size: float, message: str, used: bool, tmp_path: Path) -> None:
    net = network(updater)
    if used:
        net.fit(batch(1e-16), progress=False)
    before = content(net)
    text = (
        rf"^iteration {int(used)}: {message}.*\]; the network keeps the parameters of the last finite iteration\. Lower the learning rate, "
    )
    with pytest.raises(TrainingError, match=text):
        net.fit(batch(size), progress=False)
    np.testing.assert_equal(content(net), before)
    net.save(tmp_path / "net.rnng")
    np.testing.assert_equal(content(rg.MultiLayerNetwork.load(tmp_path / "net.rnng")), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_is_named(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(rg.Adam(1e-3))
    net.fit(batch(), progress=False)
    before, grad = content(net), torch.autograd.grad

    def broken(*arguments: Any, **options: Any) -> list[torch.Tensor]:
        gradients = [g.clone() for g in grad(*arguments, **options)]
        gradients[1][2, 1] = value
        return gradients

    monkeypatch.setattr(torch.autograd, "grad", broken)
    message = rf"^iteration 1: the gradient of 0\.R \(layers\[0\], SimpleRnn\) is {value} at \[2, 1\]; the network keeps the parameters"
    with pytest.raises(TrainingError, match=message):
        net.fit(batch(), progress=False)
    np.testing.assert_equal(content(net), before)
    monkeypatch.undo()
    net.fit(batch(), progress=False)
    assert net.iteration == 2


def test_large_values_whose_squares_overflow_are_finite() -> None:
    net = network(rg.Sgd(1e-30))
    net.set_parameters({**net.parameters(), "1.b": np.array([1e25])})
    net.fit(rg.DataSet(np.zeros((1, 2, 1)), np.full((1, 1, 1), 1e25)), progress=False)
    assert net.iteration == 1


def test_any_error_amid_an_update_puts_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(rg.Adam(1e-3))
    update = Update(net)
    update(Segment(batch()))
    before, step = content(net), Group.step

    def broken(*arguments: Any, **options: Any) -> None:
        step(*arguments)
        raise MemoryError("in between")

    monkeypatch.setattr(Group, "step", broken)
    with pytest.raises(MemoryError, match="in between"):
        update(Segment(batch()))
    np.testing.assert_equal(content(net), before)
    monkeypatch.undo()
    twin = network(rg.Adam(1e-3))
    twin.fit(batch(), epochs=2, progress=False)
    update(Segment(batch()))
    np.testing.assert_equal(content(net), content(twin))


def press() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def handler() -> Iterator[SetHandler]:
    """Sets the handler of Ctrl-C for one test."""
    before = signal.getsignal(signal.SIGINT)

    def use(new: Any) -> None:
        signal.signal(signal.SIGINT, new)

    yield use
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_held_back_and_acts_after(handler: SetHandler) -> None:
    handler(signal.default_int_handler)
    done = []
    with pytest.raises(KeyboardInterrupt), whole():  # noqa: PT012 (the signal comes amid the block)
        press()
        done.append(True)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_that_was_put_back_gets_the_signal(handler: SetHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    handler(signal.default_int_handler)
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    with whole():
        press()
    assert raised == [signal.SIGINT]


def test_a_program_s_own_handler_is_left_alone(handler: SetHandler) -> None:
    told: list[int] = []

    def own(number: int, frame: object) -> None:
        told.append(number)

    for setting in (own, signal.SIG_IGN):
        handler(setting)
        with whole():
            assert signal.getsignal(signal.SIGINT) is setting
            press()
        assert signal.getsignal(signal.SIGINT) is setting
    assert told == [signal.SIGINT]


def test_a_handler_that_raises_amid_an_update_leaves_no_half_of_it(handler: SetHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(number: int, frame: object) -> None:
        raise SystemExit(3)

    handler(stop)
    net = network(rg.Adam(1e-3))
    net.fit(batch(), progress=False)
    before, step = content(net), Group.step

    def pressed(*arguments: Any) -> None:
        step(*arguments)
        press()

    monkeypatch.setattr(Group, "step", pressed)
    with pytest.raises(SystemExit):
        net.fit(batch(), progress=False)
    np.testing.assert_equal(content(net), before)


def test_updates_in_another_thread_leave_signals_alone() -> None:
    net = network(rg.Adam(1e-3))
    errors: list[BaseException] = []

    def work() -> None:
        try:
            net.fit(batch(), progress=False)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (errors, net.iteration) == ([], 1)
