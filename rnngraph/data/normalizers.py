"""NormalizerStandardize and NormalizerMinMaxScaler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.data.columns import Columns, Range, Standard, check_range, columns_from
from rnngraph.data.normalizer import Normalizer
from rnngraph.data.running import Extremes, Moments
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import spelled


class NormalizerStandardize(Normalizer[Standard]):
    """Brings each feature to mean 0 and standard deviation 1, with ``fit_label`` each label too.

    The deviation is that of the whole population, and 1e-5 at least. Once fitted it has ``mean`` and ``std`` [F], ``label_mean`` and
    ``label_std`` [C].
    """

    kind = Standard.kind

    @classmethod
    @spelled
    def from_statistics(
        cls, mean: ArrayLike, std: ArrayLike, label_mean: ArrayLike | None = None, label_std: ArrayLike | None = None
    ) -> NormalizerStandardize:
        """A fitted normalizer with these numbers, [F] and [C]; with those of labels it has ``fit_label``. InputError for what are none."""
        labels = _both(label_mean, label_std, "label_mean", "label_std")
        return cls.holding(Standard.of(mean, std), None if labels is None else Standard.of(*labels))

    @property
    def mean(self) -> np.ndarray:
        """The mean of each feature."""
        return self.statistics("features").mean

    @property
    def std(self) -> np.ndarray:
        """The standard deviation of each feature."""
        return self.statistics("features").std

    @property
    def label_mean(self) -> np.ndarray:
        """The mean of each label."""
        return self.statistics("labels").mean

    @property
    def label_std(self) -> np.ndarray:
        """The standard deviation of each label."""
        return self.statistics("labels").std

    def _running(self, columns: int) -> Moments:
        return Moments(columns)


class NormalizerMinMaxScaler(Normalizer[Range]):
    """Brings each feature to the range from ``min_range`` to ``max_range``, with ``fit_label`` each label too.

    A column whose values are all the same becomes ``min_range``: the range of a column counts as 1e-5 at least. Once fitted it has ``min``
    and ``max`` [F], ``label_min`` and ``label_max`` [C]. Raises InputError unless ``min_range`` is below ``max_range``.
    """

    kind = Range.kind

    @spelled
    def __init__(self, min_range: float = 0.0, max_range: float = 1.0, fit_label: bool = False) -> None:
        check_range(min_range, max_range)
        self.min_range, self.max_range = float(min_range), float(max_range)
        super().__init__(fit_label)

    @classmethod
    @spelled
    def from_statistics(
        cls,
        min: ArrayLike,
        max: ArrayLike,
        label_min: ArrayLike | None = None,
        label_max: ArrayLike | None = None,
        min_range: float = 0.0,
        max_range: float = 1.0,
    ) -> NormalizerMinMaxScaler:
        """A fitted normalizer with these numbers, [F] and [C]; with those of labels it has ``fit_label``. InputError for what are none."""
        labels = _both(label_min, label_max, "label_min", "label_max")
        ends = min_range, max_range
        return cls.holding(Range.of(min, max, *ends), None if labels is None else Range.of(*labels, *ends))

    @classmethod
    def holding(cls, features: Columns, labels: Columns | None) -> Self:
        """As the base class says; the range is that of the statistics."""
        made = super().holding(features, labels)
        found = made.statistics("features")
        made.min_range, made.max_range = found.min_range, found.max_range
        return made

    @property
    def min(self) -> np.ndarray:
        """The least value of each feature."""
        return self.statistics("features").min

    @property
    def max(self) -> np.ndarray:
        """The largest value of each feature."""
        return self.statistics("features").max

    @property
    def label_min(self) -> np.ndarray:
        """The least value of each label."""
        return self.statistics("labels").min

    @property
    def label_max(self) -> np.ndarray:
        """The largest value of each label."""
        return self.statistics("labels").max

    def _running(self, columns: int) -> Extremes:
        return Extremes(columns, self.min_range, self.max_range)

    def _settings(self) -> dict[str, float]:
        return {"min_range": self.min_range, "max_range": self.max_range}


KINDS: Mapping[str, type[Normalizer[Any]]] = {cls.kind: cls for cls in (NormalizerStandardize, NormalizerMinMaxScaler)}
"""The classes by the type of their statistics."""


def normalizer_from(content: Mapping[str, Any]) -> Normalizer[Any]:
    """The normalizer of which :meth:`Normalizer.to_dict` told. InputError for anything else."""
    if not isinstance(content, Mapping) or content.get("type") not in KINDS or content.keys() != {"type", "features", "labels"}:
        raise InputError(f"{shown(content)} is no normalizer; expected what to_dict() gave")
    features, labels = columns_from(content["features"]), content["labels"]
    return KINDS[content["type"]].holding(features, None if labels is None else columns_from(labels))


def _both(first: ArrayLike | None, second: ArrayLike | None, *names: str) -> tuple[ArrayLike, ArrayLike] | None:
    """Both, or None without any. InputError where one alone is given."""
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise InputError(
            f"{names[first is None]} is given without {names[first is not None]}; give both, or none where labels stay as they are"
        )
    return first, second
