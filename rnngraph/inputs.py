"""What a network takes: callers' arrays checked, and brought to what its graphs take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_features, as_labels, as_labels_mask, as_mask, check_finite, masks_outputs
from rnngraph.conf import ConvolutionalFlatInput, NetworkConfiguration
from rnngraph.conf.layers.output import loss_of
from rnngraph.conf.losses import with_options
from rnngraph.conf.ports import Entry, Head
from rnngraph.data.rows import Arrays, Masks, Several
from rnngraph.errors import InputError
from rnngraph.ids import as_ids, id_array
from rnngraph.images import as_images
from rnngraph.ir.graph import Graph
from rnngraph.ir.padding import reads_padding_of
from rnngraph.ir.steps import least_steps, time_axis
from rnngraph.ir.types import evaluate
from rnngraph.labels import check_values, one_hot
from rnngraph.lowering.head_masks import head_masks
from rnngraph.lowering.losses import couples_outputs, per_output_misfit


@dataclass(frozen=True)
class Input:
    """One input of a network: whether anything reads its padding, the symbol of its time axis, and how many steps it has at least.

    ``array`` and ``mask`` are what callers give it by, for messages.
    """

    entry: Entry
    reads_padding: bool
    steps: str | None
    least: int
    array: str
    mask: str


@dataclass(frozen=True)
class Inputs:
    """What the network of ``config`` takes and gives; :meth:`of` makes it from the graph that has all masks."""

    config: NetworkConfiguration
    inputs: tuple[Input, ...]
    lengths: tuple[Any, ...]
    """The number of steps of each output, as an expression of the inputs'; None where it has no time axis."""

    @classmethod
    def of(cls, config: NetworkConfiguration, graph: Graph, several: bool) -> Inputs:
        """``graph`` is the inference graph; ``several``: callers give lists of arrays."""
        ports = {port.name: port for port in graph.ports("input")}
        least = least_steps(graph)
        found = []
        for k, entry in enumerate(config.entries):
            port = ports[entry.name]
            axis = time_axis(port.value.shape)
            steps = None if axis is None else str(port.value.shape[axis])
            names = (f"features[{k}] ({entry.name!r})", f"features_masks[{k}]") if several else ("features", "features_mask")
            found.append(Input(entry, reads_padding_of(port, graph), steps, least.get(steps or "", 1), *names))
        axes = [(p.value.shape, time_axis(p.value.shape)) for p in graph.ports("output")]
        return cls(config, tuple(found), tuple(None if axis is None else shape[axis] for shape, axis in axes))

    @property
    def heads(self) -> tuple[Head, ...]:
        """The outputs."""
        return self.config.heads

    def training(self, data: Arrays) -> Arrays:
        """Features, labels and their masks as the training graph takes them. InputError for what does not fit the network."""
        xs, masks = self.features(data.features, data.features_masks)
        labels, counts = self.labels(data, xs)
        return Arrays(xs, labels, masks, tuple(c if own is not None else None for c, own in zip(counts, data.labels_masks, strict=True)))

    def features(
        self, arrays: Sequence[ArrayLike], masks: Sequence[ArrayLike | None], step_allowed: bool = False, name: str | None = None
    ) -> tuple[Several, Masks]:
        """Features and masks as the graph takes them; ``name`` is what the caller calls the only input.

        A first layer that ignores masks reads padding, which then has to be finite too; layers behind the first get what it gave.
        """
        self._count(arrays, "features", "input", len(self.inputs))
        self._count(masks, "features_masks", "input", len(self.inputs))
        xs, found = [], []
        for one, array, mask in zip(self.inputs, arrays, masks, strict=True):
            x, m = self._feature(one, array, mask, name or one.array, step_allowed)
            xs.append(x)
            found.append(m)
        self._check_sizes(xs)
        return tuple(xs), tuple(found)

    def _feature(
        self, one: Input, features: ArrayLike, features_mask: ArrayLike | None, name: str, step_allowed: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        entry, data_type = one.entry, self.config.data_type
        if entry.ids is not None:
            return self._ids(one, features, features_mask, name, step_allowed)
        time, flow = entry.has_time, entry.input_type
        if flow.frame is None:
            x = as_features(features, entry.flow.size, data_type, name, step_allowed, time)
        else:
            x = as_images(features, flow.frame, data_type, name, step_allowed, time)
            if isinstance(flow, ConvolutionalFlatInput):
                x = x.reshape(len(x), flow.size, *x.shape[4:])
        if time and x.shape[-1] < one.least:
            raise InputError(
                f"{name} has {x.shape[-1]} time steps, but the network's windows over time need {one.least} at least; "
                "pad it, and mask what was added"
            )
        mask = None
        if features_mask is not None:
            self._check_maskable(one)
            mask = as_mask(features_mask, len(x), x.shape[-1], one.mask, data_type)
        reader = "layers[0]" if one.array == "features" else "a layer or vertex behind it"
        check_finite(x, mask, name, reads_padding=one.reads_padding, reader=reader)
        return x, mask

    def _ids(
        self, one: Input, ids: ArrayLike, features_mask: ArrayLike | None, name: str, step_allowed: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Ids and mask as the graph takes them. Ids that are masked are not read, unless the embedding ignores masks."""
        count, time = one.entry.ids, one.entry.has_time
        assert count is not None
        array, mask = id_array(ids, name, step_allowed, time), None
        if features_mask is not None:
            self._check_maskable(one)
            mask = as_mask(features_mask, len(array), array.shape[1], one.mask, self.config.data_type)
        return as_ids(array, count, None if one.reads_padding else mask, name, step_allowed, time), mask

    @staticmethod
    def _check_maskable(one: Input) -> None:
        if not one.entry.has_time:
            width = 1 if one.entry.ids is not None else one.entry.flow.size
            raise InputError(f"{one.mask}: the network's input [N, {width}] has no time axis to mask; leave the mask out")

    def _check_sizes(self, xs: Sequence[np.ndarray]) -> None:
        """InputError for inputs of different N, or of different T where that has to be the same."""
        known: dict[str, tuple[int, Input]] = {}
        for one, x in zip(self.inputs, xs, strict=True):
            for key, size, what in (("N", len(x), "rows"), *([(one.steps, x.shape[-1], "time steps")] if one.steps else [])):
                before, other = known.setdefault(key, (size, one))
                if size != before:
                    raise InputError(f"{one.array} has {size} {what}, but {other.array} has {before}; expected the same number in both")

    @staticmethod
    def _count(given: Sequence[Any], name: str, port: str, count: int) -> None:
        if len(given) != count:
            arrays = f"{len(given)} array{'s' * (len(given) != 1)}"
            remedy = "; give rg.MultiDataSet([...], [...])" if len(given) == 1 else ""  # as of a DataSet
            raise InputError(f"{name} has {arrays}; expected {count}, one for each {port} of the network, in its order{remedy}")

    def sizes(self, xs: Sequence[np.ndarray]) -> dict[str, int]:
        """N, and how many steps each symbol of time stands for."""
        return {"N": len(xs[0])} | {one.steps: x.shape[-1] for one, x in zip(self.inputs, xs, strict=True) if one.steps is not None}

    def output_steps(self, sizes: dict[str, int]) -> list[int | None]:
        """How many steps each output has."""
        return [None if length is None else evaluate(length, sizes) for length in self.lengths]

    def labels(self, data: Arrays, xs: Sequence[np.ndarray]) -> tuple[Several, Masks]:
        """Labels as the training graph takes them, and which count; those that do not may hold anything."""
        labels, counts = self.dense_labels(data, self.sizes(xs))
        for head, name, y, mask in zip(self.heads, self._label_names, labels, counts, strict=True):
            check_finite(y, mask, name, "output")
            chosen = loss_of(head.layer)
            if chosen is None:
                continue
            loss, activation = chosen
            if masks_outputs(mask, y.shape) and couples_outputs(loss, activation):
                raise InputError(f"{self._label(head)}: labels_mask of shape {list(y.shape)}: {per_output_misfit(loss, activation)}")
            check_values(y, mask, with_options(loss).name, self._label(head))
        return labels, counts

    def dense_labels(self, data: Arrays, sizes: dict[str, int]) -> tuple[Several, Masks]:
        """Labels with one column an output, and which of them count: by the labels mask, in a time series without one the features'."""
        self._count(data.labels, "labels", "output", len(self.heads))
        self._count(data.labels_masks, "labels_masks", "output", len(self.heads))
        features_masks = dict(zip((entry.name for entry in self.config.entries), data.features_masks, strict=True))
        derived = head_masks(self.config, features_masks)
        found = [
            self._dense(head, name, data.labels[k], data.labels_masks[k], derived[k], sizes["N"], steps)
            for k, (head, name, steps) in enumerate(zip(self.heads, self._label_names, self.output_steps(sizes), strict=True))
        ]
        return tuple(y for y, _ in found), tuple(mask for _, mask in found)

    def _dense(
        self, head: Head, name: str, given: np.ndarray, own: np.ndarray | None, derived: np.ndarray | None, n: int, steps: int | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Labels of one output, and which of them count."""
        data_type, width = self.config.data_type, head.width
        chosen = loss_of(head.layer)
        sparse = chosen is not None and with_options(chosen[0]).name == "sparse_mcxent"
        y = as_labels(given, n, 1 if sparse else width, steps, data_type, name, sparse=sparse)
        counts = None
        mask_name = f"labels_masks{name.removeprefix('labels')}" if "[" in name else "labels_mask"
        if own is not None:
            counts = as_labels_mask(own, y.shape, data_type, mask_name)
        elif steps is not None and derived is not None:
            counts = as_mask(derived, n, steps, data_type=data_type)
        return (one_hot(y, counts, width, self._label(head)) if sparse else y), counts

    @cached_property
    def _label_names(self) -> list[str]:
        """What callers give labels by."""
        several = self.inputs[0].array != "features"
        return [f"labels[{k}]" for k in range(len(self.heads))] if several else ["labels"]

    def _label(self, head: Head) -> str:
        """The layer of an output in messages."""
        return self.config.layer_label(head.index)


@dataclass(frozen=True)
class OpenInputs(Inputs):
    """Inputs of which some have widths that the first arrays tell: ``settle`` gives the inputs as these arrays have them."""

    settle: Callable[[Sequence[ArrayLike]], Inputs]

    def features(
        self, arrays: Sequence[ArrayLike], masks: Sequence[ArrayLike | None], step_allowed: bool = False, name: str | None = None
    ) -> tuple[Several, Masks]:
        """As the inputs that the arrays settle."""
        return self.settle(arrays).features(arrays, masks, step_allowed, name)
