"""A minibatch as tensors: checked, in the network's data type, on the device where it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnngraph.checks import masks_outputs
from rnngraph.lowering.build import LabelsMask

if TYPE_CHECKING:
    from rnngraph.data import DataSet
    from rnngraph.network import MultiLayerNetwork


@dataclass(frozen=True)
class Tensors:
    """What a training graph takes of the data: ``x``, ``labels`` and, where there are any, ``features_mask`` and ``labels_mask``."""

    feeds: dict[str, Tensor]
    labels_mask: LabelsMask

    @property
    def sizes(self) -> dict[str, int]:
        """N and T."""
        x = self.feeds["x"]
        return {"N": len(x), "T": x.shape[-1]}

    def steps(self, start: int, stop: int) -> Tensors:
        """Those of some time steps, the last axis of them all."""
        return Tensors({name: tensor[..., start:stop] for name, tensor in self.feeds.items()}, self.labels_mask)


def tensors_of(network: MultiLayerNetwork, data: DataSet, device: torch.device) -> Tensors:
    """``data`` on ``device``. InputError for what does not fit the network."""
    x, mask, labels, labels_mask = network._inputs.training(data)
    arrays = {"x": x, "features_mask": mask, "labels": labels, "labels_mask": labels_mask}
    kind: LabelsMask = "outputs" if masks_outputs(labels_mask, labels.shape) else labels_mask is not None
    return Tensors({name: _moved(torch.from_numpy(a), device) for name, a in arrays.items() if a is not None}, kind)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` there; to a GPU through pinned memory, without waiting for it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
