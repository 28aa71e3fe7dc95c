"""Score and gradient of a network on one minibatch, as DL4J defines them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rnngraph.data.iteration import Data, epochs_over
from rnngraph.errors import TrainingError, TrainingWarning
from rnngraph.training.regularisation import penalties, penalty

if TYPE_CHECKING:
    from rnngraph.data import DataSet
    from rnngraph.network import MultiLayerNetwork


def loss_sum(network: MultiLayerNetwork, data: DataSet) -> tuple[Tensor, dict[str, Tensor]]:
    """The training loss summed over rows, steps and outputs, differentiable by the parameters, and what the buffers become by name."""
    _warn_without_labels(network, data)
    results = network._losses(data, training=True)
    return results["loss"], {k.removeprefix("next_"): v.detach() for k, v in results.items() if k.removeprefix("next_") in network._buffers}


def _warn_without_labels(network: MultiLayerNetwork, data: DataSet) -> None:
    if not has_labels(network, data):
        warnings.warn(NO_LABELS, TrainingWarning, stacklevel=3)


NO_LABELS = "a minibatch has no label that counts, its mask is 0 throughout: its loss is 0, and fit makes no update; leave it out"


def has_labels(network: MultiLayerNetwork, data: DataSet) -> bool:
    """Whether any label counts: by the labels mask, in a time series without one by the features mask."""
    mask = data.labels_mask
    if mask is None and network._steps.output is not None:
        mask = data.features_mask
    return mask is None or bool(np.any(mask))


def divisor(network: MultiLayerNetwork, data: DataSet) -> int:
    """What losses and gradients are divided by: the number of examples, unless the configuration says ``mini_batch=False``."""
    return data.num_examples() if network.config.mini_batch else 1


def score(network: MultiLayerNetwork, data: DataSet) -> float:
    """DL4J's score: the loss summed over steps and outputs, divided by the number of examples, plus penalties.

    As at inference: no dropout, batch normalisation by its running statistics.
    """
    with torch.no_grad():
        _warn_without_labels(network, data)
        value = float(network._losses(data, training=False)["loss"])
    return value / divisor(network, data) + penalty(network, penalties(network))


def score_all(network: MultiLayerNetwork, data: Data, name: str = "data") -> float:
    """The score of all DataSets of ``data``, as of one that has all their rows; ``name`` is what the caller calls it."""
    sets = list(next(epochs_over(data, 1, name)))
    if not network.config.mini_batch:
        rest = penalty(network, penalties(network))
        return sum(score(network, one) - rest for one in sets) + rest
    rows = [one.num_examples() for one in sets]
    return sum(score(network, one) * n for one, n in zip(sets, rows, strict=True)) / sum(rows)


def gradient(network: MultiLayerNetwork, data: DataSet) -> tuple[float, dict[str, np.ndarray]]:
    """The score, and the gradients summed over examples and steps: undivided, without penalties, in the layout of ``parameters()``.

    As in training: with the dropout of the next update, and the minibatch's own statistics in batch normalisation.
    """
    loss, _ = loss_sum(network, data)
    names = list(network._parameters)
    grads = torch.autograd.grad(loss, [network._parameters[n] for n in names]) if names else ()
    value = float(loss.detach()) / divisor(network, data) + penalty(network, penalties(network))
    return value, {n: g.numpy() for n, g in zip(names, grads, strict=True)}


def check_score(value: float, iteration: int) -> None:
    """Refuse a score that is not finite before it reaches the parameters."""
    if not value == value or value in (float("inf"), float("-inf")):
        raise TrainingError(
            f"the score at iteration {iteration} is {value}; the parameters are those of the last finite iteration. "
            "Lower the learning rate, or normalise the features"
        )
