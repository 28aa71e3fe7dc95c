"""The fit loop: one update per minibatch, in DL4J's order (divide by the minibatch, add L2, updater)."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnngraph.data.iteration import epochs_over
from rnngraph.errors import ConfigurationError
from rnngraph.training import updaters
from rnngraph.training.objective import Penalties, check_score, loss_sum, penalties, penalty, trained_layer

if TYPE_CHECKING:
    from rnngraph.data import DataSet
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.training.listeners import TrainingListener

Group = tuple[Any, list[str]]


def fit(
    network: MultiLayerNetwork,
    data: DataSet | Iterable[DataSet],
    epochs: int,
    listeners: Sequence[TrainingListener],
    validation: DataSet | Iterable[DataSet] | None = None,
    progress: bool | None = None,
) -> None:
    """Train in place. Ctrl-C ends it between two updates: the network is then as after the last whole update.

    ``progress`` shows a bar with epoch, score and time left; None shows it where standard output is a terminal. ``validation`` is
    scored after each epoch.
    """
    refuse_untrainable(network)
    if progress or (progress is None and sys.stdout.isatty()):
        from rnngraph.training.progress import ProgressBar

        listeners = [*listeners, ProgressBar()]
    groups, coefficients = updater_groups(network), penalties(network)
    try:
        for listener in listeners:
            listener.on_fit_start(network, epochs)
        for batches in epochs_over(data, epochs):
            _epoch(network, batches, groups, coefficients, listeners, validation)
    except KeyboardInterrupt:
        network.interrupted = True
    finally:
        for listener in listeners:
            listener.on_fit_end(network)


def _epoch(
    network: MultiLayerNetwork,
    batches: Iterable[DataSet],
    groups: list[Group],
    coefficients: Penalties,
    listeners: Sequence[TrainingListener],
    validation: DataSet | Iterable[DataSet] | None,
) -> None:
    """One pass over the batches."""
    value = float("nan")
    for listener in listeners:
        listener.on_epoch_start(network, network.epoch)
    for batch in batches:
        value = update(network, batch, groups, coefficients)
        for listener in listeners:
            listener.iteration_done(network, network.iteration - 1, network.epoch, value)
    validated = None if validation is None else network.score(validation)
    for listener in listeners:
        listener.on_epoch_end(network, network.epoch, value, validated)
    network.epoch += 1


def update(network: MultiLayerNetwork, batch: DataSet, groups: list[Group], coefficients: Penalties) -> float:
    """One update; the score before it."""
    n = batch.num_examples()
    total, buffers = loss_sum(network, batch)
    loss = total / n
    parameters = network._parameters
    value = float(loss.detach()) + penalty(network, coefficients)
    check_score(value, network.iteration)
    gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))
    with torch.no_grad():
        for name, k in coefficients.items():
            gradients[name] = gradients[name].add(parameters[name], alpha=k)
        with whole():
            for updater, names in groups:
                chosen: dict[str, Tensor] = {p: parameters[p] for p in names}
                updaters.apply(updater, chosen, gradients, network.updater_state, network.iteration)
            for name, tensor in buffers.items():
                network._buffers[name].copy_(tensor)
            network.iteration += 1
            network.fitted_with_mask = network.fitted_with_mask or batch.features_mask is not None
    return value


@contextmanager
def whole() -> Iterator[None]:
    """Hold back Ctrl-C while parameters change, so that no update is left half done; it acts right after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def updater_groups(network: MultiLayerNetwork) -> list[Group]:
    """Parameters by updater."""
    groups: list[Group] = []
    for name in network._parameters:
        updater = trained_layer(network, name).updater or network.config.updater
        for known, names in groups:
            if known == updater:
                names.append(name)
                break
        else:
            groups.append((updater, [name]))
    return groups


def refuse_untrainable(network: MultiLayerNetwork) -> None:
    """ConfigurationError for a network without a loss, or with truncated BPTT, which this version does not train."""
    last = network.config.layers[-1]
    if not hasattr(last, "loss"):
        raise ConfigurationError(
            f"layers[{len(network.config.layers) - 1}] is a {type(last).__name__}, which has no loss; "
            "fit needs an OutputLayer, RnnOutputLayer or RnnLossLayer at the end"
        )
    if type(network.config.backprop).__name__ != "StandardBackprop":
        raise ConfigurationError(f"backprop={network.config.backprop!r} is not trained by this version; use backprop=StandardBackprop()")
