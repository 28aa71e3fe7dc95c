"""A trained network as evaluation and plots use it: raw values in and out, whether it is a saved network or an exported file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.errors import InputError, ModelFileError
from rnngraph.runs.folder import RunFolder
from rnngraph.runs.networks import load_network, network_file, record_beside
from rnngraph.runs.record import Reading, Record
from rnngraph.runs.tasks import reading_of, reading_of_file

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork
    from rnngraph.runtime import Manifest, StreamingSession


class Model(ABC):
    """The network in the file ``path``, of one input and one output.

    ``record`` is that of the run that it lies in, None elsewhere; ``normalizer`` is what has to be done to its values outside, ``n_out``
    the number of outputs, ``labels`` the names of classes where the file has them.
    """

    def __init__(self, path: Path, record: Record | None) -> None:
        self.path, self.record = path, record
        self.normalizer: Any = None
        self.n_out: int
        self.labels: tuple[str, ...] | None = None
        self.takes_masks = True
        self.gives_time: bool
        self.streams: bool

    @abstractmethod
    def reading(self, regression: bool, classes: int | None) -> Reading:
        """How its labels are read, all else as usual."""

    @abstractmethod
    def _output(self, features: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Outputs [N, C, T] or [N, C] of normalised features [N, F, T]."""

    def output(self, features: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Outputs [N, C, T] or [N, C] in the labels' units, of raw features [N, F, T]."""
        if mask is not None and not self.takes_masks and mask.all():
            mask = None
        return self._reverted(self._output(self._normalised(features, mask), mask))

    def by_steps(self, features: np.ndarray) -> np.ndarray:
        """What a network that gives one vector [N, C] says after each step: [N, C, T] of raw features [N, F, T]. InputError where it needs
        the whole sequence."""
        if not self.streams:
            raise InputError(
                f"{self.path} gives one output for the whole sequence and cannot be fed step by step: nothing is there over time"
            )
        x = self._normalised(features, None)
        return np.stack([self._reverted(self._step(x[:, :, t])) for t in range(x.shape[2])], axis=2)

    @abstractmethod
    def _step(self, features: np.ndarray) -> np.ndarray:
        """Outputs [N, C] after the next step [N, F]."""

    def _normalised(self, features: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        x: np.ndarray = features if self.normalizer is None else self.normalizer.transform_features(features, mask)
        return x

    def _reverted(self, y: np.ndarray) -> np.ndarray:
        """Outputs in the labels' units."""
        return self.normalizer.revert_labels(y) if self.normalizer is not None and self.normalizer.is_fit_label else y


class SavedModel(Model):
    """A .rnng file, in torch."""

    def __init__(self, path: Path, record: Record | None) -> None:
        super().__init__(path, record)
        self._net: MultiLayerNetwork = _in_a_row(load_network(path), path)
        self.normalizer, self.n_out = self._net.normalizer, self._net.config.n_out
        self.gives_time, self.streams = self._net.config.ends_in_time_series, self._net._reason is None

    def reading(self, regression: bool, classes: int | None) -> Reading:
        """By the loss."""
        return reading_of(self._net.config, str(self.path), regression, classes)

    def _output(self, features: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        return self._net.output(features, mask)

    def _step(self, features: np.ndarray) -> np.ndarray:
        return self._net.rnn_time_step(features)


class ExportedModel(Model):
    """An ONNX file, in onnxruntime. Raw values where its normalizer is inside; else that of the run's network, if it is of that."""

    def __init__(self, path: Path, record: Record | None) -> None:
        from rnngraph.runtime.session import StreamingSession

        super().__init__(path, record)
        self._session: StreamingSession = StreamingSession(path)
        manifest = self._session.manifest
        if manifest.is_graph:
            raise InputError(f"{path} is a graph, which may have several inputs; evaluate it in Python: net.do_evaluation(data, ...)")
        output = manifest.ports("output")[0]
        self.n_out = int(output.shape[1])
        self.labels, self.takes_masks = output.class_labels, manifest.mask.rule is not None
        self.gives_time, self.streams = output.time_axis is not None, manifest.streams
        if manifest.normalizer is None:
            self.normalizer = _normalizer_beside(path, manifest)

    def reading(self, regression: bool, classes: int | None) -> Reading:
        """By the last activation."""
        return reading_of_file(self._session.manifest, str(self.path), regression, classes)

    def _output(self, features: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        y: np.ndarray = self._session.output(features, mask)
        return y

    def _step(self, features: np.ndarray) -> np.ndarray:
        y: np.ndarray = self._session.rnn_time_step(features)
        return y


def open_model(path: Path) -> Model:
    """The network at ``path``: a run's folder, a saved network, or an exported file. ModelFileError for anything else."""
    file = network_file(path)
    record = record_beside(file)
    if file.suffix == ".onnx":
        return ExportedModel(file, record)
    return SavedModel(file, record)


def _in_a_row(net: Any, path: Path) -> MultiLayerNetwork:
    from rnngraph.network import MultiLayerNetwork

    if not isinstance(net, MultiLayerNetwork):
        raise InputError(
            f"{path} is a ComputationGraph, which may have several inputs; evaluate it in Python: net.do_evaluation(data, ...)"
        )
    return net


def _normalizer_beside(path: Path, manifest: Manifest) -> Any:
    """The normalizer of the run's network, if the file is one of that network's; read without torch."""
    from rnngraph.serialization import parameters_digest, read_network

    saved = RunFolder(path.parent).network
    if not saved.is_file():
        return None
    try:
        network = read_network(saved)
    except ModelFileError:
        return None
    digest = parameters_digest({**network.parameters, **network.buffers}, network.config.data_type)
    return network.normalizer if digest == manifest.parameters_sha256 else None
