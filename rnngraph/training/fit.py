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

from rnngraph.conf import Layer
from rnngraph.conf.activations import name_of
from rnngraph.data.iteration import epochs_over
from rnngraph.errors import ConfigurationError
from rnngraph.ir.activations import lookup
from rnngraph.training import updaters
from rnngraph.training.objective import Penalties, check_score, divisor, has_labels, loss_sum, penalties, penalty, trained_layer

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
        done = update(network, batch, groups, coefficients)
        value = 0.0 if done is None else done
        for listener in listeners if done is not None else ():
            listener.iteration_done(network, network.iteration - 1, network.epoch, value)
    validated = None if validation is None else network.score(validation)
    for listener in listeners:
        listener.on_epoch_end(network, network.epoch, value, validated)
    network.epoch += 1


def update(network: MultiLayerNetwork, batch: DataSet, groups: list[Group], coefficients: Penalties) -> float | None:
    """One update; the score before it. None, and no update, for a minibatch without a label that counts."""
    loss = loss_sum(network, batch) / divisor(network, batch)
    if not has_labels(network, batch):
        return None
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
    for index, layer in enumerate(network.config.layers):
        refuse_drawn_slopes(layer, f"layers[{index}] ({layer.tag()})")
    if type(network.config.backprop).__name__ != "StandardBackprop":
        raise ConfigurationError(f"backprop={network.config.backprop!r} is not trained by this version; use backprop=StandardBackprop()")


def refuse_drawn_slopes(layer: Layer, where: str) -> None:
    """ConfigurationError for rrelu in a layer, or in one that it wraps: its slopes are drawn in training."""
    for field, value in layer:
        if isinstance(value, Layer):
            refuse_drawn_slopes(value, where)
        if not field.endswith("activation") or name_of(value) != "rrelu":
            continue
        bounds = lookup(str(value)).parameters
        mean = (float(bounds["lower"] or 0.0) + float(bounds["upper"] or 0.0)) / 2
        raise ConfigurationError(
            f"{where}: {field}={value} draws slopes in training, which this version does not do; "
            f"train with LeakyReLU(alpha={mean:g}), which is what it is at inference"
        )
