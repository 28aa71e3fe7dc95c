"""What brings the columns of an array to a common scale and back. numpy only: exported files are checked with it too.

A column is a feature or an output: axis 1 of [N, F, T] and of [N, F].
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_labels_mask, as_mask, as_numeric
from rnngraph.errors import InputError
from rnngraph.names import shown

FLOOR = 1e-5
"""The least standard deviation and the least range of a column, as DL4J's: a constant one is divided by it."""


class Columns(ABC):
    """The statistics of F columns: ``(x - shift) / width + offset`` is on the common scale."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def shift(self) -> np.ndarray:
        """What is subtracted from each column, [F]."""

    @property
    @abstractmethod
    def width(self) -> np.ndarray:
        """What each column is divided by, [F]."""

    @property
    @abstractmethod
    def offset(self) -> float:
        """What is added to all columns."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The statistics as JSON holds them, without loss; :func:`columns_from` reads it."""

    def __len__(self) -> int:
        return len(self.shift)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and other.to_dict() == self.to_dict()

    __hash__ = None  # type: ignore[assignment]  # equal by its arrays

    def scaled(self, x: ArrayLike, mask: ArrayLike | None = None, name: str = "features") -> np.ndarray:
        """x [N, F, T] or [N, F] on the common scale, 0 where ``mask`` (as :func:`real_of` takes it) is 0.

        float64 stays so, all else becomes float32. InputError for an array or a mask that does not fit.
        """
        array = self._checked(x, name)
        shift, width, offset = self._over(array)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told by whoever takes the result
            return _kept((array - shift) / width + offset, mask, name)

    def unscaled(self, y: ArrayLike, mask: ArrayLike | None = None, name: str = "features") -> np.ndarray:
        """The opposite of :meth:`scaled`."""
        array = self._checked(y, name)
        shift, width, offset = self._over(array)
        with np.errstate(over="ignore", invalid="ignore"):
            return _kept((array - offset) * width + shift, mask, name)

    def _checked(self, x: ArrayLike, name: str) -> np.ndarray:
        array = in_columns(x, name)
        if array.shape[1] != len(self):
            raise InputError(
                f"{name} have {array.shape[1]} columns (shape {list(array.shape)}), but the normalizer was fitted on {len(self)}; "
                f"expected {f'[N, {len(self)}, T]' if array.ndim == 3 else f'[N, {len(self)}]'}"
            )
        return array if array.dtype == np.float64 else array.astype(np.float32, copy=False)

    def _over(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.floating[Any]]:
        """Shift and width laid along the columns of ``array``, and offset, in its data type, as an exported file has them."""
        along = (len(self), *[1] * (array.ndim - 2))
        return self.shift.astype(array.dtype).reshape(along), self.width.astype(array.dtype).reshape(along), array.dtype.type(self.offset)


@dataclass(frozen=True, eq=False)
class Standard(Columns):
    """Mean 0 and standard deviation 1."""

    kind: ClassVar[str] = "standardize"
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, mean: ArrayLike, std: ArrayLike) -> Standard:
        """From numbers [F]; a deviation below the least one becomes that. InputError for what are none."""
        first, second = _pair(mean, std, "mean", "std")
        if (second < 0).any():
            raise InputError(f"std is {second.min()} in column {second.argmin()}; a standard deviation is at least 0")
        return cls(first, _protected(np.maximum(second, FLOOR)))

    @property
    def shift(self) -> np.ndarray:
        """The mean."""
        return self.mean

    @property
    def width(self) -> np.ndarray:
        """The standard deviation."""
        return self.std

    @property
    def offset(self) -> float:
        """None."""
        return 0.0

    def to_dict(self) -> dict[str, Any]:
        """As the base class says."""
        return {"type": self.kind, "mean": self.mean.tolist(), "std": self.std.tolist()}


@dataclass(frozen=True, eq=False)
class Range(Columns):
    """From ``min_range`` to ``max_range``."""

    kind: ClassVar[str] = "min_max"
    min: np.ndarray
    max: np.ndarray
    min_range: float = 0.0
    max_range: float = 1.0

    @classmethod
    def of(cls, min: ArrayLike, max: ArrayLike, min_range: float = 0.0, max_range: float = 1.0) -> Range:
        """From numbers [F]. InputError for what are none."""
        check_range(min_range, max_range)
        first, second = _pair(min, max, "min", "max")
        if (second < first).any():
            k = int((second < first).argmax())
            raise InputError(f"column {k} has min {first[k]} and max {second[k]}; expected a max that is at least the min")
        return cls(first, second, float(min_range), float(max_range))

    @property
    def shift(self) -> np.ndarray:
        """The least value, brought to 0."""
        return self.min

    @property
    def width(self) -> np.ndarray:
        """The range of values for each 1 of the range that is wanted."""
        width: np.ndarray = np.maximum(self.max - self.min, FLOOR) / (self.max_range - self.min_range)
        return width

    @property
    def offset(self) -> float:
        """The least value that is wanted."""
        return self.min_range

    def to_dict(self) -> dict[str, Any]:
        """As the base class says."""
        ends = {"min_range": self.min_range, "max_range": self.max_range}
        return {"type": self.kind, "min": self.min.tolist(), "max": self.max.tolist(), **ends}


def columns_from(content: Mapping[str, Any]) -> Columns:
    """What :meth:`Columns.to_dict` gave. InputError for anything else."""
    kinds: dict[str, Any] = {cls.kind: cls for cls in (Standard, Range)}
    fields = dict(content) if isinstance(content, Mapping) else {}
    kind = fields.pop("type", None)
    if kind not in kinds or fields.keys() != {field.name for field in dataclasses.fields(kinds[kind])}:
        raise InputError(f"{shown(content)} are no statistics of a normalizer; expected what to_dict() gave")
    made: Columns = kinds[kind].of(**fields)
    return made


def check_range(least: object, largest: object) -> None:
    """InputError unless both are finite numbers, the first below the second."""
    ends = (least, largest)
    numbers = [end for end in ends if isinstance(end, (int, float, np.number)) and not isinstance(end, bool) and math.isfinite(end)]
    if len(numbers) < 2 or not numbers[0] < numbers[1]:
        raise InputError(f"min_range={shown(least)}, max_range={shown(largest)}: expected two finite numbers, the first below the second")


def _pair(first: ArrayLike, second: ArrayLike, *names: str) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays of statistics as float64 [F]. InputError for what is none, or not finite."""
    one, other = (_protected(_statistic(value, name)) for value, name in zip((first, second), names, strict=True))
    if len(one) != len(other):
        raise InputError(f"{names[0]} has {len(one)} columns, {names[1]} {len(other)}; expected one number of each for every column")
    return one, other


def _statistic(value: ArrayLike, name: str) -> np.ndarray:
    """DL4J's [1, F] is accepted too."""
    array = as_numeric(value, name)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1 or not array.size:
        raise InputError(f"{name} has shape {list(array.shape)}; expected [F], one number for each column")
    if not np.isfinite(array).all():
        raise InputError(f"{name} is {array[~np.isfinite(array)][0]} in column {np.isfinite(array).argmin()}; expected finite numbers")
    return array.astype(np.float64)


def _protected(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def in_columns(x: ArrayLike, name: str) -> np.ndarray:
    """``x`` as numbers [N, F, T] or [N, F]. InputError for another rank, images and video among them."""
    array = as_numeric(x, name)
    if array.ndim not in (2, 3) or not array.size:
        what = "images or video, whose pixels have no statistics of their own" if array.ndim in (4, 5) else f"of rank {array.ndim}"
        raise InputError(
            f"{name} have shape {list(array.shape)}, {what if array.size else 'which is empty'}; a normalizer takes [N, F, T] or [N, F]"
            + (": divide pixels by 255 instead" if array.ndim in (4, 5) else "")
        )
    return array


def real_of(array: np.ndarray, mask: ArrayLike | None, name: str) -> np.ndarray | None:
    """Where ``array`` [N, F, T] or [N, F] is real, as booleans that broadcast with it; None for everywhere.

    The mask is [N, T], for labels [N, F] also [N, 1]; for labels shaped as they are, where single outputs count. InputError for another.
    """
    if mask is None:
        return None
    if name.startswith("labels"):
        given = as_labels_mask(mask, array.shape)
    elif array.ndim == 3:
        given = as_mask(mask, len(array), array.shape[2], f"{name}_mask")
    else:
        raise InputError(f"{name} of shape {list(array.shape)} have no time axis that a mask could mask; leave the mask out")
    real: np.ndarray = (given if given.ndim == array.ndim else given[:, None]) != 0
    return real


def _kept(array: np.ndarray, mask: ArrayLike | None, name: str) -> np.ndarray:
    real = real_of(array, mask, name)
    return array if real is None else np.where(real, array, array.dtype.type(0))
