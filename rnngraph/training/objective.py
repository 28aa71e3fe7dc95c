"""Score and gradient of a network on one minibatch, as DL4J defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnngraph.conf.layers import innermost
from rnngraph.data.iteration import Data, epochs_over
from rnngraph.errors import TrainingError

if TYPE_CHECKING:
    import numpy as np

    from rnngraph.data import DataSet
    from rnngraph.network import MultiLayerNetwork

Penalties = dict[str, float]
_NO_WEIGHTS = ("b", "bR", "g")
"""Keys of biases and gains, which are not penalised."""


def penalties(network: MultiLayerNetwork) -> Penalties:
    """The L2 coefficient of each parameter that has one (weights, neither biases nor gains)."""
    out: Penalties = {}
    for name in network._parameters:
        l2 = trained_layer(network, name).l2
        if name.split(".")[-1] not in _NO_WEIGHTS and l2:
            out[name] = float(l2)
    return out


def trained_layer(network: MultiLayerNetwork, parameter: str) -> Any:
    """The layer that has this parameter; inside wrappers, the innermost one."""
    return innermost(network.config.layers[int(parameter.split(".")[0])])


def penalty(network: MultiLayerNetwork, coefficients: Penalties) -> float:
    """``Σ l2/2 · ‖w‖²``, what the score counts."""
    with torch.no_grad():
        return sum((0.5 * k * float(network._parameters[name].double().square().sum()) for name, k in coefficients.items()), 0.0)


def loss_sum(network: MultiLayerNetwork, data: DataSet) -> Tensor:
    """The loss summed over rows, steps and outputs, differentiable by the network's parameters."""
    feeds = network._training_feeds(data)
    program = network._program(loss=True, features_mask=data.features_mask is not None, labels_mask=data.labels_mask is not None)
    return program(feeds)["loss"]


def score(network: MultiLayerNetwork, data: DataSet) -> float:
    """DL4J's score: the loss summed over steps and outputs, divided by the number of examples, plus penalties."""
    with torch.no_grad():
        value = float(loss_sum(network, data))
    examples: int = data.num_examples()
    return value / examples + penalty(network, penalties(network))


def score_all(network: MultiLayerNetwork, data: Data, name: str = "data") -> float:
    """The score of all DataSets of ``data``, as of one that has all their rows; ``name`` is what the caller calls it."""
    sets = list(next(epochs_over(data, 1, name)))
    rows = [one.num_examples() for one in sets]
    return sum(score(network, one) * n for one, n in zip(sets, rows, strict=True)) / sum(rows)


def gradient(network: MultiLayerNetwork, data: DataSet) -> tuple[float, dict[str, np.ndarray]]:
    """The score, and the gradients summed over examples and steps: undivided, without penalties, in the layout of ``parameters()``."""
    loss = loss_sum(network, data)
    names = list(network._parameters)
    grads = torch.autograd.grad(loss, [network._parameters[n] for n in names]) if names else ()
    value = float(loss.detach()) / data.num_examples() + penalty(network, penalties(network))
    return value, {n: g.numpy() for n, g in zip(names, grads, strict=True)}


def check_score(value: float, iteration: int) -> None:
    """Refuse a score that is not finite before it reaches the parameters."""
    if not value == value or value in (float("inf"), float("-inf")):
        raise TrainingError(
            f"the score at iteration {iteration} is {value}; the parameters are those of the last finite iteration. "
            "Lower the learning rate, or normalise the features"
        )
