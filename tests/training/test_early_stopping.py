"""Early stopping: when a fit ends, which network comes back, and that a run that goes on ends as an unbroken one."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from tests.graph_networks import multi, two_heads
from tests.training.small import batch, network

DATA, VALIDATION = [batch(k) for k in range(3)], batch(5)
VALUES = [5.0, 4.0, 4.5, 3.5, 3.4, 3.6, 3.3, 3.39, 3.35, 3.4, 3.5, 3.6]


def scripted(values: Sequence[float] = VALUES) -> Callable[[Any], float]:
    """A monitor that gives these values after the epochs."""

    def watched(net: Any) -> float:
        return values[int(net.epoch) - 1]

    return watched


class Kept(rg.TrainingListener):
    """The parameters after each epoch."""

    def __init__(self) -> None:
        self.after: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        self.after.append(network.parameters())


def run(*listeners: Any, epochs: int = 12, net: Any = None, resume: bool = False) -> Any:
    net = network(updater=rg.Adam(0.1)) if net is None else net
    net.fit(DATA, epochs=epochs, listeners=listeners, validation=VALIDATION, progress=False, resume=resume)
    return net


def by_hand(values: Sequence[float], patience: int, least: float, sign: int) -> tuple[int, int]:
    """The epoch, from 0, after which it ends, and the best one: a plain loop; ``sign`` is -1 where larger is better."""
    reference, since = np.inf, 0
    for epoch, value in enumerate(values):
        if reference - sign * value > least:
            reference, since = sign * value, epoch
        if epoch - since >= patience:
            break
    return epoch, int(np.argmin([sign * v for v in values[: epoch + 1]]))


@pytest.mark.parametrize(("patience", "least", "sign"), [(1, 0.0, 1), (2, 0.0, -1), (4, 0.0, 1), (2, 0.2, 1), (2, 0.7, -1), (4, 0.2, -1)])
def test_it_ends_after_so_many_epochs_without_improvement(patience: int, least: float, sign: int) -> None:
    values = [sign * v for v in VALUES]
    last, best = by_hand(values, patience, least, sign)
    stopping, kept = rg.EarlyStopping(patience, least, monitor=scripted(values), larger_is_better=sign < 0), Kept()
    net = run(stopping, kept)
    assert (len(kept.after), stopping.best_epoch, stopping.best_score) == (last + 1, best, values[best])
    assert (net.epoch, net.iteration, bool(net._position)) == (best + 1, 3 * (best + 1), False)
    np.testing.assert_equal(net.parameters(), kept.after[best])
    reason = f"EarlyStopping: no improvement of watched for {patience} epochs; the best, {values[best]:.6g}, was after {best + 1} epochs"
    assert net.stopped_by == (reason if last < 11 or stopping.waited == patience else None)


def test_the_validation_score_is_watched() -> None:
    collected = rg.CollectScoresListener()
    run(collected)
    values = [value for _, _, value in collected.epochs if value is not None]
    last, best = by_hand(values, 3, 0.0, 1)
    assert 1 < best < last < 11  # else this would show nothing
    stopping = rg.EarlyStopping(patience=3)
    assert run(stopping).epoch == best + 1
    assert stopping.best_score == values[best]


def test_the_mean_of_the_scores_and_measures_of_an_evaluation_are_watched() -> None:
    collected = rg.CollectScoresListener()
    run(collected, epochs=4)
    means = [float(np.mean([score for _, score in collected.scores[k : k + 3]])) for k in (0, 3, 6, 9)]
    score = rg.EarlyStopping(monitor="score")
    run(score, epochs=4)
    assert score.best_score == pytest.approx(min(means), rel=1e-12)
    for name in ("accuracy", "precision", "recall", "f1"):
        seen: list[float] = []

        class Measure(rg.TrainingListener):
            def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
                seen.append(getattr(network.evaluate(VALIDATION), name)())  # noqa: B023

        stopping = rg.EarlyStopping(monitor=name)
        run(Measure(), stopping, epochs=4)
        assert stopping.best_score == max(seen)
        assert stopping.best_epoch == int(np.argmax(seen))


def test_a_target_ends_it() -> None:
    for values, target, larger, epochs in ((VALUES, 3.5, False, 4), ([0.5, 0.7, 0.9, 0.95], 0.9, True, 3)):
        net = run(rg.EarlyStopping(target=target, monitor=scripted(values), larger_is_better=larger))
        best = f"the best, {values[epochs - 1]:g}, was after {epochs} epochs"
        assert net.epoch == epochs
        assert net.stopped_by == f"EarlyStopping: watched has reached {target:g}; {best}"


def test_time_ends_it_between_two_updates_and_is_counted_over_all_parts_of_a_run(tmp_path: Path) -> None:
    now = 0.0

    class Pass(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            nonlocal now
            now += 10.0

    def stopping(minutes: float = 1.0) -> rg.EarlyStopping:
        return rg.EarlyStopping(max_minutes=minutes, monitor="score", restore_best=False, clock=lambda: now)

    net = run(Pass(), stopping())
    assert (net.iteration, net.epoch, net._position.batches) == (6, 1, 3)
    assert net.stopped_by == f"EarlyStopping: the 1 minutes are over; the best, {_best(net):.6g}, was after 1 epochs"
    first = run(Pass(), stopping(), rg.CheckpointListener(tmp_path), epochs=1)
    assert first.stopped_by is None
    second: Any = rg.CheckpointListener.resume(tmp_path)
    run(Pass(), stopping(), rg.CheckpointListener(tmp_path), net=second, resume=True)
    assert (second.iteration, second.stopped_by) == (6, net.stopped_by)
    third: Any = rg.CheckpointListener.resume(tmp_path)
    run(Pass(), stopping(), net=third, resume=True)
    assert (third.iteration, third.stopped_by) == (6, net.stopped_by)  # it had ended
    run(Pass(), stopping(1.25), net=rg.CheckpointListener.resume(tmp_path), resume=True)
    assert now == 10.0 * (6 + 3 + 3 + 2)


def _best(net: Any) -> float:
    """The mean of the first epoch's scores."""
    collected = rg.CollectScoresListener()
    run(collected, epochs=1)
    return float(np.mean([score for _, score in collected.scores]))


def test_the_best_network_comes_back_whole(tmp_path: Path) -> None:
    """Updater state and counters too, in files and after a fit that came to its own end; training goes on from there."""
    stopping = rg.EarlyStopping(monitor=scripted(), save_best=tmp_path / "best.rnng")
    net, plain = run(stopping, epochs=9), run(epochs=7)
    assert net.stopped_by is None
    for name, one in (("restored", net), ("plain", plain)):
        one.save(tmp_path / f"{name}.rnng")
    want = (tmp_path / "plain.rnng").read_bytes()
    assert (tmp_path / "restored.rnng").read_bytes() == (tmp_path / "best.rnng").read_bytes() == want
    np.testing.assert_equal(run(net=net, epochs=2).parameters(), run(net=plain, epochs=2).parameters())


def test_graphs_come_back_too() -> None:
    net, plain, data = two_heads(), two_heads(), [multi(0), multi(1)]
    net.fit(data, epochs=9, listeners=rg.EarlyStopping(2, monitor=scripted([3, 2, 1, 4, 5, 6])), validation=multi(2), progress=False)
    plain.fit(data, epochs=3, progress=False)
    np.testing.assert_equal(net.parameters(), plain.parameters())


def test_without_restoring_the_last_network_stays() -> None:
    kept, stopping = Kept(), rg.EarlyStopping(2, monitor=scripted(), restore_best=False)
    net = run(stopping, kept)
    assert (net.epoch, stopping.best_epoch) == (9, 6)
    np.testing.assert_equal(net.parameters(), kept.after[-1])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("mine")])
def test_where_ctrl_c_or_an_error_ends_the_fit_it_can_go_on(error: BaseException) -> None:
    class Failing(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            if iteration == 16:
                raise error

    unbroken = run(rg.EarlyStopping(2, monitor=scripted()))
    stopping = rg.EarlyStopping(2, monitor=scripted())
    net = network(updater=rg.Adam(0.1))
    with suppress(RuntimeError):
        run(stopping, Failing(), net=net)
    assert (net.iteration, net.epoch, stopping.best_epoch) == (17, 5, 4)
    run(stopping, net=net, resume=True)
    assert net.stopped_by == unbroken.stopped_by
    np.testing.assert_equal(net.parameters(), unbroken.parameters())


@pytest.fixture
def foreground() -> Iterator[None]:
    """Python's own handler of Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("foreground")
@pytest.mark.parametrize("at", [1, 7, 10])
def test_an_epoch_whose_end_was_not_told_is_judged_when_the_run_goes_on(at: int, tmp_path: Path) -> None:
    """Ctrl-C amid validation: the epoch is counted, but listeners have not heard of its end."""

    class Validation:
        pressed = False

        def __iter__(self) -> Iterator[rg.DataSet]:
            if net.epoch == at and not self.pressed:
                self.pressed = True
                os.kill(os.getpid(), signal.SIGINT)
            yield VALIDATION

    unbroken, stopping = run(rg.EarlyStopping(3)), rg.EarlyStopping(3)
    checkpoints, validation = rg.CheckpointListener(tmp_path), Validation()
    net: Any = network(updater=rg.Adam(0.1))
    net.fit(DATA, epochs=12, listeners=[stopping, checkpoints], validation=validation, progress=False)
    assert (net.interrupted, net.epoch) == (True, at)
    saved: Any = rg.CheckpointListener.resume(tmp_path)
    for goes_on, listener in ((net, stopping), (saved, rg.EarlyStopping(3))):
        goes_on.fit(DATA, epochs=12, listeners=listener, validation=validation, progress=False, resume=True)
        assert goes_on.stopped_by == unbroken.stopped_by
        np.testing.assert_equal(goes_on.parameters(), unbroken.parameters())


def test_a_run_that_goes_on_from_any_checkpoint_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    """Also from the last, where it had ended; wherever the listener stands among others."""
    for monitor in ("validation", "score"):
        folder = tmp_path / monitor
        stopping = rg.EarlyStopping(3, monitor=monitor)
        unbroken = run(rg.CheckpointListener(folder, every_n_iterations=2, every_n_epochs=1), stopping)
        for path in reversed(rg.CheckpointListener.checkpoints(folder)[-10::2]):
            net, again = rg.MultiLayerNetwork.load(path), rg.EarlyStopping(3, monitor=monitor)
            run(again, net=net, resume=True)
            assert (net.stopped_by, net.epoch, again.best_score) == (unbroken.stopped_by, unbroken.epoch, stopping.best_score)
            np.testing.assert_equal(net.parameters(), unbroken.parameters())


def test_with_more_patience_a_run_that_had_ended_goes_on(tmp_path: Path) -> None:
    first = run(rg.EarlyStopping(1, monitor=scripted()), rg.CheckpointListener(tmp_path))
    assert first.epoch == 2
    again, net = rg.EarlyStopping(2, monitor=scripted()), rg.CheckpointListener.resume(tmp_path)
    assert run(again, net=net, resume=True).epoch == 7
    stopping = rg.EarlyStopping(1, monitor=scripted())
    net = run(stopping)
    assert run(stopping, net=net, resume=True).stopped_by == first.stopped_by  # nothing was trained
    stopping.patience = 2
    assert run(stopping, net=net, resume=True).epoch == 7  # from the best network on


def test_another_run_begins_anew() -> None:
    stopping = rg.EarlyStopping(2, monitor=scripted())
    for resume in (False, True, False):
        assert run(stopping, resume=resume).epoch == 7
    net = run(epochs=1)
    added = rg.EarlyStopping(1, monitor=scripted())  # to a run that began without it
    assert run(added, net=net, resume=True).epoch == 2
    assert added.best_score == 4.0


def test_a_best_network_that_cannot_be_written_is_told_and_judged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".best.rnng.abcdefgh.tmp").touch()
    (tmp_path / ".other.rnng.abcdefgh.tmp").touch()
    stopping, net = rg.EarlyStopping(2, monitor=scripted(), save_best=tmp_path / "best.rnng"), network(updater=rg.Adam(0.1))
    replace = os.replace
    monkeypatch.setattr("os.replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "disk is full")) if net.epoch == 4 else replace(a, b))
    message = (
        f"EarlyStopping: save_best: {tmp_path}/best.rnng: cannot be written (disk is full); what stood there is as it was. The network is "
        "as after 12 iterations: see to that (on a full disk make room), and go on with fit(..., resume=True)"
    )
    with pytest.raises(rg.TrainingError, match=f"^{re.escape(message)}$"):
        run(stopping, net=net)
    assert rg.MultiLayerNetwork.load(tmp_path / "best.rnng").epoch == 2
    assert sorted(os.listdir(tmp_path)) == [".other.rnng.abcdefgh.tmp", "best.rnng"]
    monkeypatch.undo()
    run(stopping, net=net, resume=True, epochs=4)
    assert (rg.MultiLayerNetwork.load(tmp_path / "best.rnng").epoch, stopping.best_epoch) == (4, 3)


def test_what_is_not_finite_is_told() -> None:
    for value in (float("nan"), np.inf, "good", None, True):
        stopping = rg.EarlyStopping(2, monitor=scripted([2.0, value]))  # type: ignore[list-item]
        with pytest.raises(rg.TrainingError, match=rf"^EarlyStopping: watched is {value!r} after 2 epochs; expected a finite number$"):
            run(stopping)
        assert stopping.best_score == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 0}, "patience is 0; expected a number of epochs of at least 1"),
        ({"min_improvement": -1}, "min_improvement is -1; expected a number from 0 on"),
        ({"target": float("nan")}, "target is nan; expected a finite number"),
        ({"max_minutes": 0}, "max_minutes is 0; expected a number of minutes above 0"),
        (
            {"monitor": "loss"},
            'monitor is \'loss\'; expected "validation", "score", "accuracy", "precision", "recall", "f1", or a function of the network',
        ),
        ({"larger_is_better": "yes"}, "larger_is_better is 'yes'; expected True or False"),
        ({"restore_best": 1}, "restore_best is 1; expected True or False"),
        ({"restore_best": False}, "there is nothing to do; give patience, target, max_minutes or save_best"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^EarlyStopping: {re.escape(message)}$"):
        rg.EarlyStopping(**settings)


def test_a_fit_without_validation_data_is_told_at_its_start() -> None:
    net = network()
    for monitor in ("validation", "f1"):
        message = (
            f'EarlyStopping: monitor is "{monitor}", but the fit has no validation data; give fit(..., validation=...), or monitor="score"'
        )
        with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
            net.fit(DATA, listeners=rg.EarlyStopping(2, monitor=monitor), progress=False)
    assert net.iteration == 0
    with pytest.raises(rg.ModelFileError, match=r"^/none/best.rnng: there is no folder /none; create it first$"):
        rg.EarlyStopping(save_best="/none/best.rnng")
