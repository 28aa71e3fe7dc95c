"""What normalizers have in common: statistics of features, and on request of labels, by which data get a common scale and get back.

A normalizer is fitted once, over the training data. What it does to features can be written into the exported file
(``export_onnx(net, path, normalizer=...)``), which takes raw values then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.data.columns import Columns
from rnngraph.data.dataset import DataSet
from rnngraph.data.iteration import Data
from rnngraph.data.running import Running, check_kind, gathered, labels_mask_of
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled

Change = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
C = TypeVar("C", bound=Columns)


class Normalizer(Spelled, Generic[C]):
    """What :class:`NormalizerStandardize` and :class:`NormalizerMinMaxScaler` have in common.

    ``features`` and ``labels`` are the statistics, None before :meth:`fit` and where labels are not fitted; ``is_fit_label`` says whether
    labels are normalised. Normalizers are equal where they have the same settings and statistics.
    """

    kind: ClassVar[str]

    @spelled
    def __init__(self, fit_label: bool = False) -> None:
        self.features: C | None = None
        self.labels: C | None = None
        self.fit_label(fit_label)

    @spelled
    def fit_label(self, fit_label: bool) -> None:
        """Whether labels are fitted and normalised too, as regression needs it. InputError for anything but True and False."""
        if not isinstance(fit_label, bool):
            raise InputError(f"fit_label is {shown(fit_label)}; expected True (labels are normalised too) or False")
        self.is_fit_label = fit_label

    def __repr__(self) -> str:
        sizes = "not fitted" if self.features is None else f"{len(self.features)} features"
        sizes += "" if self.labels is None else f", {len(self.labels)} labels"
        settings = {**self._settings(), "fit_label": self.is_fit_label}
        return f"<{type(self).__name__}({', '.join(f'{key}={value}' for key, value in settings.items())}), {sizes}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Normalizer) and type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it can be fitted anew

    # Statistics

    @spelled
    def fit(self, data: Data) -> None:
        """Gather the statistics in one pass over ``data``, a DataSet or any iterable of them, in the place of those of an earlier fit.

        Each column counts over all rows and all steps that are not masked. Labels without a mask of their own count by the features mask
        where they have its steps. No minibatch is kept.

        Raises InputError for arrays that are not [N, F, T] or [N, F], have another width than those before, or hold NaN or infinity at a
        step that is not masked, where no step is left, for MultiDataSets, which a MultiNormalizer takes, and for an iterator that has it as
        pre-processor; TrainingError where there are no data. What was there is then as it was.
        """
        if getattr(data, "_pre_processor", None) is self:
            raise InputError(
                f"fit: data have this {type(self).__name__} as their pre-processor, and would be normalised before they are looked at; "
                "call set_pre_processor(None) before fit, and set it again behind it"
            )
        features, labels = gathered(data, [self._running], [self._running] if self.is_fit_label else [], kind=DataSet)
        self.features, self.labels = features[0], labels[0] if labels else None

    def _running(self, columns: int) -> Running[C]:
        """Empty statistics."""
        raise NotImplementedError

    def _settings(self) -> dict[str, float]:
        """The arguments besides ``fit_label``."""
        return {}

    def statistics(self, name: str) -> C:
        """The statistics of ``name``, "features" or "labels". InputError where there are none."""
        found = self.features if name == "features" else self.labels
        if self.features is None:
            raise InputError(f"{type(self).__name__} is not fitted: call fit(data) with the training data first")
        if found is None or (name == "labels" and not self.is_fit_label):
            raise InputError(
                f"this {type(self).__name__} leaves labels as they are; to have them normalised too make it with fit_label=True and fit it"
            )
        return found

    # Arrays

    @spelled
    def transform_features(self, features: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """Features [N, F, T] or [N, F] on the common scale, 0 at steps that are masked; a new array.

        float64 stays so, all else becomes float32. InputError before fit, for another feature count, and for a mask that does not fit.
        """
        return self.statistics("features").scaled(features, features_mask)

    @spelled
    def revert_features(self, features: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """The opposite of :meth:`transform_features`; 0 at steps that are masked here too."""
        return self.statistics("features").unscaled(features, features_mask)

    @spelled
    def transform_labels(self, labels: ArrayLike, labels_mask: ArrayLike | None = None) -> np.ndarray:
        """Labels as :meth:`transform_features` has features. InputError also where labels are not fitted."""
        return self.statistics("labels").scaled(labels, labels_mask, "labels")

    @spelled
    def revert_labels(self, labels: ArrayLike, labels_mask: ArrayLike | None = None) -> np.ndarray:
        """The opposite of :meth:`transform_labels`: what a network that learned normalised labels gives, in the labels' own units."""
        return self.statistics("labels").unscaled(labels, labels_mask, "labels")

    # DataSets

    @spelled
    def transform(self, dataset: DataSet) -> DataSet:
        """A DataSet with features, and with ``fit_label`` labels, on the common scale; masks stay. Errors as :meth:`transform_features`."""
        return self._mapped(dataset, self.transform_features, self.transform_labels)

    @spelled
    def revert(self, dataset: DataSet) -> DataSet:
        """The opposite of :meth:`transform`."""
        return self._mapped(dataset, self.revert_features, self.revert_labels)

    def _mapped(self, dataset: DataSet, of_features: Change, of_labels: Change) -> DataSet:
        check_kind(dataset, DataSet)
        y = of_labels(dataset.labels, labels_mask_of(dataset)) if self.is_fit_label else dataset.labels
        return DataSet(of_features(dataset.features, dataset.features_mask), y, dataset.features_mask, dataset.labels_mask)

    # JSON

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it, without loss; :func:`rnngraph.data.normalizers.normalizer_from` reads it. InputError before fit."""
        labels = self.statistics("labels").to_dict() if self.is_fit_label else None
        return {"type": self.kind, "features": self.statistics("features").to_dict(), "labels": labels}

    @classmethod
    def holding(cls, features: Columns, labels: Columns | None) -> Self:
        """The normalizer with these statistics. InputError where they are another class's."""
        for one in (features, labels):
            if one is not None and one.kind != cls.kind:
                raise InputError(f"{cls.__name__} cannot have statistics of type {one.kind!r}; expected {cls.kind!r}")
        made = cls()
        made.fit_label(labels is not None)
        made.features, made.labels = features, labels  # type: ignore[assignment]
        return made
