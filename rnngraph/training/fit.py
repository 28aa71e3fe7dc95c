"""The fit loop: epochs over minibatches, told to listeners."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rnngraph.conf import Layer, RecurrentLayer
from rnngraph.conf.activations import name_of
from rnngraph.data.dataset import DataSet
from rnngraph.data.iteration import Data, epochs_over, known_sets
from rnngraph.errors import ConfigurationError, InputError
from rnngraph.ir.activations import lookup
from rnngraph.training.device import check_autocast, placed, resolve
from rnngraph.training.objective import score_all
from rnngraph.training.update import Update

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.training.listeners import TrainingListener


def fit(
    network: MultiLayerNetwork,
    data: Data,
    epochs: int,
    listeners: Sequence[TrainingListener],
    validation: Data | None = None,
    progress: bool | None = None,
    device: str = "auto",
    autocast: str | None = None,
) -> None:
    """Train in place. Ctrl-C ends it between two updates: the network is then as after the last whole update.

    ``progress`` shows a bar with epoch, score and time left; None shows it where standard output is a terminal. ``validation`` is
    scored after each epoch. Both it and ``data`` are checked before anything is trained or told to a listener, each DataSet of a list too.

    ``device`` is where it computes, "auto", "cpu", "cuda" or "cuda:1"; "auto" is CUDA where torch finds a GPU. Before and after the fit the
    network is on the CPU. ``autocast="bfloat16"`` computes matrix products in bfloat16, all else as ever; a TrainingWarning names layers to
    which that does not apply.

    An epoch counts once all its updates are in: listeners see it counted at its end, and so does who goes on after Ctrl-C.
    """
    refuse_untrainable(network)
    passes = epochs_over(data, epochs)
    check(network, data, "data")
    if validation is not None:
        epochs_over(validation, epochs, "validation")
        check(network, validation, "validation")
    if progress or (progress is None and sys.stdout.isatty()):
        from rnngraph.training.progress import ProgressBar

        listeners = [*listeners, ProgressBar(per_epoch=iterations(data))]
    network.interrupted = False
    place = resolve(device)
    update = Update(network, check_autocast(network, autocast, place))
    with ExitStack() as ends:
        ends.enter_context(placed(network, place))
        try:
            for listener in listeners:
                listener.on_fit_start(network, epochs)
                ends.callback(listener.on_fit_end, network)
            for batches in passes:
                _epoch(network, batches, update, listeners, validation)
        except KeyboardInterrupt:
            network.interrupted = True


def _epoch(
    network: MultiLayerNetwork, batches: Iterable[DataSet], update: Update, listeners: Sequence[TrainingListener], validation: Data | None
) -> None:
    """One pass over the batches."""
    value, epoch = float("nan"), network.epoch
    for listener in listeners:
        listener.on_epoch_start(network, epoch)
    for batch in batches:
        done = update(batch)
        value = 0.0 if done is None else done
        for listener in listeners if done is not None else ():
            listener.iteration_done(network, network.iteration - 1, epoch, value)
    network.epoch += 1
    validated = None if validation is None else score_all(network, validation, "validation")
    for listener in listeners:
        listener.on_epoch_end(network, epoch, value, validated)


def check(network: MultiLayerNetwork, data: Data, name: str) -> None:
    """Refuse what does not fit the network, as far as it can be looked at before it is used. InputError that names the DataSet."""
    for where, one in known_sets(data, name):
        try:
            network._training_arrays(one)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error


def iterations(data: Data) -> int | None:
    """How many updates an epoch has, where that is known before it ends."""
    if isinstance(data, DataSet):
        return 1
    try:
        return operator.length_hint(data) or None
    except Exception:  # of a loader's own making; a bar that cannot tell the time left is no reason to end a fit
        return None


def refuse_untrainable(network: MultiLayerNetwork) -> None:
    """ConfigurationError for a network without a loss or parameters, or with truncated BPTT, which this version does not train."""
    last = network.config.layers[-1]
    if not hasattr(last, "loss"):
        raise ConfigurationError(
            f"layers[{len(network.config.layers) - 1}] is a {type(last).__name__}, which has no loss; "
            "fit needs an OutputLayer, RnnOutputLayer or RnnLossLayer at the end"
        )
    for index, layer in enumerate(network.config.layers):
        refuse_drawn_slopes(layer, f"layers[{index}] ({layer.tag()})")
    if not network._parameters:
        names = ", ".join(type(layer).__name__ for layer in network.config.layers)
        raise ConfigurationError(f"layers ({names}) have no parameters, so there is nothing to train; put a layer with weights before them")
    if type(network.config.backprop).__name__ != "StandardBackprop":
        raise ConfigurationError(f"backprop={network.config.backprop!r} is not trained by this version; use backprop=StandardBackprop()")


def refuse_drawn_slopes(layer: Layer, where: str) -> None:
    """ConfigurationError for rrelu in a recurrent layer, or in one that is wrapped: its slopes are drawn in training, outside of cells."""
    for field, value in layer:
        if isinstance(value, Layer):
            refuse_drawn_slopes(value, where)
        if not isinstance(layer, RecurrentLayer) or not field.endswith("activation") or name_of(value) != "rrelu":
            continue
        bounds = lookup(str(value)).parameters
        mean = (float(bounds["lower"] or 0.0) + float(bounds["upper"] or 0.0)) / 2
        raise ConfigurationError(
            f"{where}: {field}={value} draws slopes in training, which this version does not do inside a recurrent layer; "
            f"train with LeakyReLU(alpha={mean:g}), which is what it is at inference"
        )
