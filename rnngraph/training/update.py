"""One update per minibatch, in DL4J's order (divide by the minibatch, add L2, updater): done whole, or not at all."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rnngraph.errors import TrainingError
from rnngraph.training import updaters
from rnngraph.training.objective import check_score, divisor, loss_sum, penalties, penalty, trained_layer

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.training.tbptt import Segment

Group = tuple[Any, list[str]]


class Update:
    """Updates ``network`` by one minibatch, or segment of one, at a call.

    1. Score and gradients; a score that is not finite ends here.
    2. What the update changes is copied.
    3. The updaters change parameters and their own state in place; buffers take their new values.
    4. Parameters and state are checked. Where one is not finite, or anything else fails, the copies are put back.

    Ctrl-C is held back from 2 to 4.
    """

    def __init__(self, network: MultiLayerNetwork) -> None:
        self._network = network
        self._groups, self._coefficients = updater_groups(network), penalties(network)
        self._copies: list[Tensor] = []

    def __call__(self, segment: Segment) -> None:
        """One update; the network's position has the score before it.

        TrainingError, and nothing is changed, where a number is not finite.
        """
        network, batch = self._network, segment.data
        total, buffers, states = loss_sum(network, batch, segment.states, segment.backward_steps)
        loss = total / divisor(network, batch)
        parameters = network._parameters
        value = float(loss.detach()) + penalty(network, self._coefficients)
        check_score(value, network.iteration)
        gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))
        with torch.no_grad():
            for name, k in self._coefficients.items():
                gradients[name] = gradients[name].add(parameters[name], alpha=k)
            with whole(), self._put_back_on_error():
                for updater, names in self._groups:
                    chosen: dict[str, Tensor] = {p: parameters[p] for p in names}
                    updaters.apply(updater, chosen, gradients, network.updater_state, network.iteration)
                for name, tensor in buffers.items():
                    network._buffers[name].copy_(tensor)
                self._check(gradients)
                network.iteration += 1
                network.fitted_with_mask = network.fitted_with_mask or batch.features_mask is not None
                network._position = segment.after(value, states)

    @contextmanager
    def _put_back_on_error(self) -> Iterator[None]:
        """Copy what an update changes, and undo it where it fails."""
        network = self._network
        counts, owners = (network.iteration, network.fitted_with_mask), set(network.updater_state)
        arrays = self._arrays()
        if len(self._copies) != len(arrays):  # the updaters' state is there from the second update on
            self._copies = [torch.empty_like(array) for array in arrays]
        torch._foreach_copy_(self._copies, arrays)
        try:
            yield
        except BaseException:
            torch._foreach_copy_(arrays, self._copies)
            network.iteration, network.fitted_with_mask = counts
            for name in network.updater_state.keys() - owners:
                del network.updater_state[name]
            raise

    def _arrays(self) -> list[Tensor]:
        """All that an update changes."""
        network = self._network
        return [
            *network._parameters.values(),
            *network._buffers.values(),
            *(t for held in network.updater_state.values() for t in held.values()),
        ]

    def _check(self, gradients: dict[str, Tensor]) -> None:
        """Refuse an update by which a value is not finite. What a gradient that is not finite has changed is not finite either.

        A norm is finite where all values are, but for values whose squares overflow, which only the search tells apart.
        """
        norms = torch._foreach_norm(self._arrays())
        if not math.isfinite(torch.stack(norms).sum().item()):
            self._search(gradients)

    def _search(self, gradients: dict[str, Tensor]) -> None:
        """TrainingError that names the first value that is not finite, if there is one."""
        network = self._network
        found = [(name, "the gradient of ", "is", tensor) for name, tensor in gradients.items()]
        found += [(name, "", "would become", tensor) for name, tensor in (*network._parameters.items(), *network._buffers.items())]
        found += [
            (name, f"the updater's {key} of ", "would become", tensor)
            for name, held in network.updater_state.items()
            for key, tensor in held.items()
        ]
        for name, what, verb, tensor in found:
            array = tensor.detach().numpy()
            if np.isfinite(array).all():
                continue
            position = np.argwhere(~np.isfinite(array))[0].tolist()
            index = int(name.split(".")[0])
            raise TrainingError(
                f"iteration {network.iteration}: {what}{name} (layers[{index}], {type(network.config.layers[index]).__name__}) {verb} "
                f"{array[tuple(position)]} at {position}; the network keeps the parameters of the last finite iteration. "
                "Lower the learning rate, or normalise the features"
            )


@contextmanager
def whole() -> Iterator[None]:
    """Hold back Ctrl-C while parameters change, so that no update is left half done; it acts right after.

    A program's own handler of the signal is left alone: what it does, and when, is its affair.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not ours:
        yield
        return
    caught: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if caught:
        signal.raise_signal(signal.SIGINT)


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
