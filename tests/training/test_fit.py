"""Training: against float64 autograd written independently, central differences, and the rules of masks, seeds and resuming."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.errors import ConfigurationError, InputError, TrainingError
from rnngraph.lowering import lower
from rnngraph.training import progress
from rnngraph.training.listeners import CollectScoresListener, TrainingListener

Array = npt.NDArray[Any]


def network(layer: Any, seed: int = 1, **settings: Any) -> rg.MultiLayerNetwork:
    head = rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent")
    settings = {"updater": rg.Adam(1e-2), **settings}
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=seed, layers=[layer, head], **settings))


def batch(n: int = 4, f: int = 3, t: int = 7, masked: bool = False, seed: int = 0) -> rg.DataSet:
    rng = np.random.default_rng(seed)
    y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, (n, t))].transpose(0, 2, 1)
    mask = (rng.random((n, t)) > 0.4).astype(np.float32) if masked else None
    return rg.DataSet(rng.standard_normal((n, f, t)).astype(np.float32), np.ascontiguousarray(y), mask)


LAYERS = [
    pytest.param(lambda **k: rg.LSTM(n_in=3, n_out=5, **k), id="lstm"),
    pytest.param(lambda **k: rg.GravesLSTM(n_in=3, n_out=5, activation="softsign", gate_activation="hardsigmoid", **k), id="graves"),
    pytest.param(lambda **k: rg.SimpleRnn(n_in=3, n_out=5, **k), id="simple"),
]


def test_fit_equals_a_hand_written_adam_with_l2_in_float64() -> None:
    net = network(rg.LSTM(n_in=3, n_out=5), data_type="float64", l2=0.01)
    data, l2, rate = batch(), 0.01, 1e-2
    p = {k: torch.from_numpy(v).requires_grad_() for k, v in net.parameters().items()}
    m = {k: torch.zeros_like(v) for k, v in p.items()}
    v2 = {k: torch.zeros_like(v) for k, v in p.items()}
    x, y = torch.tensor(data.features.tolist()).double(), torch.tensor(data.labels.tolist()).double()
    for t in range(1, 6):
        h = c = torch.zeros(4, 5, dtype=torch.float64)
        loss = torch.zeros((), dtype=torch.float64)
        for s in range(7):
            z = x[:, :, s] @ p["0.W"].T + h @ p["0.R"].T + p["0.b"]
            i, f, g, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            loss = loss - (y[:, :, s] * torch.log_softmax(h @ p["1.W"].T + p["1.b"], 1)).sum()
        weights = [k for k in p if not k.endswith(".b")]
        expected = float(loss.detach()) / 4 + 0.5 * l2 * sum(float(p[k].detach().square().sum()) for k in weights)
        assert net.score(data) == pytest.approx(expected, rel=1e-12)
        grads = torch.autograd.grad(loss / 4, list(p.values()))
        with torch.no_grad():
            for (k, w), g in zip(p.items(), grads, strict=True):
                g = g + l2 * w if k in weights else g
                m[k] = 0.9 * m[k] + 0.1 * g
                v2[k] = 0.999 * v2[k] + 0.001 * g * g
                w -= rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m[k] / (v2[k].sqrt() + 1e-8)
        net.fit(data, progress=False)
    for k, w in p.items():
        np.testing.assert_allclose(net.parameters()[k], w.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ["mcxent", "mse"])
@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("make", LAYERS)
def test_gradients_equal_central_differences_of_the_reference(make: Any, mode: str, loss: str) -> None:
    layers = [make(mask_mode=mode), rg.RnnOutputLayer(n_out=3, activation="softmax", loss=loss)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=2, layers=layers, data_type="float64"))
    data = batch(n=3, t=5, masked=True)
    _, gradient = net.gradient(data)
    graph = lower(net.config, features_mask=True, loss=True)
    feeds: dict[str, Array] = {"x": data.features, "labels": data.labels, "features_mask": data.features_mask, **net.parameters()}  # type: ignore[dict-item]
    feeds.update({p.name: np.zeros((3, 5)) for p in graph.ports("state")})
    rng = np.random.default_rng(0)
    for name, found in gradient.items():
        for _ in range(3):
            at = tuple(int(rng.integers(0, d)) for d in found.shape)
            values = []
            for step in (1e-6, -1e-6):
                moved = {**feeds, name: feeds[name].copy()}
                moved[name][at] += step
                values.append(float(run(graph, moved)["loss"]))
            assert found[at] == pytest.approx((values[0] - values[1]) / 2e-6, rel=2e-5, abs=2e-7), (name, at)


@pytest.mark.parametrize("make", LAYERS)
def test_a_masked_step_does_not_exist_in_training(make: Any) -> None:
    """Padding anywhere and whatever stands in it, NaN included, change no score, gradient, state or fitted parameter."""
    plain = batch(n=1, t=6)
    steps = [2, 3, 5, 6, 7, 10]
    features, labels, mask = np.full((1, 3, 12), np.nan, np.float32), np.full((1, 3, 12), np.nan, np.float32), np.zeros((1, 12), np.float32)
    features[:, :, steps], labels[:, :, steps], mask[:, steps] = plain.features, plain.labels, 1
    padded = rg.DataSet(features, labels, mask)
    a, b = (network(make(), data_type="float64") for _ in range(2))
    assert a.score(plain) == pytest.approx(b.score(padded), rel=1e-12)
    for k, g in a.gradient(plain)[1].items():
        np.testing.assert_allclose(b.gradient(padded)[1][k], g, rtol=1e-9, atol=1e-12)
    for _ in range(3):
        a.fit(plain, progress=False)
        b.fit(padded, progress=False)
    for k, w in a.parameters().items():
        np.testing.assert_allclose(b.parameters()[k], w, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(b.output(features, mask)[:, :, steps], a.output(plain.features), rtol=1e-7, atol=1e-9)


def test_the_same_seed_repeats_bit_for_bit_and_another_does_not() -> None:
    nets = [network(rg.GravesLSTM(n_in=3, n_out=5), seed=s) for s in (7, 7, 8)]
    for net in nets:
        net.fit([batch(), batch(seed=1, masked=True)], epochs=3, progress=False)
    a, b, c = (n.parameters() for n in nets)
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not np.array_equal(a["0.W"], c["0.W"])


def test_going_on_after_a_load_equals_never_having_stopped(tmp_path: Path) -> None:
    data = [batch(seed=k, masked=k == 1) for k in range(3)]
    unbroken, first = (network(rg.LSTM(n_in=3, n_out=5), l2=1e-3) for _ in range(2))
    unbroken.fit(data, epochs=4, progress=False)
    first.fit(data, epochs=2, progress=False)
    first.save(tmp_path / "net.rnng")
    second = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    second.fit(data, epochs=2, progress=False)
    assert (second.iteration, second.epoch) == (unbroken.iteration, unbroken.epoch) == (12, 4)
    assert all(np.array_equal(v, second.parameters()[k]) for k, v in unbroken.parameters().items())


class _Interrupt(TrainingListener):
    """Sends the process Ctrl-C at an iteration."""

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        if iteration == 2:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def foreground() -> Iterator[None]:
    """Python's own handler of Ctrl-C, which a program that was started in the background has not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("foreground")
def test_ctrl_c_ends_a_fit_with_the_network_usable() -> None:
    net, twin, data = network(rg.LSTM(n_in=3, n_out=5)), network(rg.LSTM(n_in=3, n_out=5)), batch()
    net.fit(data, epochs=50, listeners=[_Interrupt()], progress=False)
    assert net.interrupted
    assert net.iteration == 3
    twin.fit(data, epochs=3, progress=False)
    assert all(np.array_equal(v, twin.parameters()[k]) for k, v in net.parameters().items())
    net.fit(data, progress=False)
    assert not net.interrupted


def test_errors_name_the_cause_and_leave_the_network_as_it_was() -> None:
    net, data = network(rg.LSTM(n_in=3, n_out=5)), batch()
    before = net.parameters()
    with pytest.raises(TrainingError, match="list"):
        net.fit((d for d in [data, data]), epochs=3, progress=False)
    with pytest.raises(ConfigurationError, match=r"layers\[0\] \(LSTM\) has no loss"):
        rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=[rg.LSTM(n_in=3, n_out=5)])).fit(data, progress=False)
    huge = network(rg.LSTM(n_in=3, n_out=5, activation="identity"), updater=rg.Sgd(1e30))
    with pytest.raises(TrainingError, match="the score at iteration"):
        huge.fit(data, epochs=20, progress=False)
    assert all(np.array_equal(v, net.parameters()[k]) for k, v in before.items())


# What is checked before anything is trained


class Calls(TrainingListener):
    """What a fit tells, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_fit_start(self, network: Any, epochs: int) -> None:
        self.seen.append("start")

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        self.seen.append(f"iteration {iteration} of {epoch}")

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        self.seen.append(f"end of {epoch}, counted {network.epoch}")

    def on_fit_end(self, network: Any) -> None:
        self.seen.append("end")


GOOD, NARROW = batch(), rg.DataSet(np.zeros((4, 2, 7), np.float32), batch().labels)
SHORT = rg.DataSet(batch().features, batch().labels[:, :, :6])
HOLES = rg.DataSet(np.where(np.arange(7) == 3, np.nan, batch().features), batch().labels)
SPENT, EMPTY = "which is spent after one pass, and epochs is 2; pass a list", "yields no DataSet: it is empty"


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (NARROW, {}, "data: features has 2 features (shape [4, 2, 7] read as [N, F, T]), but the network takes 3"),
        ([GOOD, NARROW], {}, "element 1 of data: features has 2 features"),
        ((GOOD, SHORT), {}, "element 1 of data: labels have shape [4, 3, 6]; expected [4, 3, 7]"),
        ([GOOD, HOLES], {}, "element 1 of data: features is nan at row 0, feature 0, step 3, the first of 12 values"),
        ([GOOD, 5], {}, "element 1 of data is a int; expected a DataSet"),
        ([GOOD, (GOOD.features, SHORT.labels)], {}, "element 1 of data: labels have shape [4, 3, 6]"),
        ([], {}, f"data (list) {EMPTY}"),
        (GOOD.features, {}, "data is a ndarray of shape [4, 3, 7], one array; features and labels make a DataSet: give rg.DataSet(x, y)"),
        (GOOD, {"epochs": 0}, "epochs is 0; expected an integer of at least 1"),
        (GOOD, {"epochs": GOOD.labels}, "epochs is array([[[0., "),
        ((d for d in [GOOD]), {}, f"data is a generator, {SPENT}"),
        (GOOD, {"validation": NARROW}, "validation: features has 2 features"),
        (GOOD, {"validation": [GOOD, SHORT]}, "element 1 of validation: labels have shape [4, 3, 6]"),
        (GOOD, {"validation": 0.2}, "validation is a float; expected a DataSet or an iterable of DataSets"),
        (GOOD, {"validation": GOOD.features}, "validation is a ndarray of shape [4, 3, 7], one array"),
        (GOOD, {"validation": []}, f"validation (list) {EMPTY}"),
        (GOOD, {"validation": map(list, [])}, f"validation is a map, {SPENT}"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_trained(data: Any, settings: dict[str, Any], message: str) -> None:
    net, calls = network(rg.LSTM(n_in=3, n_out=5)), Calls()
    before = net.parameters()
    with pytest.raises((InputError, TrainingError), match=f"^{re.escape(message)}"):
        net.fit(data, **{"epochs": 2, "listeners": calls, "progress": False, **settings})
    assert (calls.seen, net.iteration, net.epoch) == ([], 0, 0)
    np.testing.assert_equal(net.parameters(), before)


def test_validation_that_can_be_gone_through_once_serves_one_epoch() -> None:
    net, scores = network(rg.LSTM(n_in=3, n_out=5)), CollectScoresListener()
    net.fit(GOOD, validation=(d for d in [GOOD]), listeners=scores, progress=False)
    assert scores.epochs[0][2] == pytest.approx(net.score(GOOD))


def test_a_mistake_in_lazy_validation_is_told_under_its_name() -> None:
    class Lazy:
        def __iter__(self) -> Iterator[Any]:
            yield "text"

    net = network(rg.LSTM(n_in=3, n_out=5))
    with pytest.raises(InputError, match=r"^element 0 of validation is a str; expected a DataSet"):
        net.fit(GOOD, validation=Lazy(), progress=False)


@pytest.mark.parametrize("listeners", [[print], None, [None], TrainingListener])
def test_what_is_no_listener_is_refused_at_once(listeners: Any) -> None:
    net = network(rg.LSTM(n_in=3, n_out=5))
    calls = Calls()
    net.set_listeners(calls)
    with pytest.raises(ConfigurationError, match=r"^listeners: .*: expected a TrainingListener, or a list of them; "):
        net.fit(GOOD, listeners=listeners, progress=False)
    with pytest.raises(ConfigurationError, match=r"^listeners: "):
        net.set_listeners(listeners)
    assert (calls.seen, net.iteration) == ([], 0)
    net.fit(GOOD, progress=False)
    assert calls.seen == ["start", "iteration 0 of 0", "end of 0, counted 1", "end"], "those set before are still there"


def test_a_network_without_parameters_is_scored_but_not_trained() -> None:
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.RnnLossLayer(n_in=3)]))
    data = rg.DataSet(GOOD.features, GOOD.labels)
    assert net.gradient(data) == (net.score(data), {})
    message = r"^layers \(RnnLossLayer\) have no parameters, so there is nothing to train; put a layer with weights before them$"
    with pytest.raises(ConfigurationError, match=message):
        net.fit(data, progress=False)


# Listeners and epochs


def test_an_epoch_is_counted_before_its_end_is_told(tmp_path: Path) -> None:
    class Checkpoint(TrainingListener):
        def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
            network.save(tmp_path / f"{epoch}.rnng")

    net, calls = network(rg.LSTM(n_in=3, n_out=5)), Calls()
    net.fit(GOOD, epochs=2, listeners=[calls, Checkpoint()], progress=False)
    assert calls.seen == [
        "start", "iteration 0 of 0", "end of 0, counted 1", "iteration 1 of 1", "end of 1, counted 2", "end",
    ]  # fmt: skip
    for k in (0, 1):
        loaded = rg.MultiLayerNetwork.load(tmp_path / f"{k}.rnng")
        assert (loaded.epoch, loaded.iteration) == (k + 1, k + 1)
    first = rg.MultiLayerNetwork.load(tmp_path / "0.rnng")
    first.fit(GOOD, progress=False)
    np.testing.assert_equal(first.parameters(), net.parameters())
    assert first.epoch == net.epoch


@pytest.mark.usefixtures("foreground")
def test_ctrl_c_while_validating_does_not_repeat_the_epoch() -> None:
    class Pressing:
        def __iter__(self) -> Iterator[rg.DataSet]:
            os.kill(os.getpid(), signal.SIGINT)
            yield GOOD

    net = network(rg.LSTM(n_in=3, n_out=5))
    net.fit(GOOD, epochs=5, validation=Pressing(), progress=False)
    assert net.interrupted
    assert (net.iteration, net.epoch) == (1, 1)


def test_only_listeners_that_were_told_the_start_are_told_the_end() -> None:
    class Failing(Calls):
        def on_fit_start(self, network: Any, epochs: int) -> None:
            raise RuntimeError("cannot start")

    first, failing, third = Calls(), Failing(), Calls()
    net = network(rg.LSTM(n_in=3, n_out=5))
    with pytest.raises(RuntimeError, match="cannot start"):
        net.fit(GOOD, listeners=[first, failing, third], progress=False)
    assert (first.seen, failing.seen, third.seen) == (["start", "end"], [], [])
    assert net.iteration == 0


class Stopping(TrainingListener):
    """Ends the fit at the place ``at``: a number is that of an iteration."""

    def __init__(self, at: Any) -> None:
        self.at = at

    def _stop(self, network: Any, place: Any) -> None:
        if place == self.at:
            network.stop_fit(f"at {place}")

    def on_fit_start(self, network: Any, epochs: int) -> None:
        self._stop(network, "start")

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        self._stop(network, iteration)

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        self._stop(network, f"end of {epoch}")


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        ("start", []),
        (0, ["iteration 0 of 0"]),
        (1, ["iteration 0 of 0", "iteration 1 of 0"]),
        ("end of 0", ["iteration 0 of 0", "iteration 1 of 0", "end of 0, counted 1"]),
    ],
)
def test_a_listener_ends_the_fit_between_two_updates(at: Any, seen: list[str]) -> None:
    unbroken, net, calls, rest = network(rg.LSTM(n_in=3, n_out=5)), network(rg.LSTM(n_in=3, n_out=5)), Calls(), Calls()
    unbroken.fit([GOOD, GOOD], epochs=2, listeners=rest, progress=False)
    net.fit([GOOD, GOOD], epochs=2, listeners=[Stopping(at), calls], progress=False)
    assert calls.seen == ["start", *seen, "end"]
    assert (net.stopped_by, net.interrupted) == (f"at {at}", False)
    net.fit([GOOD, GOOD], epochs=2, listeners=calls, progress=False, resume=True)
    assert [call for call in calls.seen if call not in ("start", "end")] == rest.seen[1:-1]
    assert net.stopped_by is None
    np.testing.assert_equal(net.parameters(), unbroken.parameters())


def test_a_listener_ends_the_fit_between_two_segments() -> None:
    net = network(rg.LSTM(n_in=3, n_out=5), backprop=rg.TruncatedBPTT(2))
    net.fit([GOOD], epochs=2, listeners=Stopping(1), progress=False)
    assert (net.iteration, net.epoch, net._position.segments) == (2, 0, 2)


def test_without_a_fit_there_is_none_to_end() -> None:
    net = network(rg.LSTM(n_in=3, n_out=5))
    net.stop_fit("now")
    assert net.stopped_by is None
    net.fit(GOOD, progress=False)
    assert net.iteration == 1


class Endless:
    """Does not know how long it is."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[rg.DataSet]:
        yield GOOD


@pytest.mark.parametrize(
    ("data", "expected"),
    [(GOOD, 1), ([GOOD] * 3, 3), ((GOOD, GOOD), 2), (iter([GOOD, GOOD]), 2), ((d for d in [GOOD]), None), (Endless(), None)],
)
def test_the_bar_is_told_how_long_an_epoch_is(data: Any, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int | None] = []

    class Bar(TrainingListener):
        def __init__(self, per_epoch: int | None, begun: int) -> None:
            told.append(per_epoch)
            assert begun == 0

    monkeypatch.setattr(progress, "ProgressBar", Bar)
    network(rg.LSTM(n_in=3, n_out=5)).fit(data, progress=True)
    assert told == [expected]
