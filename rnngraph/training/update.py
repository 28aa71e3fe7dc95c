"""One update per minibatch: done whole, or not at all.

In DL4J's order: the summed gradients are divided by the number of examples; gradient normalisation; L1 and L2; the updater; weight decay;
constraints; the iteration is counted.
"""

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

from rnngraph.conf.parameters import label
from rnngraph.errors import TrainingError
from rnngraph.training import constraints
from rnngraph.training.gradient_normalization import normalised, sections
from rnngraph.training.groups import groups
from rnngraph.training.objective import check_score, divisor, loss_sum
from rnngraph.training.regularisation import Regularisation, penalties, penalty
from rnngraph.training.tensors import tensors_of
from rnngraph.training.torch_updater import TorchGroup

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.position import Position
    from rnngraph.training.tbptt import Segment


class Update:
    """Updates ``network`` by one minibatch, or segment of one, at a call; ``product_type`` is a type for matrix products alone.

    1. Score and gradients; a score that is not finite ends here, and so does a schedule that gives a number out of range.
    2. What the update changes is copied.
    3. The updaters change parameters and their own state in place; buffers take their new values; constraints act.
    4. Parameters and state are checked. Where one is not finite, or anything else fails, the copies are put back.

    Ctrl-C is held back from 2 to 4.
    """

    def __init__(self, network: Network, product_type: torch.dtype | None = None) -> None:
        self._network, self._product_type = network, product_type
        self._groups, self._penalties = groups(network), penalties(network)
        self._sections, self._regularisation = sections(network), Regularisation(self._penalties)
        self._bounds = constraints.bounds(network)
        self._copies: list[Tensor] = []

    def __call__(self, segment: Segment) -> None:
        """One update; the network's position has the score before it.

        TrainingError, and nothing is changed, where a number is not finite.
        """
        network, batch = self._network, segment.data
        tensors = tensors_of(network, batch, network._device) if segment.tensors is None else segment.tensors
        total, buffers, states = loss_sum(network, tensors, segment.states, segment.backward_steps, self._product_type)
        loss = total / divisor(network, batch)
        parameters = network._parameters
        value = float(loss.detach()) + penalty(network, self._penalties)
        check_score(value, network.iteration)
        gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values()), materialize_grads=True), strict=True))
        with torch.no_grad():
            self._step(gradients, buffers, segment.after(value, states), masked=batch._masked)

    def _step(self, gradients: dict[str, Tensor], buffers: dict[str, Tensor], after: Position, masked: bool) -> None:
        """From averaged gradients to parameters, and to the position ``after``; ``masked``: there was a features mask."""
        network, parameters = self._network, self._network._parameters
        numbers = [group.numbers() for group in self._groups]
        regularised = self._regularisation.added(self._normalised(gradients), parameters)
        decays = self._decays(numbers)
        with whole(), self._put_back_on_error():
            for group, now in zip(self._groups, numbers, strict=True):
                group.step(now, regularised)
            if decays:
                torch._foreach_sub_([parameters[name] for name in decays], list(decays.values()))
            for name, tensor in buffers.items():
                network._buffers[name].copy_(tensor)
            self._check(gradients)
            if self._bounds:
                constraints.apply(self._bounds, parameters)
                self._check(gradients)
            network.iteration += 1
            network.fitted_with_mask = network.fitted_with_mask or masked
            network._position = after

    def _decays(self, numbers: list[Any]) -> dict[str, Tensor]:
        """What is taken off parameters behind the updaters, whose ``numbers`` have the learning rates."""
        if not self._regularisation.decayed:
            return {}
        rates = {name: g.learning_rate(n) for g, n in zip(self._groups, numbers, strict=True) for name in g.names}
        return self._regularisation.decays(self._network._parameters, rates)

    def _normalised(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        """The gradients after normalisation, which must not hide one that is not finite."""
        if not self._sections:
            return gradients
        out, finite = normalised(self._sections, gradients)
        if not finite:
            self._search(gradients)
        return out

    @contextmanager
    def _put_back_on_error(self) -> Iterator[None]:
        """Copy what an update changes, and undo it where it fails."""
        network = self._network
        counts = network.iteration, network.fitted_with_mask
        kept = {name: dict(held) for name, held in network.updater_state.items()}
        arrays = self._arrays()
        if len(self._copies) != len(arrays):  # the updaters' state is there from the second update on
            self._copies = [torch.empty_like(array) for array in arrays]
        torch._foreach_copy_(self._copies, arrays)
        try:
            yield
        except BaseException:
            torch._foreach_copy_(arrays, self._copies)
            network.iteration, network.fitted_with_mask = counts
            network.updater_state.clear()
            network.updater_state.update(kept)
            for group in self._groups:
                group.forget()
            raise

    def _arrays(self, telling: bool = False) -> list[Tensor]:
        """All that an update changes; ``telling``: without the means of gradients, m, beside which something of their size is kept."""
        network = self._network
        return [
            *network._parameters.values(),
            *network._buffers.values(),
            *(t for held in network.updater_state.values() for key, t in held.items() if not (telling and key == "m")),
        ]

    def _check(self, gradients: dict[str, Tensor]) -> None:
        """Refuse an update by which a value is not finite. What a gradient that is not finite has changed is not finite either.

        Not so with torch's optimisers, some of which take a gradient's sign alone: there gradients are looked at as well. A norm is finite
        where all values are, but for values whose squares overflow, which only the search tells apart.
        """
        foreign = any(isinstance(group, TorchGroup) for group in self._groups)
        norms = torch._foreach_norm([*self._arrays(telling=True), *(gradients.values() if foreign else ())])
        if foreign:  # whose counts are float32, and on the CPU
            norms = tuple(norm.cpu().double() for norm in norms)
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
            array = tensor.detach().cpu().numpy()
            if np.isfinite(array).all():
                continue
            position = np.argwhere(~np.isfinite(array))[0].tolist()
            place = label(network.config, name).replace(" (", ", ").removesuffix(")")
            raise TrainingError(
                f"iteration {network.iteration}: {what}{name} ({place}) {verb} "
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
