"""What a network takes: callers' arrays checked, and brought to what its graphs take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_features, as_labels, as_labels_mask, as_mask, check_finite, masks_outputs
from rnngraph.conf import ConvolutionalFlatInput, MultiLayerConfiguration
from rnngraph.conf.layers.output import loss_of
from rnngraph.conf.layers.windowed import StepWindows
from rnngraph.conf.losses import with_options
from rnngraph.errors import InputError
from rnngraph.ids import as_ids, id_array
from rnngraph.images import as_images
from rnngraph.ir.steps import Steps
from rnngraph.labels import check_values, one_hot
from rnngraph.lowering.losses import couples_outputs, per_output_misfit

if TYPE_CHECKING:
    from rnngraph.data import DataSet


@dataclass(frozen=True)
class Inputs:
    """What the network of ``config`` takes, which looks at padding or not, and gives ``steps``."""

    config: MultiLayerConfiguration
    reads_padding: bool
    steps: Steps

    def training(self, data: DataSet) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray | None]:
        """Features, their mask, labels and their mask as the training graph takes them. InputError for what does not fit the network."""
        x, mask = self.features(data.features, data.features_mask, "features")
        return (x, mask, *self._labels(data, x))

    def features(
        self, features: ArrayLike, features_mask: ArrayLike | None, name: str, step_allowed: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Features and mask as the graph takes them.

        A first layer that ignores masks reads padding, which then has to be finite too; layers behind the first get what it gave.
        """
        config = self.config
        if config.ids is not None:
            return self._ids(config.ids, features, features_mask, name, step_allowed)
        time, flow = config.starts_in_time_series, config.input_type
        if flow.frame is None:
            x = as_features(features, config.n_in, config.data_type, name, step_allowed, time)
        else:
            x = as_images(features, flow.frame, config.data_type, name, step_allowed, time)
            if isinstance(flow, ConvolutionalFlatInput):
                x = x.reshape(len(x), flow.size, *x.shape[4:])
        if time and x.shape[-1] < self.steps.least:
            raise InputError(
                f"{name} has {x.shape[-1]} time steps, but the network's windows over time need {self.steps.least} at least; "
                "pad it, and mask what was added"
            )
        if features_mask is None:
            check_finite(x, name=name, reads_padding=self.reads_padding)
            return x, None
        self._check_maskable()
        mask = as_mask(features_mask, len(x), x.shape[-1], data_type=config.data_type)
        check_finite(x, mask, name, reads_padding=self.reads_padding)
        return x, mask

    def _ids(
        self, count: int, ids: ArrayLike, features_mask: ArrayLike | None, name: str, step_allowed: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Ids and mask as the graph takes them. Ids that are masked are not read, unless the embedding ignores masks."""
        time = self.config.starts_in_time_series
        array, mask = id_array(ids, name, step_allowed, time), None
        if features_mask is not None:
            self._check_maskable()
            mask = as_mask(features_mask, len(array), array.shape[1], data_type=self.config.data_type)
        return as_ids(array, count, None if self.reads_padding else mask, name, step_allowed, time), mask

    def _check_maskable(self) -> None:
        if not self.config.starts_in_time_series:
            width = 1 if self.config.ids is not None else self.config.n_in
            raise InputError(f"features_mask: the network's input [N, {width}] has no time axis to mask; leave the mask out")

    def loss_mask(self, features_mask: np.ndarray, steps: int) -> np.ndarray:
        """The features mask as that of an output of ``steps`` steps, by which labels without a mask of their own count."""
        if features_mask.shape[1] == steps:
            return features_mask
        for layer in self.config.layers:
            if isinstance(layer, StepWindows):
                features_mask = layer.reduced(features_mask)
        return features_mask

    def _labels(self, data: DataSet, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Labels and labels mask as the training graph takes them; labels that do not count may hold anything."""
        last = self.config.layers[-1]
        labels, counts = self.dense_labels(data, len(x), self.steps.after(x.shape[-1]))
        check_finite(labels, counts, "labels", "output")
        chosen = loss_of(last)
        if chosen is not None:
            loss, activation = chosen
            if masks_outputs(counts, labels.shape) and couples_outputs(loss, activation):
                raise InputError(f"{self._last_label()}: labels_mask of shape {list(labels.shape)}: {per_output_misfit(loss, activation)}")
            check_values(labels, counts, with_options(loss).name, self._last_label())
        return labels, None if data.labels_mask is None else counts

    def dense_labels(self, data: DataSet, n: int, steps: int | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Labels with one column an output, and which of them count: the labels mask, in a time series without one the features mask."""
        config = self.config
        chosen = loss_of(config.layers[-1])
        sparse = chosen is not None and with_options(chosen[0]).name == "sparse_mcxent"
        labels = as_labels(data.labels, n, 1 if sparse else config.n_out, steps, config.data_type, sparse=sparse)
        counts = data.labels_mask
        if counts is not None:
            counts = as_labels_mask(counts, labels.shape, config.data_type)
        elif steps is not None and data.features_mask is not None:
            counts = as_mask(self.loss_mask(data.features_mask, steps), n, steps, data_type=config.data_type)
        return (one_hot(labels, counts, config.n_out, self._last_label()) if sparse else labels), counts

    def _last_label(self) -> str:
        """The last layer in messages."""
        return f"layers[{len(self.config.layers) - 1}] ({self.config.layers[-1].tag()})"
