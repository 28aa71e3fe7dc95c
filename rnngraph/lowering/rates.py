"""Rates that change from one update to the next, by a schedule."""

from __future__ import annotations

from dataclasses import dataclass

from rnngraph.conf.family import Family
from rnngraph.conf.schedules import as_schedule
from rnngraph.errors import ConfigurationError, TrainingError


@dataclass(frozen=True)
class ScheduledRate:
    """``field`` of ``holder``, a kind of noise that the layer ``where`` has, by the schedule that stands in its place."""

    holder: Family
    field: str
    where: str

    def __str__(self) -> str:
        return repr(getattr(self.holder, self.field))

    def value_at(self, iteration: int, epoch: int) -> float:
        """The schedule's value; TrainingError for one that ``holder`` would refuse as a number."""
        value = as_schedule(getattr(self.holder, self.field)).value_at(iteration, epoch)
        try:
            self.holder.replaced(**{self.field: value})
        except ConfigurationError as error:
            raise TrainingError(
                f"{self.where}, iteration {iteration} of epoch {epoch}: {error}, but {self} gives it; the network keeps the parameters of "
                "the last iteration. Choose a schedule that stays in the range"
            ) from None
        return value
