"""MultiNormalizer: a normalizer for each input, and on request for each output, of a network that has several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.data.columns import Columns
from rnngraph.data.iteration import Data
from rnngraph.data.multi import MultiDataSet
from rnngraph.data.normalizer import Normalizer
from rnngraph.data.normalizers import normalizer_from
from rnngraph.data.running import check_count, gathered, labels_mask_of
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled

Parts = Sequence[Normalizer[Any] | None]
Several = Sequence[ArrayLike]
SeveralMasks = Sequence[ArrayLike | None] | None
Change = Callable[[Columns, ArrayLike, ArrayLike | None, str], np.ndarray]


class MultiNormalizer(Spelled):
    """One normalizer for each input, in the network's order; ``labels`` has one for each output, or none where labels stay as they are.

    Each sees the arrays of its input or output alone, as features. None stands for one that is left as it is, as ids are.

    Raises InputError for anything but normalizers, and for one that has ``fit_label`` itself.
    """

    @spelled
    def __init__(self, features: Parts, labels: Parts = ()) -> None:
        self.features, self.labels = _several(features, "features"), _several(labels, "labels")
        if not self.features:
            raise InputError("MultiNormalizer: features is empty; expected one normalizer, or None, for each input")

    def __repr__(self) -> str:
        return f"MultiNormalizer({list(self.features)}, labels={list(self.labels)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MultiNormalizer) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # its parts can be fitted anew

    @spelled
    def fit(self, data: Data) -> None:
        """Fit all of them in one pass over ``data``, MultiDataSets; see :meth:`Normalizer.fit`. What was there stays where one fails.

        Labels without a mask of their own count by the mask of the inputs that have their steps; InputError where those differ.
        """
        features, labels = gathered(
            data, *([None if one is None else one._running for one in side] for side in (self.features, self.labels))
        )
        for one, found in zip((*self.features, *self.labels), (*features, *labels), strict=True):
            if one is not None:
                one.features = found

    @spelled
    def transform(self, dataset: MultiDataSet) -> MultiDataSet:
        """A MultiDataSet with all that has a normalizer on the common scale; masks stay. InputError for what does not fit."""
        return self._mapped(dataset, Columns.scaled)

    @spelled
    def revert(self, dataset: MultiDataSet) -> MultiDataSet:
        """The opposite of :meth:`transform`."""
        return self._mapped(dataset, Columns.unscaled)

    @spelled
    def transform_features(self, features: Several, features_masks: SeveralMasks = None) -> list[np.ndarray]:
        """The arrays of all inputs on the common scale, 0 at steps that are masked. InputError for what does not fit."""
        return _each(self.features, features, features_masks, "features", Columns.scaled)

    @spelled
    def revert_labels(self, labels: Several, labels_masks: SeveralMasks = None) -> list[np.ndarray]:
        """What a network that learned normalised labels gives, in the labels' own units, one array for each output."""
        return _each(self.labels, labels, labels_masks, "labels", Columns.unscaled)

    def _mapped(self, dataset: MultiDataSet, change: Change) -> MultiDataSet:
        if not isinstance(dataset, MultiDataSet):
            raise InputError(f"expected a MultiDataSet, not a {type(dataset).__name__}; MultiDataSet.of(dataset) makes one of a DataSet")
        check_count(dataset, len(self.features), len(self.labels))
        x = _each(self.features, dataset.features, dataset.features_masks, "features", change)
        masks = [None if one is None else labels_mask_of(dataset, k) for k, one in enumerate(self.labels)]
        y = _each(self.labels, dataset.labels, masks, "labels", change) if self.labels else dataset.labels
        return MultiDataSet(x, y, dataset.features_masks, dataset.labels_masks)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it, without loss; :func:`any_normalizer_from` reads it. InputError before all are fitted."""
        features, labels = ([None if one is None else one.to_dict() for one in side] for side in (self.features, self.labels))
        return {"type": "multi", "features": features, "labels": labels}


AnyNormalizer = Normalizer[Any] | MultiNormalizer


def any_normalizer_from(content: Mapping[str, Any]) -> AnyNormalizer:
    """The normalizer of which ``to_dict`` told, of any class. InputError for anything else."""
    if not isinstance(content, Mapping) or content.get("type") != "multi":
        return normalizer_from(content)
    sides = [content.get(name) for name in ("features", "labels")]
    if len(content) != 3 or not all(isinstance(side, list) for side in sides):
        raise InputError(f"{shown(content)} is no normalizer; expected what to_dict() gave")
    return MultiNormalizer(*([None if one is None else normalizer_from(one) for one in side or ()] for side in sides))


def _each(parts: Parts, arrays: Several, masks: SeveralMasks, name: str, change: Change) -> list[np.ndarray]:
    """``change`` of each array that has a normalizer; the others are as they were."""
    if len(arrays) != len(parts):
        raise InputError(f"{name} are {len(arrays)} arrays, but the MultiNormalizer has {len(parts)} for {name}; give an array for each")
    each = zip(parts, arrays, masks or (None,) * len(parts), strict=True)
    return [
        np.asarray(array) if one is None else change(one.statistics("features"), array, mask, f"{name}[{k}]")
        for k, (one, array, mask) in enumerate(each)
    ]


def _several(given: object, name: str) -> tuple[Normalizer[Any] | None, ...]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise InputError(f"MultiNormalizer: {name} is {shown(given)}; expected a list with a normalizer, or None, for each")
    for k, one in enumerate(given):
        if one is not None and (not isinstance(one, Normalizer) or one.is_fit_label):
            raise InputError(
                f"MultiNormalizer: {name}[{k}] is {shown(one)}; expected a normalizer without fit_label, or None: "
                "those of outputs stand in labels=[...]"
            )
    return tuple(given)
