"""EvaluativeListener: evaluates the network while it is trained."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from rnngraph.errors import ConfigurationError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled
from rnngraph.training.listeners import TrainingListener, checked_every, checked_out

if TYPE_CHECKING:
    from rnngraph.data import Data

Unit = Literal["epoch", "iteration"]


@dataclass(frozen=True)
class Evaluated:
    """What a network did after so many updates and epochs: ``evaluations`` of it."""

    iteration: int
    epoch: int
    evaluations: Sequence[Any]

    def __str__(self) -> str:
        told = "\n".join(one.stats() for one in self.evaluations)
        return f"Evaluation after {self.iteration} iterations and {self.epoch} epochs:\n{told}"


class EvaluativeListener(TrainingListener, Spelled):
    """Evaluates the network on ``data`` after every ``every``-th epoch or iteration (``unit``), and keeps ``results``, of Evaluated.

    ``evaluations`` are what is filled, from empty copies each time, by ``network.do_evaluation``; left out it is an Evaluation by
    ``network.evaluate``. Of a graph with several outputs ``output`` names the one. ``out``, as of ScoreIterationListener, gets their
    ``stats()``.

    Raises ConfigurationError for ``every`` below 1, and for another unit.
    """

    @spelled
    def __init__(
        self,
        data: Data,
        every: int = 1,
        unit: Unit = "epoch",
        evaluations: Sequence[Any] | None = None,
        out: Callable[[str], object] | None = None,
        output: str | None = None,
    ) -> None:
        if unit not in get_args(Unit):
            raise ConfigurationError(f'EvaluativeListener: unit is {shown(unit)}; expected "epoch" or "iteration"')
        self.data, self.unit, self.every = data, unit, checked_every(self, every, f"{unit}s")
        self.evaluations, self.output, self._out = list(evaluations or ()), output, checked_out(self, out)
        self.results: list[Evaluated] = []

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        """Evaluate where it is this iteration's turn."""
        if self.unit == "iteration" and (iteration + 1) % self.every == 0:
            self._evaluate(network)

    def on_epoch_end(self, network: Any, epoch: int, score: float, validation_score: float | None) -> None:
        """Evaluate where it is this epoch's turn."""
        if self.unit == "epoch" and (epoch + 1) % self.every == 0:
            self._evaluate(network)

    def _evaluate(self, network: Any) -> None:
        """Evaluate, keep and report."""
        evaluations, which = copy.deepcopy(self.evaluations), {} if self.output is None else {"output": self.output}
        if evaluations:
            network.do_evaluation(self.data, *evaluations, **which)
        else:
            evaluations = [network.evaluate(self.data, **which)]
        self.results.append(Evaluated(network.iteration, network.epoch, evaluations))
        self._out(str(self.results[-1]))
