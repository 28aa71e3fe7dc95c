"""A minibatch as tensors: checked, in the network's data type, on the device where it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnngraph.checks import masks_outputs
from rnngraph.data.iteration import Examples
from rnngraph.data.rows import Arrays
from rnngraph.lowering.border import LabelsMask

if TYPE_CHECKING:
    from rnngraph.base_network import Network


@dataclass(frozen=True)
class Tensors:
    """What a training graph takes of the data, by the names of its inputs, and the ``sizes`` of N and of all time axes.

    ``features_masks`` names the inputs that have a mask, ``labels_masks`` says for each output which kind it has; ``timed`` are the names
    of those with a time axis, which is the last.
    """

    feeds: dict[str, Tensor]
    features_masks: tuple[str, ...]
    labels_masks: tuple[LabelsMask, ...]
    timed: frozenset[str]
    sizes: dict[str, int]

    def steps(self, start: int, stop: int) -> Tensors:
        """Those of some time steps; what has no time axis as it is."""
        feeds = {name: tensor[..., start:stop] if name in self.timed else tensor for name, tensor in self.feeds.items()}
        sizes = {key: size if key == "N" else stop - start for key, size in self.sizes.items()}
        return Tensors(feeds, self.features_masks, self.labels_masks, self.timed, sizes)


def tensors_of(network: Network, data: Examples, device: torch.device) -> Tensors:
    """``data`` on ``device``. InputError for what does not fit the network."""
    arrays, config = network._inputs.training(data._arrays), network.config
    fed = network._fed(arrays.features, arrays.features_masks)
    timed = [n for entry in config.entries if entry.has_time for n in (entry.name, entry.mask_name)]
    for head, labels, mask in zip(config.heads, arrays.labels, arrays.labels_masks, strict=True):
        fed[head.labels_name] = labels
        if mask is not None:
            fed[head.labels_mask_name] = mask
        timed += [head.labels_name, head.labels_mask_name] if head.has_time else []
    return Tensors(
        {name: _moved(torch.from_numpy(array), device) for name, array in fed.items()},
        network._mask_names(arrays.features_masks),
        labels_masks(arrays),
        frozenset(timed),
        network._inputs.sizes(arrays.features),
    )


def labels_masks(arrays: Arrays) -> tuple[LabelsMask, ...]:
    """Which kind of mask the labels of each output have."""
    return tuple(
        "outputs" if masks_outputs(mask, labels.shape) else mask is not None
        for mask, labels in zip(arrays.labels_masks, arrays.labels, strict=True)
    )


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` there; to a GPU through pinned memory, without waiting for it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
