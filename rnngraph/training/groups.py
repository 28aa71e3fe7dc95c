"""Parameters by updater: each group is stepped by one, in a few operations on all its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnngraph.conf.parameters import label, updater_of
from rnngraph.conf.updaters import TorchUpdater, Updater
from rnngraph.errors import ConfigurationError
from rnngraph.training import updaters
from rnngraph.training.rates import has_schedules, numbers
from rnngraph.training.torch_updater import TorchGroup

if TYPE_CHECKING:
    from rnngraph.base_network import Network

Arrays = dict[str, Tensor]


class Group:
    """The parameters ``names`` and the updater that they share. ConfigurationError for one without a formula."""

    def __init__(self, network: Network, updater: Updater, names: list[str]) -> None:
        self._network, self._updater, self.names = network, updater, names
        self._where = f"{label(network.config, names[0])}, updater {updater.tag()}"
        if updater.tag() not in updaters.RULES:
            raise ConfigurationError(
                f"{self._where}: there is no formula for it; expected one of {', '.join(sorted(updaters.RULES))}, "
                "or an entry in rnngraph.training.updaters.RULES"
            )
        self._rule, self._changes = updaters.RULES[updater.tag()], has_schedules(updater)

    def numbers(self) -> Any:
        """The updater's numbers for the network's next update. TrainingError where a schedule gives one out of range."""
        if not self._changes:
            return self._updater
        return numbers(self._updater, self._network.iteration, self._network.epoch, self._where)

    @staticmethod
    def learning_rate(numbers: Any) -> float:
        """What a weight decay is times: 1 where the updater has no learning rate, as in DL4J."""
        return float(getattr(numbers, "learning_rate", 1.0))

    def step(self, numbers: Any, gradients: Arrays) -> None:
        """One step in place on parameters and on what the updater keeps, which is made on first use."""
        parameters, kept = self._network._parameters, self._network.updater_state
        for name in self.names if self._updater.states else ():
            if name not in kept:
                start = self._rule.start(self._updater)
                kept[name] = {key: torch.full_like(parameters[name], start, requires_grad=False) for key in self._updater.states}
        states = {key: [kept[name][key] for name in self.names] for key in self._updater.states}
        w, g = [parameters[name] for name in self.names], [gradients[name] for name in self.names]
        self._rule.step(numbers, w, g, states, self._network.iteration + 1)

    def forget(self) -> None:
        """Nothing: all that it keeps is the network's."""


def groups(network: Network) -> list[Group | TorchGroup]:
    """All parameters, in one group for each updater that differs. ConfigurationError for an updater that cannot train them."""
    found: list[tuple[Updater, list[str]]] = []
    for name in network._parameters:
        updater = updater_of(network.config, name)
        names = next((held for known, held in found if known == updater), None)
        if names is None:
            found.append((updater, [name]))
        else:
            names.append(name)
    return [TorchGroup(network, u, names) if isinstance(u, TorchUpdater) else Group(network, u, names) for u, names in found]
