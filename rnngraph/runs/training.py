"""Training a run: from a plan and a configuration to the folder with the network, its checkpoints and its log."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rnngraph as rg
from rnngraph.conf import MultiLayerConfiguration
from rnngraph.ending import ENDING, asked_to_end
from rnngraph.errors import ConfigurationError, InputError
from rnngraph.runs.files import Pair, divided
from rnngraph.runs.folder import RunFolder
from rnngraph.runs.reading import fitted, minibatches
from rnngraph.runs.record import Plan, Record
from rnngraph.runs.tasks import takes_class_numbers

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.training.listeners import TrainingListener

Say = Callable[[str], object]


@dataclass(frozen=True)
class Ready:
    """What is trained, and with what: everything was read that can be looked at before."""

    network: MultiLayerNetwork
    data: Any
    validation: Any


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``reason`` is why before its last epoch; ``signal`` is that of Ctrl-C or SIGTERM, None without.

    ``epoch`` is how many epochs the network has that was kept, the best or the last; the scores are of the last epoch. ``normalized``: it
    has a normalizer, ``masked``: sequences were padded and masked.
    """

    epochs: int
    iterations: int
    epoch: int
    score: float | None
    validation_score: float | None
    best_score: float | None
    reason: str | None
    signal: int | None
    seconds: float
    normalized: bool
    masked: bool


def read_config(path: Path) -> tuple[str, MultiLayerConfiguration]:
    """The text, as YAML, and the configuration of a YAML or JSON file. ConfigurationError that names file, line and column."""
    from rnngraph.conf import documents

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path} is not there; expected a file with a MultiLayerConfiguration, relative to {Path.cwd()}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    try:
        if path.suffix == ".json":
            text = documents.to_yaml(documents.from_json(text))
        return text, MultiLayerConfiguration.from_yaml(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def prepared(plan: Plan, config: MultiLayerConfiguration, say: Say, device: str, network: MultiLayerNetwork | None = None) -> Ready:
    """The network, new unless a run goes on with ``network``, and its data, of which the first minibatches fit it."""
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.training.device import resolve
    from rnngraph.training.fit import check

    resolve(device)
    train, held = divided(plan)
    say(f"training     {len(train)} sequences of {plan.files.features}" + f", validation {len(held)}" * bool(held))
    made = network or MultiLayerNetwork(config)
    if network is None and plan.normalize is not None:
        made.normalizer = fitted(plan.normalize, train, plan.reading, plan.batch_size, plan.normalize_labels)
        say(f"normalizer   {plan.normalize}, fitted on {len(train)} sequences")
    data, validation = (_read(pairs, plan, made, seed) for pairs, seed in ((train, plan.seed), (held, None)))
    for name, one in (("the training data", data), ("the validation data", validation)):
        for batch in islice(one, 1) if one is not None else ():
            check(made, batch, name)
    return Ready(made, data, validation)


def _read(pairs: list[Pair], plan: Plan, network: MultiLayerNetwork, seed: int | None) -> Any:
    """Minibatches of ``pairs`` as the network takes them; None where there are none."""
    if not pairs:
        return None
    normalizer: Any = network.normalizer  # of one input, as the network is
    return minibatches(pairs, plan.reading, plan.batch_size, seed, normalizer, takes_class_numbers(network.config))


def _begin(folder: RunFolder, plan: Plan, config_text: str | None) -> None:
    """Have the folder ready for a run, also for the one that goes on after it was killed. ModelFileError where it cannot be written."""
    try:
        if config_text is None:
            Record(plan, Record.read(folder.record).result).write(folder.record)
            return
        folder.make_empty()
        Record(plan).write(folder.record)
        folder.config.write_text(config_text, encoding="utf-8")
    except OSError as error:
        raise folder.unwritable(error) from error


def last_network(folder: RunFolder) -> MultiLayerNetwork | None:
    """The network with which a run goes on; None where it was ended before its first checkpoint, and begins anew."""
    network = rg.CheckpointListener.resume(folder.checkpoints)
    if network is not None and not isinstance(network, rg.MultiLayerNetwork):
        raise InputError(f"--resume: {folder.checkpoints} holds a ComputationGraph, which rnngraph train does not train")
    return network


def train(ready: Ready, plan: Plan, folder: RunFolder, device: str, config_text: str | None, progress: bool) -> Outcome:
    """Train, log and keep checkpoints; the network is saved at every end but an error's. Ctrl-C and its like end it between two updates.

    ``config_text`` is that of a new run, which replaces an earlier one, or None for a run that goes on. Inside ``folder.held()``.
    """
    network, stopping, scores, start = ready.network, _stopping(plan, ready), rg.CollectScoresListener(), time.monotonic()
    kept = _listeners(plan, folder)  # these refuse what they cannot do before an earlier run is gone
    _begin(folder, plan, config_text)
    with _interruptible() as came:
        listeners = [scores, *kept, *([stopping] if stopping else []), _Ending(came)]
        network.fit(ready.data, plan.epochs, listeners, ready.validation, progress, config_text is None, device)
    network.save(folder.network)
    last = scores.epochs[-1] if scores.epochs else None
    outcome = Outcome(
        epochs=network.epoch if last is None else last[0] + 1,
        iterations=scores.scores[-1][0] + 1 if scores.scores else network.iteration,
        epoch=network.epoch,
        score=None if last is None else last[1],
        validation_score=None if last is None else last[2],
        best_score=None if stopping is None else stopping.best_score,
        reason=network.stopped_by,
        signal=(came[0] if came else int(signal.SIGINT)) if network.interrupted else None,
        seconds=time.monotonic() - start,
        normalized=network.normalizer is not None,
        masked=network.fitted_with_mask,
    )
    Record(plan, vars(outcome)).write(folder.record)
    return outcome


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Signals that ask a process to end are taken for Ctrl-C; gives a list that has the number of one that came.

    Where Ctrl-C is ignored, as in the background of a script, that is a matter of :class:`_Ending`.
    """
    came: list[int] = []

    def interrupt(number: int) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)  # whose handler knows when an update must not be cut

    with asked_to_end(interrupt, tuple(number for number in ENDING if number != signal.SIGINT)):
        yield came


class _Ending(rg.TrainingListener):
    """Ends a fit, as Ctrl-C does, after the update during which another signal came. It is told after all others."""

    _last = True

    def __init__(self, came: list[int]) -> None:
        self._came = came

    def iteration_done(self, network: MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
        """End the fit where a signal came."""
        if self._came:
            raise KeyboardInterrupt


def _listeners(plan: Plan, folder: RunFolder) -> list[TrainingListener]:
    """The log, checkpoints, each minute where nothing else is asked for, and TensorBoard's events."""
    minutes = plan.checkpoint_minutes
    if plan.checkpoint_every is None and minutes is None:
        minutes = 1.0
    found: list[TrainingListener] = [
        rg.JsonLinesListener(folder.log),
        rg.CheckpointListener(folder.checkpoints, plan.checkpoint_every, None, minutes, keep_last=plan.keep_last),
    ]
    return [*found, *([rg.TensorBoardListener(folder.tensorboard)] if plan.tensorboard else [])]


def _stopping(plan: Plan, ready: Ready) -> rg.EarlyStopping | None:
    """What keeps the best network by its validation, and ends a run early; without validation it goes by the mean score of epochs."""
    validated = ready.validation is not None
    if not validated and (plan.patience, plan.target, plan.max_minutes) == (None, None, None):
        return None
    return rg.EarlyStopping(
        patience=plan.patience,
        target=plan.target,
        max_minutes=plan.max_minutes,
        monitor="validation" if validated else "score",
        restore_best=validated,
    )
