"""The numbers of an updater at one update: what schedules say then, checked."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from rnngraph.conf import NetworkConfiguration
from rnngraph.conf.schedules import Schedule
from rnngraph.conf.updaters import TorchUpdater, Updater
from rnngraph.errors import TrainingError
from rnngraph.names import shown

BELOW = {"momentum": 1.0}
"""What a number has to be below; a learning rate may be any that is finite. None may be negative."""


def numbers(updater: Updater, iteration: int, epoch: int, where: str) -> Any:
    """The settings of ``updater``, with numbers where it has schedules.

    TrainingError that begins with the iteration and ``where`` for one out of range.
    """
    values = {name: getattr(updater, name) for name in type(updater).model_fields}
    return SimpleNamespace(
        **{name: number(v, name, iteration, epoch, where) if isinstance(v, Schedule) else v for name, v in values.items()}
    )


def has_schedules(updater: Updater) -> bool:
    """Whether any of its numbers changes."""
    return any(isinstance(getattr(updater, name), Schedule) for name in type(updater).model_fields)


def number(schedule: Schedule, name: str, iteration: int, epoch: int, where: str) -> float:
    """What ``schedule`` gives for the setting ``name``, 0 included."""
    value, limit = schedule.value_at(iteration, epoch), BELOW.get(name, math.inf)
    if not 0 <= value < limit:
        expected = "a finite number from 0 on" if limit == math.inf else f"a number from 0 on and below {limit:g}"
        raise TrainingError(
            f"iteration {iteration}: {where}: {name}={shown(schedule)} gives {value} in epoch {epoch}; expected {expected}. "
            "The network keeps the parameters of the last iteration; give the updater another schedule"
        )
    return value


def learning_rate(config: NetworkConfiguration, iteration: int, epoch: int) -> float | None:
    """The learning rate of the network's updater at an update, None where it has none."""
    rate = getattr(config.updater, "learning_rate", None)
    if isinstance(config.updater, TorchUpdater):
        rate = config.updater.options.get("lr")
    if isinstance(rate, Schedule):
        rate = rate.value_at(iteration, epoch)
    return float(rate) if isinstance(rate, (int, float)) else None
