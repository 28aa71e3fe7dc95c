"""Optimisers of ``torch.optim`` as updaters: one object for each group of parameters, whose state lives in the network."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from rnngraph.conf.parameters import label
from rnngraph.conf.schedules import Schedule
from rnngraph.conf.updaters import TorchUpdater
from rnngraph.errors import ConfigurationError
from rnngraph.names import nearest
from rnngraph.training.rates import number

if TYPE_CHECKING:
    from rnngraph.base_network import Network

REFUSED: Mapping[str, str] = {
    "maximize": "fit makes the score small, not large",
    "differentiable": "no gradient flows through an update",
}
"""Settings of torch's that cannot be on, and why."""


class TorchGroup:
    """The parameters ``names`` and the optimiser that steps them.

    What the optimiser keeps of a parameter is the network's ``updater_state`` of it, the same dict, so that a saved network goes on bit for
    bit. ConfigurationError for an optimiser or settings that torch does not have, and for one that cannot train these parameters.
    """

    def __init__(self, network: Network, updater: TorchUpdater, names: list[str]) -> None:
        self._network, self._updater, self.names = network, updater, names
        self._where = f"{label(network.config, names[0])}, updater {updater.tag()}"
        self._class = _optimizer(updater.name, self._where)
        for setting, reason in REFUSED.items():
            if updater.options.get(setting):
                raise ConfigurationError(f"{self._where}: {setting}={updater.options[setting]!r}: {reason}; leave it out")
        lr = updater.options.get("lr")
        self._schedule = lr if isinstance(lr, Schedule) else None
        self._options = {key: value for key, value in updater.options.items() if not isinstance(value, Schedule)}
        self._made: Optimizer | None = None
        self._try()

    def numbers(self) -> Any:
        """Its learning rate for the network's next update. TrainingError where a schedule gives one out of range."""
        if self._schedule is None:
            return SimpleNamespace(learning_rate=self._optimizer().param_groups[0].get("lr", 1.0))
        rate = number(self._schedule, "lr", self._network.iteration, self._network.epoch, self._where)
        return SimpleNamespace(learning_rate=rate)

    @staticmethod
    def learning_rate(numbers: Any) -> float:
        """What a weight decay of the layer's is times."""
        return float(numbers.learning_rate)

    def step(self, numbers: Any, gradients: dict[str, Tensor]) -> None:
        """One step in place on parameters and state."""
        optimizer, parameters = self._optimizer(), self._network._parameters
        if self._schedule is not None:
            for group in optimizer.param_groups:
                group["lr"] = numbers.learning_rate
        try:
            for name in self.names:
                parameters[name].grad = gradients[name]
            optimizer.step()
        finally:
            for name in self.names:
                parameters[name].grad = None
        for name in self.names:
            if held := optimizer.state[parameters[name]]:
                self._network.updater_state[name] = held

    def forget(self) -> None:
        """Take up what the network keeps anew, at the next step: it is not as the optimiser left it."""
        self._made = None

    def _optimizer(self) -> Optimizer:
        """The optimiser, with what the network keeps of its parameters."""
        if self._made is None:
            network = self._network
            self._made = self._class([network._parameters[name] for name in self.names], **self._options)
            for name in self.names:
                if name in network.updater_state:
                    self._made.state[network._parameters[name]] = network.updater_state[name]
        return self._made

    def _try(self) -> None:
        """One step of small tensors of the same ranks: what cannot be trained is told before anything is."""
        real = [self._network._parameters[name] for name in self.names]
        small = [torch.ones([min(2, n) for n in p.shape], dtype=p.dtype, device=p.device, requires_grad=True) for p in real]
        try:
            optimizer = self._class(small, **self._options)
            for tensor in small:
                tensor.grad = torch.ones_like(tensor)
            optimizer.step()
        except Exception as error:  # each optimiser has its own
            raise ConfigurationError(
                f"{self._where}: torch.optim.{self._updater.name} cannot train {', '.join(self.names)} so: {error}"
            ) from error
        strange = [key for state in optimizer.state.values() for key, value in state.items() if not isinstance(value, Tensor)]
        if strange:
            raise ConfigurationError(f"{self._where}: it keeps {strange[0]}, which is no tensor and cannot be saved; use another optimiser")


def _optimizer(name: str, where: str) -> Any:
    """The optimiser's class."""
    known = {
        key: value
        for key, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, Optimizer) and value is not Optimizer
    }
    if name not in known:
        near = nearest(name, known)
        hint = f"; did you mean {' or '.join(near)}?" if near else ";"
        raise ConfigurationError(f"{where}: torch.optim has no optimiser {name!r}{hint} It has {', '.join(sorted(known))}")
    return known[name]
