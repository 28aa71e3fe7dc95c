"""The fit loop: epochs over minibatches, told to listeners."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from rnngraph.ahead import ahead
from rnngraph.conf import Layer, RecurrentLayer, TruncatedBPTT
from rnngraph.conf.activations import name_of
from rnngraph.data.iteration import Data, Examples, epochs_over, known_sets
from rnngraph.data.minibatches import MiniBatches
from rnngraph.data.rows import Rows
from rnngraph.data.sequence_iterator import SequenceRecordReaderDataSetIterator
from rnngraph.errors import ConfigurationError, InputError, TrainingError, TrainingWarning
from rnngraph.ir.activations import lookup
from rnngraph.names import shown
from rnngraph.position import Position
from rnngraph.training.cores import room_to_read
from rnngraph.training.current import CurrentFit
from rnngraph.training.device import check_autocast, placed, resolve
from rnngraph.training.objective import NO_LABELS, score_all
from rnngraph.training.tbptt import Ready, check_minibatch, check_network, check_resumption, made_ready, segments
from rnngraph.training.update import Update, whole

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.training.listeners import TrainingListener


def fit(
    network: Network,
    data: Data,
    epochs: int,
    listeners: Sequence[TrainingListener],
    validation: Data | None = None,
    progress: bool | None = None,
    resume: bool = False,
    device: str = "auto",
    autocast: str | None = None,
) -> None:
    """Train in place. Ctrl-C ends it between two updates: the network is then as after the last whole update.

    ``progress`` shows a bar with epoch, score and time left; None shows it where standard output is a terminal. ``validation`` is
    scored after each epoch, over whole sequences. Both it and ``data`` are checked before anything is trained or told to a listener,
    each DataSet of a list too.

    ``device`` is where it computes, "auto", "cpu", "cuda" or "cuda:1"; "auto" is CUDA where torch finds a GPU. Before and after the fit the
    network is on the CPU. ``autocast="bfloat16"`` computes matrix products in bfloat16, all else as ever; a TrainingWarning names layers to
    which that does not apply.

    Minibatches are drawn one ahead, so that the next is made ready while one is trained (not with truncated BPTT): data of your own making
    that depend on the network see it an update earlier. While a SequenceRecordReaderDataSetIterator reads ahead, torch leaves it a core
    where it has as many threads as there are cores: ``torch.get_num_threads()`` is one less until the fit ends.

    An epoch counts once all its updates are in: listeners see it counted at its end, and so does who goes on after Ctrl-C.

    ``network.stop_fit(reason)`` in a listener ends it as Ctrl-C does. A CheckpointListener is told last, and of the end of the fit first.

    With ``resume`` a run that was stopped goes on where the network stands, after any update, and equals one that was not stopped bit for
    bit: ``epochs`` counts from the network's first epoch on, and what is done of the epoch is taken from ``data`` and left out. Without,
    a new epoch begins. Data with a method ``set_epoch``, or a ``sampler`` with one, are told the epoch before each pass.
    """
    refuse_untrainable(network)
    epochs = epochs_to_go(network, epochs, resume)
    passes = iter(()) if resume and not epochs else epochs_over(data, epochs)
    check(network, data, "data")
    if validation is not None:
        epochs_over(validation, max(epochs, 1), "validation")
        check(network, validation, "validation")
    if not resume:
        network._position = Position()
    current = CurrentFit(network, data, epochs, resume, validation)
    if progress or (progress is None and sys.stdout.isatty()):
        from rnngraph.training.progress import ProgressBar

        listeners = [*listeners, ProgressBar(per_epoch=current.per_epoch, begun=current.begun)]
    current.listeners = sorted(listeners, key=lambda listener: listener._last)
    place = resolve(device)
    update = Update(network, check_autocast(network, autocast, place))
    with ExitStack() as ends:
        ends.enter_context(placed(network, place))
        ends.enter_context(room_to_read(network, data))
        ends.enter_context(current.under_way())
        try:
            current.recall()
            for listener in current.listeners:
                listener.on_fit_start(network, epochs)
                ends.callback(listener.on_fit_end, network)
            for batches in passes:
                if network.stopped_by is not None:
                    break
                announce_epoch(data, network.epoch)
                _epoch(current, batches, update)
        except KeyboardInterrupt:
            network.interrupted = True
        current.ended = True


def _epoch(current: CurrentFit, batches: Iterator[Examples], update: Update) -> None:
    """One pass over the batches, or what is left of it; it is not over where a listener ends the fit."""
    network = current.network
    epoch = network.epoch
    for listener in current.listeners:
        listener.on_epoch_start(network, epoch)
    for batch in _readied(network, current.data, _left(network, batches)):
        _minibatch(current, batch, update)
        if network.stopped_by is not None:
            return
    value = network._position.score
    with whole():
        network.epoch, network._position = epoch + 1, Position()
    validated = None if current.validation is None else score_all(network, current.validation, "validation")
    for listener in current.listeners:
        listener.on_epoch_end(network, epoch, value, validated)


def _left(network: Network, batches: Iterator[Examples]) -> Iterator[Examples]:
    """The minibatches of the pass that are not done. TrainingError where they are not those of the run that was stopped."""
    at = network._position
    drawn = sum(1 for _ in islice(batches, at.batches))
    batch = next(batches, None) if drawn == at.batches else None
    if drawn < at.batches or (batch is None and at.segments):
        more = f" and {at.segments} segments of the next" if at.segments else ""
        raise TrainingError(
            f"resume=True: {at.batches} minibatches of the epoch are trained{more}, but data has {drawn}; "
            "give the data of the run that was stopped, or leave resume out to begin a new epoch"
        )
    if batch is not None:
        check_resumption(at, network, batch)
        yield batch
    yield from batches


def _readied(network: Network, data: Data, batches: Iterator[Examples]) -> Iterator[Ready]:
    """The minibatches, looked at and moved to where they are trained.

    Each while the one before is trained, unless they are cut in time, or nothing has to be moved: a thread costs more than a look.
    """
    device = network._device

    def prepare(batch: Examples) -> Ready:
        return made_ready(network, batch, device)

    reads_ahead = isinstance(data, SequenceRecordReaderDataSetIterator)  # and gives arrays that are nobody else's
    if isinstance(network.config.backprop, TruncatedBPTT) or (device.type == "cpu" and (reads_ahead or _stays(network, data))):
        return map(prepare, batches)
    at_hand = reads_ahead or isinstance(data, (Rows, MiniBatches, list, tuple))
    if not at_hand:  # such a source may write into the same arrays again
        batches = (batch._mapped(np.ndarray.copy) for batch in batches)
    return ahead(batches, prepare)


def _stays(network: Network, data: Data) -> bool:
    """Whether ``data`` are arrays in memory that a training graph on the CPU takes as they are."""
    held = [data.dataset] if isinstance(data, MiniBatches) else [data] if isinstance(data, Rows) else data
    kind = network.config.data_type
    return isinstance(held, (list, tuple)) and all(isinstance(d, Rows) and _is_of(d, kind) for d in held)


def _is_of(data: Rows, kind: str) -> bool:
    """Whether features and labels are of one type."""
    return all(array.dtype == kind for array in (*data._arrays.features, *data._arrays.labels))


def _minibatch(current: CurrentFit, batch: Ready, update: Update) -> None:
    """One update for each segment, which listeners are told of also where Ctrl-C was held back during it."""
    network = current.network
    if not batch.counts:
        warnings.warn(NO_LABELS, TrainingWarning, stacklevel=6)
        network._position = Position(network._position.batches + 1)
        return
    for segment in segments(network, batch):
        iteration = network.iteration
        try:
            update(segment)
        finally:
            if network.iteration > iteration:
                current.count(segment)
                for listener in current.listeners:
                    listener.iteration_done(network, iteration, network.epoch, network._position.score)
        if network.stopped_by is not None:
            return


def epochs_to_go(network: Network, epochs: int, resume: bool) -> int:
    """How many epochs a fit has; with ``resume`` those that are done count, and one that is half done does not.

    Raises InputError for a ``resume`` that is neither True nor False; TrainingError, where something is to be taken off, as epochs_over.
    """
    if not isinstance(resume, bool):
        raise InputError(f"resume is {shown(resume)}; expected True, to go on with a run that was stopped, or False")
    if not resume:
        return epochs
    epochs_over((), epochs)  # which tells what is no number of epochs
    return max(epochs - network.epoch, 0)


def announce_epoch(data: Data, epoch: int) -> None:
    """Tell data that are drawn anew for each epoch, and a loader's sampler, which one comes."""
    if isinstance(data, (Rows, list, tuple)):
        return
    for one in (data, getattr(data, "sampler", None)):
        set_epoch = getattr(one, "set_epoch", None)
        if callable(set_epoch):
            set_epoch(epoch)


def check(network: Network, data: Data, name: str) -> None:
    """Refuse what does not fit the network, as far as it can be looked at before it is used. InputError that names the DataSet."""
    for where, one in known_sets(data, name):
        try:
            check_minibatch(network, one)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error


def refuse_untrainable(network: Network) -> None:
    """ConfigurationError for a network without a loss or parameters, or that cannot be trained as it says."""
    config = network.config
    for head in config.heads:
        if not head.layer.has_loss:
            raise ConfigurationError(
                f"{config.layer_label(head.index)} has no loss; fit needs an OutputLayer, RnnOutputLayer or RnnLossLayer at the end"
            )
    for index, layer in enumerate(network.config.layers):
        refuse_drawn_slopes(layer, config.layer_label(index))
    if not network._parameters:
        names = ", ".join(type(layer).__name__ for layer in network.config.layers)
        raise ConfigurationError(f"layers ({names}) have no parameters, so there is nothing to train; put a layer with weights before them")
    check_network(network)


def refuse_drawn_slopes(layer: object, where: str) -> None:
    """ConfigurationError for rrelu in a recurrent layer, or in one that is wrapped: its slopes are drawn in training, outside of cells."""
    for field, value in vars(layer).items():
        if isinstance(value, Layer):
            refuse_drawn_slopes(value, where)
        if not field.endswith("activation") or not isinstance(layer, RecurrentLayer) or name_of(value) != "rrelu":
            continue
        bounds = lookup(str(value)).parameters
        mean = (float(bounds["lower"] or 0.0) + float(bounds["upper"] or 0.0)) / 2
        raise ConfigurationError(
            f"{where}: {field}={value} draws slopes in training, which this version does not do inside a recurrent layer; "
            f"train with LeakyReLU(alpha={mean:g}), which is what it is at inference"
        )
