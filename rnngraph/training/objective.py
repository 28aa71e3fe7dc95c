"""Score and gradient of a network on one minibatch, as DL4J defines them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rnngraph.data.iteration import Data, Examples, epochs_over
from rnngraph.errors import TrainingError, TrainingWarning
from rnngraph.ir.graph import Port
from rnngraph.lowering.head_masks import head_masks
from rnngraph.training.noise import draw
from rnngraph.training.regularisation import penalties, penalty
from rnngraph.training.tensors import Tensors, tensors_of

if TYPE_CHECKING:
    from rnngraph.base_network import Network


def losses(
    network: Network,
    batch: Tensors,
    training: bool,
    states: Mapping[str, Tensor] | None = None,
    backward_steps: int | None = None,
    product_type: torch.dtype | None = None,
) -> dict[str, Tensor]:
    """``loss``, the sum over rows, steps and outputs, the next states and, with ``training``, the updates of buffers (``next_2.mean``).

    ``states`` are those that the steps begin with, left out the initial ones. With ``training`` noise and rates are those of the current
    iteration, and with ``backward_steps`` recurrent layers learn from that many steps at the end. ``product_type`` is a type for matrix
    products alone.
    """
    program = network._program(
        features_mask=batch.features_masks,
        labels_mask=batch.labels_masks,
        loss=True,
        training=training,
        backward_steps=backward_steps,
    )
    config, sizes, device = network.config, batch.sizes, network._device
    begun = _begun(network, [p for p in program.graph.ports("state") if p.name not in (states or ())], sizes["N"])
    drawn = draw(program.graph, sizes, config.seed, network.iteration, network.epoch)
    feeds = {name: tensor.to(device) for name, tensor in (begun | drawn | dict(states or {})).items()}
    return program({**network._parameters, **network._buffers, **feeds, **batch.feeds}, product_type)


def _begun(network: Network, states: Sequence[Port], rows: int) -> dict[str, Tensor]:
    """The states of ``rows`` sequences that begin; those that are learned are copies of a parameter, whose gradient is the rows' sum."""
    plain = network._stream.initial(rows, [p.name for p in states if p.start is None])
    kept = {**network._parameters, **network._buffers}
    copies = {p.name: kept[p.start].repeat(rows, 1) for p in states if p.start is not None}  # whole, as cuDNN wants it
    return {name: torch.from_numpy(array) for name, array in plain.items()} | copies


def loss_sum(
    network: Network,
    batch: Tensors,
    states: Mapping[str, Tensor] | None = None,
    backward_steps: int | None = None,
    product_type: torch.dtype | None = None,
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """The training loss of :func:`losses`, differentiable by the parameters, and what buffers and states become by name."""
    results = losses(network, batch, True, states, backward_steps, product_type)
    following = {name.removeprefix("next_"): value.detach() for name, value in results.items() if name.startswith("next_")}
    buffers = {name: value for name, value in following.items() if name in network._buffers}
    return results["loss"], buffers, {name: value for name, value in following.items() if name not in buffers}


def _warn_without_labels(network: Network, data: Examples) -> None:
    if not has_labels(network, data):
        warnings.warn(NO_LABELS, TrainingWarning, stacklevel=3)


NO_LABELS = "a minibatch has no label that counts, its mask is 0 throughout: its loss is 0, and fit makes no update; leave it out"


def has_labels(network: Network, data: Examples) -> bool:
    """Whether any label counts: by the labels masks, in a time series without one by the features mask."""
    arrays, heads = data._arrays, network.config.heads
    own = arrays.labels_masks
    if len(own) != len(heads) or len(arrays.features_masks) != len(network.config.entries):
        return True  # which is told where the arrays are looked at
    features_masks = {entry.name: mask for entry, mask in zip(network.config.entries, arrays.features_masks, strict=True)}
    derived = head_masks(network.config, features_masks)
    masks = [d if m is None and head.has_time else m for m, d, head in zip(own, derived, heads, strict=True)]
    return any(mask is None or bool(np.any(mask)) for mask in masks)


def divisor(network: Network, data: Examples) -> int:
    """What losses and gradients are divided by: the number of examples, unless the configuration says ``mini_batch=False``."""
    return data.num_examples() if network.config.mini_batch else 1


def score(network: Network, data: Examples) -> float:
    """DL4J's score: the loss summed over steps and outputs, divided by the number of examples, plus penalties.

    As at inference: no dropout, batch normalisation by its running statistics.
    """
    with torch.no_grad():
        _warn_without_labels(network, data)
        value = float(losses(network, tensors_of(network, data, network._device), training=False)["loss"])
    return value / divisor(network, data) + penalty(network, penalties(network))


def score_all(network: Network, data: Data, name: str = "data") -> float:
    """The score of all DataSets of ``data``, as of one that has all their rows; ``name`` is what the caller calls it."""
    scores = [(score(network, one), one.num_examples()) for one in next(epochs_over(data, 1, name))]  # no DataSet is kept
    if not network.config.mini_batch:
        rest = penalty(network, penalties(network))
        return sum(value - rest for value, _ in scores) + rest
    return sum(value * n for value, n in scores) / sum(n for _, n in scores)


def gradient(network: Network, data: Examples) -> tuple[float, dict[str, np.ndarray]]:
    """The score, and the gradients summed over examples and steps: undivided, without penalties, in the layout of ``parameters()``.

    As in training: with the dropout of the next update, and the minibatch's own statistics in batch normalisation.
    """
    _warn_without_labels(network, data)
    loss, _, _ = loss_sum(network, tensors_of(network, data, network._device))
    names = list(network._parameters)
    grads = torch.autograd.grad(loss, [network._parameters[n] for n in names], materialize_grads=True) if names else ()
    value = float(loss.detach()) / divisor(network, data) + penalty(network, penalties(network))
    return value, {n: g.cpu().numpy() for n, g in zip(names, grads, strict=True)}


def check_score(value: float, iteration: int) -> None:
    """Refuse a score that is not finite before it reaches the parameters."""
    if not value == value or value in (float("inf"), float("-inf")):
        raise TrainingError(
            f"the score at iteration {iteration} is {value}; the parameters are those of the last finite iteration. "
            "Lower the learning rate, or normalise the features"
        )
