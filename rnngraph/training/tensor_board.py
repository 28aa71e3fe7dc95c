"""TensorBoardListener: the course of training as TensorBoard shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rnngraph.errors import ConfigurationError, MissingDependencyError, TrainingError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled
from rnngraph.training.listeners import TrainingListener, checked_every
from rnngraph.training.rates import learning_rate

if TYPE_CHECKING:
    from rnngraph.base_network import Network


class TensorBoardListener(TrainingListener, Spelled):
    """Writes into ``log_dir``, for ``tensorboard --logdir``: ``score`` and ``learning_rate`` of every ``every``-th iteration, and after
    each epoch ``epoch/score``, ``epoch/validation_score`` and, with ``histograms``, each parameter as ``0.W``. Steps are iterations.

    A run that goes on goes on in the same folder: TensorBoard leaves out what was written beyond the network's iteration before. Raises
    MissingDependencyError where tensorboard is not installed, ConfigurationError for ``every`` below 1, TrainingError where writing fails,
    on a full disk: the network is then as after the last whole update.
    """

    @spelled
    def __init__(self, log_dir: str | os.PathLike[str], every: int = 1, histograms: bool = False) -> None:
        if not isinstance(log_dir, (str, os.PathLike)):
            raise ConfigurationError(
                f'TensorBoardListener: log_dir is {shown(log_dir)}; expected the name of a folder, such as "runs/first"'
            )
        self._kind = _writer()
        self.log_dir, self.every, self.histograms = os.fspath(log_dir), checked_every(self, every), histograms
        self._writer: Any = None

    def on_fit_start(self, network: Network, epochs: int) -> None:
        """Begin to write."""
        with self._told(network):
            self._writer = self._kind(self.log_dir, purge_step=network.iteration or None)

    def iteration_done(self, network: Network, iteration: int, epoch: int, score: float) -> None:
        """Write where it is this iteration's turn."""
        if iteration % self.every:
            return
        rate = learning_rate(network.config, iteration, epoch)
        with self._told(network):
            self._writer.add_scalar("score", score, iteration)
            if rate is not None:
                self._writer.add_scalar("learning_rate", rate, iteration)

    def on_epoch_end(self, network: Network, epoch: int, score: float, validation_score: float | None) -> None:
        """Write the scores and, where they are asked for, the parameters."""
        step = network.iteration - 1  # epochs as steps would escape what a run that goes on takes back
        with self._told(network):
            self._writer.add_scalar("epoch/score", score, step)
            if validation_score is not None:
                self._writer.add_scalar("epoch/validation_score", validation_score, step)
            for name, array in network.parameters().items() if self.histograms else ():
                self._writer.add_histogram(name, array, step)
            self._writer.flush()

    def on_fit_end(self, network: Network) -> None:
        """Write the rest."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._told(network):
                writer.close()

    @contextmanager
    def _told(self, network: Network) -> Iterator[None]:
        """TrainingError where writing fails within."""
        try:
            yield
        except OSError as error:
            raise TrainingError(
                f"TensorBoardListener: {self.log_dir}: cannot be written ({error.strerror or error}). The network is as after "
                f"{network.iteration} iterations: make room, or give another folder, and go on with fit(..., resume=True)"
            ) from error


def _writer() -> Any:
    """torch's writer. MissingDependencyError without tensorboard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingDependencyError(
            'TensorBoardListener needs tensorboard, which is not installed; run: pip install "rnngraph[tensorboard]"'
        ) from error
    return SummaryWriter
